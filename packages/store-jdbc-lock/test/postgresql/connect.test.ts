import { freePort, postgresQuery, startLink, startPostgres } from '@batonmq/services';
import { expect, test } from 'vitest';
import type { ServerOptions } from '../../src/database/server-options.ts';
import { backendOf, databaseOn, rowsOf } from './postgresql-place.ts';
import { serverOfTests } from '../fixtures/server-of-tests.ts';

const server = serverOfTests(startPostgres);

async function failureOn(ports: readonly number[], options: Partial<ServerOptions> = {}) {
  const database = databaseOn(ports, options);
  const error: unknown = await database.connect('work').catch((reason: unknown) => reason);
  return database.failureOf(error);
}

test('where nobody answers there may be somebody later', async () => {
  const port = await freePort();
  expect(await failureOn([port])).toBe('disconnected');
  expect(await failureOn([port, port])).toBe('disconnected');
});

test('what no other try would change is refused for good', async () => {
  expect(await failureOn([server.port], { database: 'unknown' })).toBe('fatal');
  expect(await failureOn([server.port], { user: 'unknown' })).toBe('fatal');
  expect(await failureOn([server.port, server.port], { user: 'unknown' })).toBe('fatal');
  // The server has no certificate.
  expect(await failureOn([server.port], { tls: { isVerified: false } })).toBe('fatal');
});

test('a host that does not answer in time is passed over', async () => {
  await using link = await startLink({ port: server.port });
  link.cut();
  const session = await databaseOn([link.port, server.port], { connectTimeoutMs: 200 }).connect(
    'work',
  );
  expect(await rowsOf(session, 'select 1 as one')).toEqual([{ one: 1 }]);
  session.destroy();
});

test('nothing comes from the environment', async () => {
  const port = await freePort();
  const before = { ...process.env };
  const misleading = { PGHOST: '127.0.0.2', PGPORT: String(port), PGUSER: 'x', PGDATABASE: 'x' };
  Object.assign(process.env, misleading, { PGSSLMODE: 'require', PGAPPNAME: 'x', PGOPTIONS: '-x' });
  try {
    const session = await databaseOn([server.port]).connect('work');
    const sql = `select current_user::text as name, current_setting('application_name') as program`;
    expect(await rowsOf(session, sql)).toEqual([{ name: 'mq', program: 'batonmq' }]);
    session.destroy();
  } finally {
    process.env = before;
  }
});

test('what an administrator allows to be lost is not', async () => {
  await postgresQuery(server, 'create role hasty superuser login');
  await postgresQuery(server, 'alter role hasty set synchronous_commit = off');
  await postgresQuery(server, `alter role hasty set statement_timeout = '10ms'`);
  const session = await databaseOn([server.port], { user: 'hasty' }).connect('work');
  const sql = `select current_setting('synchronous_commit') as commit, current_setting('statement_timeout') as timeout`;
  expect(await rowsOf(session, sql)).toEqual([{ commit: 'on', timeout: '0' }]);
  session.destroy();
});

test('a session that the server ends is known to have ended', async () => {
  const database = databaseOn([server.port]);
  const idle = await database.connect('work');
  await postgresQuery(server, `select pg_terminate_backend(${await backendOf(idle)})`);
  expect(await idle.ended).toBeInstanceOf(Error);

  const busy = await database.connect('work');
  const pid = await backendOf(busy);
  const running = rowsOf(busy, 'select pg_sleep(60)').catch((error: unknown) => error);
  await postgresQuery(server, `select pg_terminate_backend(${pid})`);
  expect(database.failureOf(await running)).toBe('disconnected');
  expect(await busy.ended).toBeInstanceOf(Error);
});
