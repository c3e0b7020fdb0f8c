import { destinationNumber, sequence } from '@batonmq/model';
import { startMariaDb } from '@batonmq/services';
import type { WriteBatch, WriteRecord } from '@batonmq/store-spi';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Database } from '../../src/database/database.ts';
import type { Session } from '../../src/database/session.ts';
import type { Tables } from '../../src/schema/tables.ts';
import { ChangeSet } from '../../src/write/change-set.ts';
import { databaseOn, EPOCH, makeTables, ownTables, rowsOf } from './mysql-place.ts';
import { serverOfTests } from '../fixtures/server-of-tests.ts';

const server = serverOfTests(startMariaDb);
let tables: Tables;
let database: Database;
let session: Session;
let batch: number;

beforeEach(async () => {
  tables = ownTables();
  database = databaseOn([server.port], tables);
  session = await database.connect('work');
  await makeTables(session, database, tables);
  batch = 0;
});

afterEach(() => {
  session.destroy();
});

const QUEUE: WriteRecord = {
  type: 'destination-added',
  destination: destinationNumber(1),
  key: 'queue://A',
};
const TOPIC: WriteRecord = {
  type: 'destination-added',
  destination: destinationNumber(2),
  key: 'topic://Größe ☃',
};

function added(places: readonly (readonly [number, number])[], payload: Uint8Array): WriteRecord {
  return {
    type: 'message-added',
    targets: places.map(([destination, at]) => ({
      destination: destinationNumber(destination),
      sequence: sequence(at),
    })),
    payload: [payload],
  };
}

function removed(destination: number, at: number): WriteRecord {
  return {
    type: 'message-removed',
    destination: destinationNumber(destination),
    sequence: sequence(at),
  };
}

function write(...batches: WriteBatch[]): Promise<boolean> {
  const changes = new ChangeSet(batch * 1_000);
  for (const each of batches) changes.add(each);
  batch += 1;
  return database.write(session, changes, tables, { epoch: EPOCH, batch });
}

/** Neither a character of any set nor free of what means something in a statement. */
function payloadOf(byteCount: number, first = 0): Buffer {
  return Buffer.from(Array.from({ length: byteCount }, (_, at) => (first + at) % 256));
}

function counters(): Promise<unknown> {
  return rowsOf(
    session,
    `select destination, message_count, message_bytes, next_sequence from ${tables.destinations} order by destination`,
  );
}

