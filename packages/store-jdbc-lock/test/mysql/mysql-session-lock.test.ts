import { present } from '@batonmq/model';
import { fileURLToPath } from 'node:url';
import { ManagedProcess, startLink, startMariaDb } from '@batonmq/services';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Database, SessionLock } from '../../src/database/database.ts';
import type { Session } from '../../src/database/session.ts';
import { tablesWith } from '../../src/schema/tables.ts';
import { mysqlDatabase } from '../../src/database/mysql/mysql-database.ts';
import type { ServerOptions } from '../../src/database/server-options.ts';
import { buildPackage } from '../fixtures/build-package.ts';
import { databaseOn, optionsOn, ownTables } from './mysql-place.ts';
import { serverOfTests } from '../fixtures/server-of-tests.ts';

const server = serverOfTests(startMariaDb);

const HOLDER = fileURLToPath(new URL('lock-holder.mjs', import.meta.url));

beforeAll(buildPackage, 120_000);

interface Contender extends Disposable {
  readonly session: Session;
  readonly lock: SessionLock;
}

async function contenderFor(database: Database): Promise<Contender> {
  const session = await database.connect('lock');
  const lock = present(await database.sessionLockOn(session), 'a server alone has a lock');
  return {
    session,
    lock,
    [Symbol.dispose]: () => {
      session.destroy();
    },
  };
}

test('one holds it, as often as it asks, until it gives it back once', async () => {
  const database = databaseOn([server.port], ownTables());
  using holder = await contenderFor(database);
  using next = await contenderFor(database);
  expect(await holder.lock.take(0)).toBe(true);
  expect(await holder.lock.take(0)).toBe(true);
  expect(await next.lock.take(0)).toBe(false);
  const waiting = next.lock.take(10_000);
  await holder.lock.giveBack();
  expect(await waiting).toBe(true);
});

test('a wait is as long as it was asked for', async () => {
  const database = databaseOn([server.port], ownTables());
  using holder = await contenderFor(database);
  using next = await contenderFor(database);
  await holder.lock.take(0);
  const start = performance.now();
  expect(await next.lock.take(300)).toBe(false);
  expect(performance.now() - start).toBeGreaterThan(250);
  expect(performance.now() - start).toBeLessThan(3_000);
});

test('it is of the tables, whatever else the server holds', async () => {
  using one = await contenderFor(databaseOn([server.port], tablesWith('one_')));
  using other = await contenderFor(databaseOn([server.port], tablesWith('other_')));
  expect(await one.lock.take(0)).toBe(true);
  expect(await other.lock.take(0)).toBe(true);
});

describe('a holder in another process', () => {
  async function startHolder(options: ServerOptions): Promise<ManagedProcess> {
    const holder = new ManagedProcess(process.execPath, [HOLDER, JSON.stringify(options)]);
    await holder.line(/^held$/);
    return holder;
  }

  test('that is killed leaves the lock within milliseconds', async () => {
    const options = optionsOn([server.port], ownTables());
    await using holder = await startHolder(options);
    using next = await contenderFor(mysqlDatabase(options));
    const waiting = next.lock.take(10_000);
    const start = performance.now();
    await holder.kill('SIGKILL');
    expect(await waiting).toBe(true);
    expect(performance.now() - start).toBeLessThan(250);
  });

  test('that is frozen loses the lock after a lease, and knows when it wakes up', async () => {
    const options = optionsOn([server.port], ownTables(), { leaseDurationMs: 1_000 });
    await using holder = await startHolder(options);
    using next = await contenderFor(mysqlDatabase(options));
    holder.signal('SIGSTOP');
    const start = performance.now();
    expect(await next.lock.take(10_000)).toBe(true);
    expect(performance.now() - start).toBeLessThan(4_000);
    holder.signal('SIGCONT');
    await holder.line(/^ended$/);
  });

  test('whose link is cut loses the lock after a lease', async () => {
    await using link = await startLink({ port: server.port });
    const tables = ownTables();
    const options = { leaseDurationMs: 1_000 };
    using holder = await contenderFor(databaseOn([link.port], tables, options));
    using next = await contenderFor(databaseOn([server.port], tables, options));
    await holder.lock.take(0);
    link.cut();
    const start = performance.now();
    expect(await next.lock.take(10_000)).toBe(true);
    expect(performance.now() - start).toBeLessThan(4_000);
    link.heal();
    expect(await holder.session.ended).toBeInstanceOf(Error);
  });
});
