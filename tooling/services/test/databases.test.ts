import { expect, test } from 'vitest';
import {
  mariaDbQuery,
  postgresQuery,
  startMariaDb,
  startPostgres,
  temporaryDirectory,
  type DatabaseServer,
} from '../src/index.ts';

interface Product {
  readonly name: string;
  readonly start: (options: { directory: string }) => Promise<DatabaseServer>;
  readonly query: (server: DatabaseServer, statement: string) => Promise<string>;
  /** A statement that lasts longer than any test. */
  readonly sleep: string;
  /** How many such statements run. */
  readonly sleeping: string;
}

const PRODUCTS: Product[] = [
  {
    name: 'PostgreSQL',
    start: startPostgres,
    query: postgresQuery,
    sleep: 'SELECT pg_sleep(60)',
    sleeping: "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'",
  },
  {
    name: 'MariaDB',
    start: startMariaDb,
    query: mariaDbQuery,
    sleep: 'SELECT SLEEP(60)',
    sleeping: "SELECT COUNT(*) FROM information_schema.processlist WHERE state = 'User sleep'",
  },
];

for (const { name, start, query, sleep, sleeping } of PRODUCTS) {
  test(`${name} keeps what was committed over a kill and over a stop`, async () => {
    await using directory = await temporaryDirectory();
    await using server = await start({ directory: directory.path });
    await query(server, 'CREATE TABLE kept (number INT PRIMARY KEY)');
    await query(server, 'INSERT INTO kept VALUES (1)');
    const first = server.pid;

    expect(await server.kill()).toEqual({ code: undefined, signal: 'SIGKILL' });
    expect(server.pid).toBeUndefined();
    await expect(query(server, 'SELECT 1')).rejects.toThrow(/connect/);
    await server.start();
    expect(server.pid).not.toBe(first);
    await query(server, 'INSERT INTO kept VALUES (2)');

    expect(await server.stop()).toEqual({ code: 0, signal: undefined });
    await server.start();
    expect(await query(server, 'SELECT number FROM kept ORDER BY number')).toBe('1\n2');
  });

  test(`${name} comes back at once after a kill amid a statement`, async () => {
    await using directory = await temporaryDirectory();
    await using server = await start({ directory: directory.path });
    const asleep = query(server, sleep).catch((error: unknown) => error);
    await expect.poll(() => query(server, sleeping)).toBe('1');
    await server.kill();
    expect(await asleep).toBeInstanceOf(Error);
    await server.start();
    expect(await query(server, 'SELECT 7')).toBe('7');
  });
}
