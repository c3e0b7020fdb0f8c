import { destinationNumber, sequence } from '@batonmq/model';
import {
  freePort,
  postgresQuery,
  startLink,
  startPostgres,
  temporaryDirectory,
  type DatabaseServer,
  type TemporaryDirectory,
} from '@batonmq/services';
import type { WriteBatch } from '@batonmq/store-spi';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Database, Purpose } from '../src/database/database.ts';
import type { PostgresqlOptions } from '../src/database/postgresql/options.ts';
import { postgresqlDatabase } from '../src/database/postgresql/postgresql-database.ts';
import type { Session } from '../src/database/session.ts';
import { tablesWith } from '../src/schema/tables.ts';
import { changesOf, fence, makeTables } from './fixtures/tables.ts';

const QUEUE = destinationNumber(1);
const TOPIC = destinationNumber(2);
/** Short enough to wait for, long enough for a loaded machine. */
const LEASE_MS = 1_000;

let directory: TemporaryDirectory;
let server: DatabaseServer;
let prefix = 0;
const sessions: Session[] = [];

beforeAll(async () => {
  directory = await temporaryDirectory();
  server = await startPostgres({ directory: directory.path });
});

afterEach(() => {
  for (const session of sessions.splice(0)) session.destroy();
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await directory[Symbol.asyncDispose]();
});

function databaseAt(options: Partial<PostgresqlOptions> = {}): Database {
  return postgresqlDatabase({
    hosts: [{ host: '127.0.0.1', port: server.port }],
    user: 'mq',
    database: 'mq',
    connectTimeoutMs: 5_000,
    leaseDurationMs: LEASE_MS,
    tables: tablesWith('baton_'),
    ...options,
  });
}

async function connected(database: Database, purpose: Purpose = 'work'): Promise<Session> {
  const session = await database.connect(purpose);
  sessions.push(session);
  return session;
}

/** A store of its own, in which the queue and the topic are there. */
async function newStore() {
  const database = databaseAt();
  const session = await connected(database);
  prefix += 1;
  const tables = await makeTables(session, database, `t${prefix}_`);
  const write = async (number: number, batch: WriteBatch, over = session): Promise<boolean> =>
    database.write(over, changesOf(batch), tables, fence(number));
  const rows = async (sql: string) => (await session.run({ sql, values: [] })).rows;
  await write(1, [
    { type: 'destination-added', destination: QUEUE, key: 'queue://A' },
    { type: 'destination-added', destination: TOPIC, key: 'topic://B' },
  ]);
  return { database, session, tables, write, rows };
}

function added(...sequences: number[]): WriteBatch {
  return sequences.map((number) => ({
    type: 'message-added',
    targets: [{ destination: QUEUE, sequence: sequence(number) }],
    payload: [Buffer.from(`message ${number}`)],
  }));
}

function removed(...sequences: number[]): WriteBatch {
  return sequences.map((number) => ({
    type: 'message-removed',
    destination: QUEUE,
    sequence: sequence(number),
  }));
}

