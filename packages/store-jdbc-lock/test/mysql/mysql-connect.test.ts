import {
  mariaDbQuery,
  startLink,
  startMariaDb,
  temporaryDirectory,
  testCertificates,
  type DatabaseServer,
  type TemporaryDirectory,
  type TestCertificates,
} from '@batonmq/services';
import { chmod, readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ServerOptions } from '../../src/database/server-options.ts';
import { databaseOn, makeTables, ownTables, rowsOf } from './mysql-place.ts';

let directory: TemporaryDirectory;
let server: DatabaseServer;
let replica: DatabaseServer;

beforeAll(async () => {
  directory = await temporaryDirectory();
  [server, replica] = await Promise.all([
    startMariaDb({ directory: `${directory.path}/server` }),
    startMariaDb({ directory: `${directory.path}/replica`, settings: { read_only: 'ON' } }),
  ]);
});

afterAll(async () => {
  await Promise.all([server[Symbol.asyncDispose](), replica[Symbol.asyncDispose]()]);
  await directory[Symbol.asyncDispose]();
});

/** Nobody listens there. */
const CLOSED_PORT = 1;

describe('connecting', () => {
  test('passes over hosts that are not there or take no writes', async () => {
    const database = databaseOn([CLOSED_PORT, replica.port, server.port], ownTables());
    const session = await database.connect('work');
    expect(await rowsOf(session, 'select @@port as port')).toEqual([{ port: server.port }]);
    session.destroy();
  });

  test('passes over a host that does not answer, when its time is over', async () => {
    await using link = await startLink({ port: server.port });
    link.cut();
    const database = databaseOn([link.port, server.port], ownTables(), { connectTimeoutMs: 300 });
    const session = await database.connect('work');
    expect(await rowsOf(session, 'select @@port as port')).toEqual([{ port: server.port }]);
    session.destroy();
  });

  test('to no host that takes writes may succeed later, and says why it did not', async () => {
    const database = databaseOn([CLOSED_PORT, replica.port], ownTables());
    const error: unknown = await database.connect('work').catch((reason: unknown) => reason);
    expect(database.failureOf(error)).toBe('disconnected');
    expect((error as Error).message).toContain(`127.0.0.1:${CLOSED_PORT}: connect ECONNREFUSED`);
    expect((error as Error).message).toContain(`127.0.0.1:${replica.port}: read_only is ON`);
  });

  test('with a wrong password never succeeds, and does not tell the password', async () => {
    const database = databaseOn([server.port], ownTables(), { password: 'secret' });
    const error: unknown = await database.connect('work').catch((reason: unknown) => reason);
    expect(database.failureOf(error)).toBe('fatal');
    expect((error as Error).message).toContain('Access denied');
    expect((error as Error).message).not.toContain('secret');
    expect(database.name).toBe(`mysql://mq@127.0.0.1:${server.port}/mq`);
  });

  test('refuses tables without transactions', async () => {
    const tables = ownTables();
    await mariaDbQuery(server, `create table ${tables.lease} (id int) engine = Aria`);
    const connecting = databaseOn([server.port], tables).connect('work');
    await expect(connecting).rejects.toThrow(`Table ${tables.lease} has the engine Aria`);
  });

  test('encrypted, where the server cannot do that, is refused', async () => {
    const database = databaseOn([server.port], ownTables(), { tls: { isVerified: false } });
    await expect(database.connect('work')).rejects.toMatchObject({
      code: 'HANDSHAKE_NO_SSL_SUPPORT',
    });
  });

  describe('encrypted', () => {
    let certificates: TestCertificates;
    let ca: string;

    beforeAll(async () => {
      certificates = await testCertificates();
      ca = await readFile(certificates.ca, 'utf8');
      // The server is another user.
      await chmod(certificates.directory, 0o755);
    });

    afterAll(async () => {
      await certificates[Symbol.asyncDispose]();
    });

    async function serverWith(name: string, host: string): Promise<DatabaseServer> {
      const { certificate, key } = await certificates.issue(name, host);
      await chmod(key, 0o644);
      const settings = { ssl_cert: certificate, ssl_key: key };
      return startMariaDb({ directory: `${directory.path}/${name}`, settings });
    }

    async function cipherOf(port: number, options: Partial<ServerOptions>): Promise<unknown> {
      const hosts = [{ host: 'localhost', port }];
      const session = await databaseOn([], ownTables(), { hosts, ...options }).connect('work');
      const [row] = await rowsOf(session, `show session status like 'Ssl_cipher'`);
      session.destroy();
      return row?.['Value'];
    }

    test('it takes a server that the authorities vouch for', async () => {
      await using encrypted = await serverWith('here', 'DNS:localhost');
      const { port } = encrypted;
      expect(await cipherOf(port, {})).toBe('');
      expect(await cipherOf(port, { tls: { isVerified: false } })).toMatch(/^TLS/);
      expect(await cipherOf(port, { tls: { isVerified: true, ca } })).toMatch(/^TLS/);
      await expect(cipherOf(port, { tls: { isVerified: true } })).rejects.toThrow(/certificate/);
    });

    test('it refuses a server that they vouch for elsewhere', async () => {
      await using encrypted = await serverWith('elsewhere', 'DNS:elsewhere.example');
      const connecting = cipherOf(encrypted.port, { tls: { isVerified: true, ca } });
      await expect(connecting).rejects.toThrow(/does not match certificate/);
    });

    test.each(['127.0.0.1', '::1'])('it cannot be verified who answers at %s', (host) => {
      const options = { hosts: [{ host, port: 3306 }], tls: { isVerified: true } };
      expect(() => databaseOn([], ownTables(), options)).toThrow(
        expect.objectContaining({ code: 'BATON_INVALID_OPTION' }),
      );
    });
  });
});

