import { destinationNumber, sequence } from '@batonmq/model';
import { startMariaDb } from '@batonmq/services';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Database, Fence } from '../../src/database/database.ts';
import { MysqlSession } from '../../src/database/mysql/mysql-session.ts';
import { mysqlWrite } from '../../src/database/mysql/mysql-write.ts';
import type { Session } from '../../src/database/session.ts';
import type { Tables } from '../../src/schema/tables.ts';
import { ChangeSet } from '../../src/write/change-set.ts';
import { databaseOn, EPOCH, makeTables, ownTables, rowsOf } from './mysql-place.ts';
import { serverOfTests } from '../fixtures/server-of-tests.ts';

const server = serverOfTests(startMariaDb);

const DESTINATION = destinationNumber(1);

async function makeStore(database: Database, tables: Tables): Promise<void> {
  const session = await database.connect('work');
  await makeTables(session, database, tables);
  const queue = new ChangeSet(1);
  queue.add([{ type: 'destination-added', destination: DESTINATION, key: 'queue://A' }]);
  await database.write(session, queue, tables, { epoch: EPOCH, batch: 1 });
  session.destroy();
}

/** `count` messages, the numbers of which continue those of the batches before. */
function messages(batch: number, count: number, byteCount: number): ChangeSet {
  const changes = new ChangeSet(1);
  for (let at = 1; at <= count; at += 1) {
    const target = { destination: DESTINATION, sequence: sequence(batch * count + at) };
    changes.add([{ type: 'message-added', targets: [target], payload: [Buffer.alloc(byteCount)] }]);
  }
  return changes;
}

async function stored(session: Session, tables: Tables): Promise<unknown> {
  const sql = `select (select count(*) from ${tables.messages}) as stored, message_count as counted, batch
    from ${tables.destinations} join ${tables.lease}`;
  return (await rowsOf(session, sql))[0];
}

test.each([
  ['one packet', 12],
  ['several packets', 1_024],
])(
  'a write of %s during which the server is killed takes effect once when it is sent again',
  { timeout: 120_000 },
  async (_size, byteCount) => {
    const tables = ownTables();
    const database = databaseOn([server.port], tables);
    await makeStore(database, tables);
    const rounds = 6;
    for (let round = 0; round < rounds; round += 1) {
      const changes = messages(round, 1_000, byteCount);
      const fence: Fence = { epoch: EPOCH, batch: round + 2 };
      const session = await database.connect('work');
      const first = database.write(session, changes, tables, fence).catch((error: unknown) => {
        expect(database.failureOf(error)).toBe('disconnected');
        return undefined;
      });
      await delay(round * 5);
      await server.kill();
      const outcome = await first;
      await server.start();

      const again = await database.connect('work');
      const tookEffect = (await stored(again, tables)) as { batch: number };
      if (outcome === true) expect(tookEffect.batch).toBe(fence.batch);
      const isNew = await database.write(again, changes, tables, fence);
      expect(isNew).toBe(tookEffect.batch === fence.batch - 1);
      const count = 1_000 * (round + 1);
      expect(await stored(again, tables)).toEqual({
        stored: count,
        counted: count,
        batch: fence.batch,
      });
      again.destroy();
    }
  },
);

test('a write that falls silent halfway is undone after a lease, and the next one goes on', async () => {
  const tables = ownTables();
  const leaseDurationMs = 1_000;
  const database = databaseOn([server.port], tables, { leaseDurationMs });
  await makeStore(database, tables);
  const silent = await database.connect('work');
  if (!(silent instanceof MysqlSession)) throw new Error('not of this database');
  const other = await database.connect('work');

  const fence: Fence = { epoch: EPOCH, batch: 2 };
  const limits = { packetBytesMax: 1_000_000, areSingle: false, leaseDurationMs };
  const requests = mysqlWrite(messages(0, 2, 20_000), tables, fence, limits);
  expect(requests).toHaveLength(3);
  await silent.sendAll(requests.slice(0, 2), { sql: 'rollback' });

  const start = performance.now();
  const changes = messages(0, 1, 10);
  while (!(await isWritten(database, other, changes, tables, fence))) await delay(10);
  expect(performance.now() - start).toBeLessThan(5_000);
  expect(await silent.ended).toBeInstanceOf(Error);
  expect(await stored(other, tables)).toEqual({ stored: 1, counted: 1, batch: 2 });
  other.destroy();
});

async function isWritten(database: Database, ...write: WriteArguments): Promise<boolean> {
  try {
    return await database.write(...write);
  } catch (error) {
    expect(database.failureOf(error)).toBe('retry');
    return false;
  }
}

type WriteArguments = Parameters<Database['write']>;
