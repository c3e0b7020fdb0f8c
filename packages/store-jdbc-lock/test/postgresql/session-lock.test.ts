import { present } from '@batonmq/model';
import { ManagedProcess, startLink, startPostgres } from '@batonmq/services';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import type { Database, SessionLock } from '../../src/database/database.ts';
import type { Session } from '../../src/database/session.ts';
import { tablesWith } from '../../src/schema/tables.ts';
import { buildPackage } from '../fixtures/build-package.ts';
import { backendOf, databaseOn, optionsOn, rowsOf } from './postgresql-place.ts';
import { serverOfTests } from '../fixtures/server-of-tests.ts';

const HOLDER = fileURLToPath(new URL('lock-holder.mjs', import.meta.url));
const LEASE_MS = 1_000;
/** Far more than it takes, so that a test that fails is seen to. */
const LONG_MS = 20_000;

const server = serverOfTests(startPostgres);
let lockCount = 0;

beforeAll(buildPackage, 120_000);

/** A lock that no other test has, over a server that notices silence after {@link LEASE_MS}. */
function newLock(port = server.port) {
  lockCount += 1;
  return optionsOn([port], {
    tables: tablesWith(`t${lockCount}_`),
    leaseDurationMs: LEASE_MS,
  });
}

interface Contender extends Disposable {
  readonly session: Session;
  readonly lock: SessionLock;
}

async function contenderFor(database: Database): Promise<Contender> {
  const session = await database.connect('lock');
  const lock = present(await database.sessionLockOn(session), 'PostgreSQL has locks');
  return {
    session,
    lock,
    [Symbol.dispose]: () => {
      session.destroy();
    },
  };
}

async function startHolder(options: ReturnType<typeof newLock>): Promise<ManagedProcess> {
  const holder = new ManagedProcess(process.execPath, [HOLDER, JSON.stringify(options)]);
  await holder.line(/^held$/);
  return holder;
}

test('is free within milliseconds when the process of its holder is killed', async () => {
  const options = newLock();
  await using holder = await startHolder(options);
  using next = await contenderFor(databaseOn([server.port], options));
  const waiting = next.lock.take(LONG_MS);
  const start = performance.now();
  await holder.kill('SIGKILL');
  expect(await waiting).toBe(true);
  expect(performance.now() - start).toBeLessThan(250);
});

test('is taken from a holder that is frozen, after a lease, and it knows when it wakes up', async () => {
  const options = newLock();
  await using holder = await startHolder(options);
  using next = await contenderFor(databaseOn([server.port], options));
  holder.signal('SIGSTOP');
  const start = performance.now();
  expect(await next.lock.take(LONG_MS)).toBe(true);
  expect(performance.now() - start).toBeLessThan(4 * LEASE_MS);
  holder.signal('SIGCONT');
  await holder.line(/^ended$/);
});

test('is taken from a holder whose link is cut, after a lease', async () => {
  await using link = await startLink({ port: server.port });
  const options = newLock();
  using holder = await contenderFor(
    databaseOn([link.port], { ...options, hosts: [{ host: '127.0.0.1', port: link.port }] }),
  );
  using next = await contenderFor(databaseOn([server.port], options));
  expect(await holder.lock.take(0)).toBe(true);
  link.cut();
  expect(await next.lock.take(LONG_MS)).toBe(true);
  link.heal();
  expect(await holder.session.ended).toBeInstanceOf(Error);
});

test('is of its tables alone, and of its schema', async () => {
  using one = await contenderFor(databaseOn([server.port], newLock()));
  using other = await contenderFor(databaseOn([server.port], newLock()));
  const options = newLock();
  using third = await contenderFor(databaseOn([server.port], options));
  using elsewhere = await contenderFor(databaseOn([server.port], options));
  await rowsOf(elsewhere.session, 'create schema elsewhere');
  await rowsOf(elsewhere.session, 'set search_path = elsewhere');
  for (const { lock } of [one, other, third, elsewhere]) expect(await lock.take(0)).toBe(true);
});

test('asked for again after a wait in vain is held once', async () => {
  const database = databaseOn([server.port], newLock());
  using holder = await contenderFor(database);
  using next = await contenderFor(database);
  expect(await holder.lock.take(0)).toBe(true);
  expect(await next.lock.take(50)).toBe(false);
  await holder.lock.giveBack();
  expect(await next.lock.take(50)).toBe(true);
  expect(await next.lock.take(50)).toBe(true);
  const held = `select count(*) as count from pg_locks where locktype = 'advisory' and pid = `;
  expect(await rowsOf(holder.session, `${held}${await backendOf(next.session)}`)).toEqual([
    { count: 1 },
  ]);
  await next.lock.giveBack();
  expect(await holder.lock.take(0)).toBe(true);
});
