import { postgresQuery, startPostgres } from '@batonmq/services';
import { expect, test } from 'vitest';
import type { Session } from '../../src/database/session.ts';
import { A, added, bytes, dropped, message, removed } from '../fixtures/records.ts';
import { TableWriter } from '../fixtures/table-writer.ts';
import { backendOf, databaseOn, rowsOf } from './postgresql-place.ts';
import { serverOfTests } from '../fixtures/server-of-tests.ts';

const PAYLOAD = new Uint8Array(1_000);
const PER_WRITE = 2_000;

const server = serverOfTests(startPostgres);

async function newWriter(options: Parameters<typeof databaseOn>[1] = {}): Promise<TableWriter> {
  const database = databaseOn([server.port], options);
  const writer = await TableWriter.create(database, await database.connect('work'));
  await writer.write([added(A, 'queue://A')]);
  return writer;
}

const eventLoopTurn = async () => new Promise((resolve) => setImmediate(resolve));
const nextFence = ({ batch }: TableWriter) => ({ epoch: TableWriter.EPOCH, batch: batch + 1 });

async function counted(session: Session, { tables }: TableWriter) {
  const [row] = await rowsOf(
    session,
    `select message_count, (select count(*) from ${tables.messages}) as stored_count from ${tables.destinations}`,
  );
  return row;
}

test('a write that the server dies of takes effect once, however often it is sent', async () => {
  const writer = await newWriter();
  const { database, tables } = writer;
  let expectedCount = 0;
  // From the server dying before anything arrives to it dying after the commit.
  for (const turns of [0, 1, 10, 100, 1_000]) {
    const fence = nextFence(writer);
    const session = await database.connect('work');
    const changes = writer.changesOf(
      Array.from({ length: PER_WRITE }, (_, at) =>
        message(A, fence.batch * PER_WRITE + at, PAYLOAD),
      ),
    );
    const outcome = database
      .write(session, changes, tables, fence)
      .catch((error: unknown) => error);
    for (let turn = 0; turn < turns; turn += 1) await eventLoopTurn();
    await server.kill();
    const first = await outcome;
    if (first !== true) expect(database.failureOf(first)).toBe('disconnected');
    await server.start();

    const again = await database.connect('work');
    await database.write(again, changes, tables, fence);
    expect(await database.write(again, changes, tables, fence)).toBe(false);
    expectedCount += PER_WRITE;
    expect(await counted(again, writer)).toEqual({
      message_count: expectedCount,
      stored_count: expectedCount,
    });
    again.destroy();
    writer.batch = fence.batch;
  }
});

test('a write that is sent on two sessions at once takes effect once', async () => {
  const writer = await newWriter();
  const { database, tables, session } = writer;
  const other = await database.connect('work');
  for (let number = 1; number <= 20; number += 1) {
    const fence = nextFence(writer);
    const changes = writer.changesOf([message(A, number, PAYLOAD), removed(A, number - 1)]);
    const outcomes = [session, other].map((each) => database.write(each, changes, tables, fence));
    expect((await Promise.all(outcomes)).toSorted()).toEqual([false, true]);
    writer.batch = fence.batch;
  }
  expect(await counted(other, writer)).toEqual({ message_count: 1, stored_count: 1 });
  other.destroy();
});

test('a write that waits too long for the lease row, or is cancelled there, may be tried again', async () => {
  const writer = await newWriter({ leaseDurationMs: 500 });
  const { database, session, tables } = writer;
  const other = await databaseOn([server.port]).connect('work');
  await rowsOf(other, 'begin');
  await rowsOf(other, `select 1 from ${tables.lease} for update`);
  const write = async () => {
    const writing = writer.tryWrite(nextFence(writer), [message(A, 1, PAYLOAD)]);
    return writing.catch((error: unknown) => error);
  };
  expect(database.failureOf(await write())).toBe('retry');
  const pid = await backendOf(session);
  const cancelled = write();
  await postgresQuery(server, `select pg_cancel_backend(${pid})`);
  expect(database.failureOf(await cancelled)).toBe('retry');
  await rowsOf(other, 'rollback');
  expect(await write()).toBe(true);
  other.destroy();
});

test('a lease is renewed while a large destination is being removed', async () => {
  const writer = await newWriter();
  const { database, session, rows } = writer;
  for (let from = 1; from <= 100_000; from += 20_000) {
    await writer.write(
      Array.from({ length: 20_000 }, (_, at) => message(A, from + at, bytes('x'))),
    );
  }
  const pid = await backendOf(session);
  const other = await database.connect('lock');
  const settled: string[] = [];
  const removal = writer.write([dropped(A)]).then(() => settled.push('removed'));
  const statement = `select query from pg_stat_activity where pid = ${pid} and query like '%removed_destinations%'`;
  while ((await rowsOf(other, statement)).length === 0);
  const mine = { holder: '5a3c1d0e-0000-4000-8000-000000000001', owner: 'a', hasLock: true };
  await other.run(rows.renew(TableWriter.EPOCH, mine));
  settled.push('renewed');
  await removal;
  expect(settled).toEqual(['renewed', 'removed']);
  expect(await writer.contents()).toEqual(writer.expected);
  other.destroy();
});

test('a message that could not be read again is refused for its size', async () => {
  const writer = await newWriter();
  const tooLarge = message(A, 1, new Uint8Array(256 * 1024 * 1024));
  const error: unknown = await writer
    .tryWrite(nextFence(writer), [tooLarge])
    .catch((e: unknown) => e);
  expect(writer.database.failureOf(error)).toBe('full');
});

test('writes of the same parts are prepared once in a session', async () => {
  const writer = await newWriter();
  for (let number = 1; number <= 10; number += 1)
    await writer.write([message(A, number, bytes('x'))]);
  const sql = `select generic_plans, custom_plans from pg_prepared_statements where statement like '%added as%'`;
  expect(await rowsOf(writer.session, sql)).toEqual([{ generic_plans: 10, custom_plans: 0 }]);
});
