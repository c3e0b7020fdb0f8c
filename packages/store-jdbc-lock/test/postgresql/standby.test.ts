import { postgresQuery, startPostgresPair, temporaryDirectory } from '@batonmq/services';
import { expect, test } from 'vitest';
import { A, added, bytes, message } from '../fixtures/records.ts';
import { TableWriter } from '../fixtures/table-writer.ts';
import { backendOf, databaseOn, rowsOf } from './postgresql-place.ts';

test('a standby is passed over until it is promoted', { timeout: 60_000 }, async () => {
  await using directory = await temporaryDirectory();
  await using pair = await startPostgresPair({ directory: directory.path });
  const { primary, standby } = pair;
  const database = databaseOn([standby.port, primary.port]);
  const portOf = async () => {
    const session = await database.connect('work');
    const [row] = await rowsOf(session, `select current_setting('port') as port`);
    session.destroy();
    return Number(row?.['port']);
  };
  expect(await portOf()).toBe(primary.port);
  await primary.kill();
  const error: unknown = await database.connect('work').catch((reason: unknown) => reason);
  expect(database.failureOf(error)).toBe('disconnected');
  await pair.promote();
  expect(await portOf()).toBe(standby.port);
});

test('a commit that its standby has not confirmed is in doubt', { timeout: 60_000 }, async () => {
  await using directory = await temporaryDirectory();
  await using pair = await startPostgresPair({ directory: directory.path });
  const database = databaseOn([pair.primary.port]);
  const writer = await TableWriter.create(database, await database.connect('work'));
  await writer.write([added(A, 'queue://A')]);
  const pid = await backendOf(writer.session);
  await pair.standby.kill();
  const writing = writer
    .tryWrite({ epoch: TableWriter.EPOCH, batch: writer.batch + 1 }, [message(A, 1, bytes('x'))])
    .catch((error: unknown) => error);
  const waiting = `select wait_event from pg_stat_activity where pid = ${pid}`;
  while ((await postgresQuery(pair.primary, waiting)) !== 'SyncRep');
  // What a nervous administrator does; to clients it looks like success with a warning.
  await postgresQuery(pair.primary, `select pg_cancel_backend(${pid})`);
  expect(database.failureOf(await writing)).toBe('disconnected');
  expect(await writer.session.ended).toBeInstanceOf(Error);
});