describe('a write', () => {
  test('counts what it adds and what of the removed was there', async () => {
    const { tables, write, rows } = await newStore();
    await write(2, added(1, 2, 3, 4, 5));
    expect(await write(3, [...added(6), ...removed(1, 2, 4, 77)])).toBe(true);
    expect(await rows(`select sequence from ${tables.messages} order by sequence`)).toEqual(
      [3, 5, 6].map((number) => ({ sequence: number })),
    );
    expect(await rows(`select * from ${tables.destinations} where destination = 1`)).toEqual([
      {
        destination: 1,
        destination_key: 'queue://A',
        message_count: 3,
        message_bytes: 27,
        next_sequence: 7,
      },
    ]);
  });

  test('of a deposed epoch, or of another number, changes nothing', async () => {
    const { database, session, tables, write, rows } = await newStore();
    await write(2, added(1));
    await rows(`update ${tables.lease} set epoch = 2, batch = 0`);
    const all: WriteBatch = [
      ...added(2),
      ...removed(1),
      { type: 'redelivery-counted', destination: QUEUE, sequence: sequence(1), count: 3 },
      { type: 'producer-marked', producer: 'p', sequence: 1 },
      { type: 'state-put', space: 's', key: 'k', value: Buffer.from('v') },
    ];
    const contents = async () =>
      Promise.all(Object.values(tables).map((table) => rows(`select * from ${table}`)));
    const before = await contents();
    expect(await write(3, all)).toBe(false);
    expect(await write(3, [...all, { type: 'destination-removed', destination: TOPIC }])).toBe(
      false,
    );
    expect(await database.write(session, changesOf(all), tables, fence(2, 2))).toBe(false);
    expect(await contents()).toEqual(before);
    expect(await database.write(session, changesOf(all), tables, fence(1, 2))).toBe(true);
  });

  test('that is sent on two connections at once takes effect once', async () => {
    const { database, tables, write, rows } = await newStore();
    const others = [await connected(database), await connected(database)];
    for (let number = 2; number < 22; number += 1) {
      const outcomes = others.map((other) => write(number, added(number), other));
      expect((await Promise.all(outcomes)).sort()).toEqual([false, true]);
    }
    expect(
      await rows(`select message_count from ${tables.destinations} where destination = 1`),
    ).toEqual([{ message_count: 20 }]);
  });

  test('that removes a destination may give its number to another one', async () => {
    const { tables, write, rows } = await newStore();
    await write(2, added(1, 2));
    await write(3, [
      { type: 'destination-removed', destination: QUEUE },
      { type: 'destination-added', destination: QUEUE, key: 'queue://C' },
      ...added(1),
    ]);
    expect(await rows(`select * from ${tables.destinations} where destination = 1`)).toEqual([
      {
        destination: 1,
        destination_key: 'queue://C',
        message_count: 1,
        message_bytes: 9,
        next_sequence: 2,
      },
    ]);
    expect(await rows(`select count(*) as count from ${tables.messages}`)).toEqual([{ count: 1 }]);
  });

  test('is prepared once for all that have the same parts', async () => {
    const { session, write } = await newStore();
    for (let number = 2; number < 12; number += 1) await write(number, added(number));
    const { rows } = await session.run({
      sql: `select generic_plans + custom_plans as plans from pg_prepared_statements where statement like '%added as%'`,
      values: [],
    });
    expect(rows).toEqual([{ plans: 10 }]);
  });

  test('too large to be read again is refused as such', async () => {
    const { database, write } = await newStore();
    const payload = [new Uint8Array(256 * 1024 * 1024)];
    const targets = [{ destination: QUEUE, sequence: sequence(1) }];
    const error: unknown = await write(2, [{ type: 'message-added', targets, payload }]).catch(
      (reason: unknown) => reason,
    );
    expect(database.failureOf(error)).toBe('full');
  });
});

describe('the session lock', () => {
  test('is free milliseconds after the connection of its holder is gone', async () => {
    const database = databaseAt();
    const holder = await connected(database, 'lock');
    const waiting = await connected(database, 'lock');
    const lock = await database.sessionLockOn(waiting);
    expect(await (await database.sessionLockOn(holder))?.take(0)).toBe(true);
    expect(await lock?.take(0)).toBe(false);
    expect(await lock?.take(50)).toBe(false);

    const taken = lock?.take(LEASE_MS);
    holder.destroy();
    const before = performance.now();
    expect(await taken).toBe(true);
    expect(performance.now() - before).toBeLessThan(LEASE_MS / 2);
  });

  test('taken several times is given back at once', async () => {
    const database = databaseAt();
    const one = await database.sessionLockOn(await connected(database, 'lock'));
    const other = await database.sessionLockOn(await connected(database, 'lock'));
    expect(await one?.take(0)).toBe(true);
    expect(await one?.take(100)).toBe(true);
    await one?.giveBack();
    expect(await other?.take(0)).toBe(true);
  });

  test('is of its tables alone', async () => {
    const first = databaseAt();
    const second = databaseAt({ tables: tablesWith('other_') });
    const one = await first.sessionLockOn(await connected(first, 'lock'));
    const other = await second.sessionLockOn(await connected(second, 'lock'));
    expect(await one?.take(0)).toBe(true);
    expect(await other?.take(0)).toBe(true);
  });

  test('is taken from a holder that says nothing for a lease', async () => {
    await using link = await startLink({ port: server.port });
    const cutOff = databaseAt({ hosts: [{ host: '127.0.0.1', port: link.port }] });
    const holder = await connected(cutOff, 'lock');
    expect(await (await cutOff.sessionLockOn(holder))?.take(0)).toBe(true);
    link.cut();
    const database = databaseAt();
    const lock = await database.sessionLockOn(await connected(database, 'lock'));
    expect(await lock?.take(3 * LEASE_MS)).toBe(true);
    link.heal();
    expect(await holder.ended).toBeInstanceOf(Error);
  });
});

