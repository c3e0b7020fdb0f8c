import { destinationNumber } from '@batonmq/model';
import { startGalera, temporaryDirectory, type DatabaseServer } from '@batonmq/services';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Database, Fence } from '../../src/database/database.ts';
import type { Session } from '../../src/database/session.ts';
import type { Tables } from '../../src/schema/tables.ts';
import { ChangeSet } from '../../src/write/change-set.ts';
import { databaseOn, EPOCH, makeTables, ownTables, rowsOf } from './mysql-place.ts';

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let cluster: Awaited<ReturnType<typeof startGalera>>;
let ports: readonly number[];

beforeAll(async () => {
  directory = await temporaryDirectory();
  cluster = await startGalera({ directory: directory.path });
  ports = cluster.nodes.map(({ port }) => port);
}, 120_000);

afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
  await directory[Symbol.asyncDispose]();
});

interface Writer {
  readonly database: Database;
  readonly session: Session;
}

async function writersOnEach(tables: Tables): Promise<readonly Writer[]> {
  return Promise.all(
    ports.map(async (port) => {
      const database = databaseOn([port], tables);
      return { database, session: await database.connect('work') };
    }),
  );
}

function destination(number: number): ChangeSet {
  const changes = new ChangeSet(1);
  const key = `queue://${number}`;
  changes.add([{ type: 'destination-added', destination: destinationNumber(number), key }]);
  return changes;
}

async function outcomeOf(
  { database, session }: Writer,
  changes: ChangeSet,
  tables: Tables,
  fence: Fence,
): Promise<unknown> {
  try {
    return await database.write(session, changes, tables, fence);
  } catch (error) {
    return database.failureOf(error);
  }
}

test(
  'of writers on different nodes with the same number one takes effect, and each node shows it at once',
  { timeout: 60_000 },
  async () => {
    const tables = ownTables();
    const writers = await writersOnEach(tables);
    const [first] = writers as [Writer];
    await makeTables(first.session, first.database, tables);
    // With several statements in a packet, one round of fifteen went wrong.
    const rounds = 200;
    for (let batch = 1; batch <= rounds; batch += 1) {
      const outcomes = await Promise.all(
        writers.map((writer, node) =>
          outcomeOf(writer, destination(batch * 10 + node), tables, { epoch: EPOCH, batch }),
        ),
      );
      const losers = outcomes.filter((outcome) => outcome !== true);
      expect(losers).toHaveLength(writers.length - 1);
      expect(losers.every((outcome) => outcome === false || outcome === 'retry')).toBe(true);
      for (const { session } of writers) {
        const rows = await rowsOf(session, `select destination from ${tables.destinations}`);
        expect(rows).toHaveLength(batch);
      }
    }
    for (const { session } of writers) session.destroy();
  },
);

test('there is no session lock: that of a node means nothing on the others', async () => {
  const database = databaseOn(ports, ownTables());
  const session = await database.connect('lock');
  expect(await database.sessionLockOn(session)).toBeUndefined();
  session.destroy();
});

test('a write that is too large for the cluster is refused, and changes nothing', async () => {
  const tables = ownTables();
  const [first] = cluster.nodes as [DatabaseServer];
  const database = databaseOn([first.port], tables);
  const session = await database.connect('work');
  await makeTables(session, database, tables);
  await session.run({ sql: 'set global wsrep_max_ws_size = 100000', values: [] });
  const fence = { epoch: EPOCH, batch: 1 };
  const changes = destination(1);
  const value = Buffer.alloc(200_000);
  changes.add([{ type: 'state-put', space: 's', key: 'k', value }]);
  expect(await outcomeOf({ database, session }, changes, tables, fence)).toBe('full');
  expect(await outcomeOf({ database, session }, destination(1), tables, fence)).toBe(true);
  session.destroy();
});

test('a node without the others takes no writes, and a node that is gone is passed over', async () => {
  const tables = ownTables();
  const [first, second, third] = cluster.nodes as [DatabaseServer, DatabaseServer, DatabaseServer];
  const onThird = databaseOn([third.port], tables);
  const session = await onThird.connect('work');
  await makeTables(session, onThird, tables);

  await first.kill();
  const connected = await databaseOn(ports, tables).connect('work');
  expect(await rowsOf(connected, 'select @@port as port')).toEqual([{ port: second.port }]);
  connected.destroy();

  await second.kill();
  const write = (): Promise<unknown> =>
    outcomeOf({ database: onThird, session }, destination(1), tables, { epoch: EPOCH, batch: 1 });
  await expect.poll(write, { timeout: 10_000 }).toBe('disconnected');
  const error: unknown = await onThird.connect('work').catch((reason: unknown) => reason);
  expect(onThird.failureOf(error)).toBe('disconnected');
  session.destroy();
}, 60_000);