describe('a session', () => {
  test('does not depend on how the server is set up', async () => {
    await mariaDbQuery(
      server,
      `set global sql_mode = '', global default_storage_engine = Aria, global time_zone = '-03:00'`,
    );
    const tables = ownTables();
    const database = databaseOn([server.port], tables);
    const session = await database.connect('work');
    await makeTables(session, database, tables);
    const engines = `select distinct engine as engine from information_schema.tables where table_name like '${tables.lease.replace('lease', '')}%'`;
    expect(await rowsOf(session, engines)).toEqual([{ engine: 'InnoDB' }]);
    const before = Date.now();
    const [row] = await rowsOf(session, `select ${database.now} as now`);
    expect(row?.['now']).toBeGreaterThanOrEqual(before - 1);
    expect(row?.['now']).toBeLessThanOrEqual(Date.now() + 1);
    const long = { sql: `update ${tables.lease} set holder = repeat('x', 37)`, values: [] };
    await expect(session.run(long)).rejects.toMatchObject({ code: 'ER_DATA_TOO_LONG' });
    session.destroy();
  });

  test('counts rows that were given the values they had', async () => {
    const tables = ownTables();
    const database = databaseOn([server.port], tables);
    const session = await database.connect('work');
    await makeTables(session, database, tables);
    const update = { sql: `update ${tables.lease} set batch = batch where id = ?`, values: [1] };
    expect(await session.run(update)).toEqual({ rows: [], changedCount: 1 });
    session.destroy();
  });

  test('rejects what is under way when it is destroyed, and says that it ended', async () => {
    await using link = await startLink({ port: server.port });
    const database = databaseOn([link.port], ownTables());
    const session = await database.connect('work');
    link.cut();
    const running = [1, 2].map(() => session.run({ sql: 'select 1', values: [] }));
    session.destroy();
    for (const each of running) {
      const error: unknown = await each.catch((reason: unknown) => reason);
      expect(database.failureOf(error)).toBe('disconnected');
    }
    expect(await session.ended).toBeInstanceOf(Error);
  });

  test('rejects what is under way when the server ends it', async () => {
    const database = databaseOn([server.port], ownTables());
    const session = await database.connect('work');
    const [row] = await rowsOf(session, 'select connection_id() as id');
    const sleeping = session.run({ sql: 'select sleep(60)', values: [] });
    await mariaDbQuery(server, `kill ${Number(row?.['id'])}`);
    const error: unknown = await sleeping.catch((reason: unknown) => reason);
    expect(database.failureOf(error)).toBe('disconnected');
    expect(await session.ended).toBeInstanceOf(Error);
  });
});