describe('a connection', () => {
  test('that is destroyed rejects what is under way, and all that comes', async () => {
    const database = databaseAt();
    const session = await connected(database);
    const running = session.run({ sql: 'select pg_sleep(60)', values: [] });
    session.destroy();
    const failures = [running, session.run({ sql: 'select 1', values: [] })];
    for (const failure of failures) {
      const error: unknown = await failure.catch((reason: unknown) => reason);
      expect(database.failureOf(error)).toBe('disconnected');
    }
    expect(await session.ended).toBeInstanceOf(Error);
  });

  test.each([
    ['idle', 'select 1'],
    ['in the middle of a statement', 'select pg_sleep(60)'],
  ])('that the server ends while it is %s is known to have ended', async (_, sql) => {
    const database = databaseAt();
    const session = await connected(database);
    const [row] = (await session.run({ sql: 'select pg_backend_pid() as pid', values: [] })).rows;
    const running = session.run({ sql, values: [] }).catch((error: unknown) => error);
    if (sql === 'select 1') await running;
    await postgresQuery(server, `select pg_terminate_backend(${Number(row?.['pid'])})`);
    expect(await session.ended).toBeInstanceOf(Error);
    if (sql !== 'select 1') expect(database.failureOf(await running)).toBe('disconnected');
  });

  test('is refused for good where the database or the user is unknown, and not where nobody answers', async () => {
    const failureWith = async (options: Partial<PostgresqlOptions>) => {
      const database = databaseAt(options);
      const error: unknown = await database.connect('work').catch((reason: unknown) => reason);
      return database.failureOf(error);
    };
    const nobody = { host: '127.0.0.1', port: await freePort() };
    expect(await failureWith({ database: 'unknown' })).toBe('fatal');
    expect(await failureWith({ user: 'unknown' })).toBe('fatal');
    expect(await failureWith({ tls: { isVerified: false } })).toBe('fatal');
    expect(await failureWith({ hosts: [nobody] })).toBe('disconnected');
    expect(await failureWith({ hosts: [nobody, nobody] })).toBe('disconnected');
  });

  test('whose host does not answer in time is passed over', async () => {
    await using link = await startLink({ port: server.port });
    link.cut();
    const hosts = [link.port, server.port].map((port) => ({ host: '127.0.0.1', port }));
    const session = await connected(databaseAt({ hosts, connectTimeoutMs: 200 }));
    const { rows } = await session.run({ sql: 'select 1 as one', values: [] });
    expect(rows).toEqual([{ one: 1 }]);
  });
});

describe('a statement that is cancelled or waits too long', () => {
  test('may be tried again', async () => {
    const { database, session, tables, write } = await newStore();
    const other = await connected(databaseAt({ leaseDurationMs: 60_000 }));
    const [row] = (await session.run({ sql: 'select pg_backend_pid() as pid', values: [] })).rows;
    await other.run({ sql: 'begin', values: [] });
    await other.run({ sql: `select 1 from ${tables.lease} for update`, values: [] });
    const tooLong: unknown = await write(2, added(1)).catch((error: unknown) => error);
    expect(database.failureOf(tooLong)).toBe('retry');
    const cancelled = write(2, added(1)).catch((error: unknown) => error);
    await postgresQuery(server, `select pg_cancel_backend(${Number(row?.['pid'])})`);
    expect(database.failureOf(await cancelled)).toBe('retry');
    await other.run({ sql: 'rollback', values: [] });
    expect(await write(2, added(1))).toBe(true);
  });
});