describe('a write', () => {
  test.each([
    ['as text', 300],
    ['as parameters', 30_000],
  ])('stores payloads %s, byte for byte', async (_how, byteCount) => {
    await write([QUEUE]);
    await write([added([[1, 1]], payloadOf(byteCount)), added([[1, 2]], payloadOf(byteCount, 7))]);
    const rows = await rowsOf(
      session,
      `select sequence, redelivery_count, byte_count, body, payload from ${tables.messages} order by sequence`,
    );
    const same = { redelivery_count: 0, byte_count: byteCount, body: null };
    expect(rows).toEqual([
      { ...same, sequence: 1, payload: payloadOf(byteCount) },
      { ...same, sequence: 2, payload: payloadOf(byteCount, 7) },
    ]);
    expect(await counters()).toEqual([
      { destination: 1, message_count: 2, message_bytes: 2 * byteCount, next_sequence: 3 },
    ]);
  });

  test('takes what goes from the counters, in one write and with what comes', async () => {
    await write([QUEUE, TOPIC]);
    await write([1, 2, 3, 5].map((at) => added([[1, at]], payloadOf(at))));
    await write([added([[2, 1]], payloadOf(9))]);
    await write([removed(1, 1), removed(1, 5), removed(1, 77)], [added([[1, 6]], payloadOf(10))]);
    expect(await counters()).toEqual([
      { destination: 1, message_count: 3, message_bytes: 2 + 3 + 10, next_sequence: 7 },
      { destination: 2, message_count: 1, message_bytes: 9, next_sequence: 2 },
    ]);
    expect(await rowsOf(session, `select sequence from ${tables.messages} where destination = 1`)) //
      .toEqual([{ sequence: 2 }, { sequence: 3 }, { sequence: 6 }]);
  });

  test('keeps a shared body until the last of its places is gone', async () => {
    await write([QUEUE, TOPIC]);
    const places = [
      [1, 1],
      [2, 1],
      [2, 2],
    ] as const;
    await write([added(places, payloadOf(5)), added([[1, 2]], payloadOf(6))]);
    const bodies = (): Promise<unknown> =>
      rowsOf(session, `select place_count, payload from ${tables.bodies}`);
    expect(await bodies()).toEqual([{ place_count: 3, payload: payloadOf(5) }]);
    await write([removed(1, 1), removed(1, 2)]);
    expect(await bodies()).toEqual([{ place_count: 2, payload: payloadOf(5) }]);
    await write([{ type: 'destination-removed', destination: destinationNumber(2) }]);
    expect(await bodies()).toEqual([]);
    expect(await counters()).toEqual([
      { destination: 1, message_count: 0, message_bytes: 0, next_sequence: 3 },
    ]);
  });

  test('counts redeliveries, marks producers, and keeps states', async () => {
    const put = (value: string): WriteRecord => ({
      type: 'state-put',
      space: 'a',
      key: `k'\\"?`,
      value: Buffer.from(value),
    });
    await write([QUEUE]);
    await write([1, 2, 3].map((at) => added([[1, at]], payloadOf(at))));
    const messages = { destination: destinationNumber(1), count: 4 };
    await write([
      { type: 'redelivery-counted', ...messages, sequence: sequence(1) },
      { type: 'redelivery-counted', ...messages, sequence: sequence(3) },
      { type: 'producer-marked', producer: `p;'☃`, sequence: 2 ** 53 - 1 },
      { type: 'producer-marked', producer: 'q', sequence: 1 },
      put('old'),
    ]);
    await write([
      { type: 'producer-marked', producer: 'q', sequence: 5 },
      put('new'),
      { type: 'state-put', space: 'a', key: 'large', value: payloadOf(50_000) },
    ]);
    expect(
      await rowsOf(session, `select redelivery_count from ${tables.messages} order by sequence`),
    ).toEqual([{ redelivery_count: 4 }, { redelivery_count: 0 }, { redelivery_count: 4 }]);
    expect(
      await rowsOf(session, `select producer, sequence from ${tables.producers} order by producer`),
    ).toEqual([
      { producer: `p;'☃`, sequence: 2 ** 53 - 1 },
      { producer: 'q', sequence: 5 },
    ]);
    expect(
      await rowsOf(session, `select state_key, value from ${tables.states} order by state_key`),
    ).toEqual([
      { state_key: `k'\\\\"?`, value: Buffer.from('new') },
      { state_key: 'large', value: payloadOf(50_000) },
    ]);
    await write([
      { type: 'producer-forgotten', producer: 'q' },
      { type: 'state-removed', space: 'a', key: 'large' },
    ]);
    expect(await rowsOf(session, `select producer from ${tables.producers}`)).toHaveLength(1);
    expect(await rowsOf(session, `select state_key from ${tables.states}`)).toHaveLength(1);
  });

  test('of more than one packet is one transaction', async () => {
    await write([QUEUE]);
    const records = Array.from({ length: 24 }, (_, at) =>
      added([[1, at + 1]], payloadOf(1_000_000)),
    );
    expect(await write(records)).toBe(true);
    expect(await counters()).toMatchObject([{ message_count: 24, message_bytes: 24_000_000 }]);
  });

  test('of a message that no packet holds says so, and leaves the session as it was', async () => {
    await write([QUEUE]);
    const error: unknown = await write([added([[1, 1]], Buffer.alloc(17_000_000))]).catch(
      (reason: unknown) => reason,
    );
    expect(database.failureOf(error)).toBe('full');
    expect((error as Error).message).toContain('max_allowed_packet of the server is 16777216');
    batch -= 1;
    expect(await write([added([[1, 1]], Buffer.alloc(16_000_000))])).toBe(true);
  });
});

describe('the fence', () => {
  test('keeps a destination from being removed by who may not', async () => {
    await write([QUEUE]);
    await write([added([[1, 1]], payloadOf(5))]);
    for (const fence of [
      { epoch: EPOCH - 1, batch: 3 },
      { epoch: EPOCH, batch: 2 },
    ]) {
      const changes = new ChangeSet(1);
      changes.add([{ type: 'destination-removed', destination: destinationNumber(1) }]);
      expect(await database.write(session, changes, tables, fence)).toBe(false);
    }
    expect(await counters()).toHaveLength(1);
    expect(await rowsOf(session, `select sequence from ${tables.messages}`)).toHaveLength(1);
  });

  test.each([
    ['an epoch that is over', { epoch: EPOCH - 1, batch: 2 }],
    ['a batch that was written', { epoch: EPOCH, batch: 1 }],
    ['a batch too far ahead', { epoch: EPOCH, batch: 3 }],
  ])('lets nothing of %s through', async (_what, fence) => {
    await write([QUEUE, { type: 'state-put', space: 's', key: 'k', value: payloadOf(3) }]);
    for (const byteCount of [10, 100_000]) {
      const changes = new ChangeSet(1);
      changes.add([
        added([[1, 1]], payloadOf(byteCount)),
        { type: 'state-removed', space: 's', key: 'k' },
      ]);
      expect(await database.write(session, changes, tables, fence)).toBe(false);
    }
    expect(await rowsOf(session, `select sequence from ${tables.messages}`)).toEqual([]);
    expect(await rowsOf(session, `select state_key from ${tables.states}`)).toHaveLength(1);
    expect(await write([added([[1, 1]], payloadOf(10))])).toBe(true);
  });

  test('does not hold without the row', async () => {
    await session.run({ sql: `delete from ${tables.lease}`, values: [] });
    expect(await write([QUEUE])).toBe(false);
    expect(await counters()).toEqual([]);
  });

  test('lets one of two writers with the same number through', async () => {
    const other = await database.connect('work');
    const changes = [1, 2].map((destination) => {
      const set = new ChangeSet(1);
      set.add([{ ...QUEUE, destination: destinationNumber(destination) }]);
      return set;
    }) as [ChangeSet, ChangeSet];
    const fence = { epoch: EPOCH, batch: 1 };
    const outcomes = await Promise.all([
      database.write(session, changes[0], tables, fence),
      database.write(other, changes[1], tables, fence),
    ]);
    expect(outcomes.toSorted()).toEqual([false, true]);
    expect(await counters()).toHaveLength(1);
    other.destroy();
  });
});

test('a lease is renewed while a destination is being removed, however long that takes', async () => {
  await write([QUEUE]);
  await write([added([[1, 1]], payloadOf(10))]);
  const other = await database.connect('work');
  await other.run({ sql: 'start transaction', values: [] });
  await rowsOf(other, `select sequence from ${tables.messages} for update`);
  const settled: string[] = [];
  const removal = write([{ type: 'destination-removed', destination: destinationNumber(1) }]).then(
    () => settled.push('removed'),
  );
  const waiting = `select trx_id from information_schema.innodb_trx where trx_state = 'LOCK WAIT'`;
  // Who asks more often than ten times a second gets the old answer.
  const patience = { timeout: 4_000, interval: 200 };
  await expect.poll(() => rowsOf(other, waiting), patience).toHaveLength(1);
  const holder = await database.connect('lock');
  await holder.run({ sql: `update ${tables.lease} set expires_at = 5 where id = 1`, values: [] });
  settled.push('renewed');
  await other.run({ sql: 'rollback', values: [] });
  await removal;
  expect(settled).toEqual(['renewed', 'removed']);
  expect(await counters()).toEqual([]);
  holder.destroy();
  other.destroy();
});

test('a statement that fails undoes the write, and the session goes on', async () => {
  await write([QUEUE, { type: 'producer-marked', producer: 'p', sequence: 1 }]);
  await session.run({ sql: `alter table ${tables.states} rename to gone`, values: [] });
  const put: WriteRecord = { type: 'state-put', space: 's', key: 'k', value: payloadOf(3) };
  for (const byteCount of [10, 100_000]) {
    const writing = write([added([[1, 1]], payloadOf(byteCount)), put]);
    await expect(writing).rejects.toMatchObject({ code: 'ER_NO_SUCH_TABLE' });
    batch -= 1;
  }
  await session.run({ sql: `alter table gone rename to ${tables.states}`, values: [] });
  expect(await rowsOf(session, `select sequence from ${tables.messages}`)).toEqual([]);
  expect(await write([added([[1, 1]], payloadOf(3)), put])).toBe(true);
});

test('says about how much room the tables take', async () => {
  await write([QUEUE]);
  await write([1, 2, 3, 4].map((at) => added([[1, at]], payloadOf(1_000_000))));
  await session.run({ sql: `analyze table ${tables.messages}`, values: [] });
  const [row] = (await session.run(database.usedBytes(tables))).rows;
  expect(row?.['bytes']).toBeGreaterThan(4_000_000);
  expect(row?.['bytes']).toBeLessThan(20_000_000);
});
