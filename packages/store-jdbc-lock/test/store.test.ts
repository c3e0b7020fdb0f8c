import { destinationNumber, sequence } from '@batonmq/model';
import { nodeRuntime } from '@batonmq/runtime/node';
import {
  freePort,
  postgresQuery,
  startLink,
  startPostgres,
  temporaryDirectory,
} from '@batonmq/services';
import {
  openStore,
  type AcquireProgress,
  type Lease,
  type RecoveredDestination,
  type Store,
  type WriteRecord,
} from '@batonmq/store-spi';
import { afterEach, describe, expect, test } from 'vitest';
import { jdbcLockStore, type JdbcLockStoreOptions } from '../src/index.ts';
import { SCHEMA_VERSION } from '../src/schema/migrations.ts';
import { serverOfTests } from './fixtures/server-of-tests.ts';

const A = destinationNumber(1);

const server = serverOfTests(startPostgres);
const stores: Store[] = [];

afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
});

function open(options: Partial<JdbcLockStoreOptions> & { readonly tablePrefix: string }): Store {
  const quick = { leaseDurationMs: 2_000, keepAliveIntervalMs: 50, pollIntervalMs: 20 };
  const plugin = jdbcLockStore({ database: server.uri, ...quick, ...options });
  const store = openStore(plugin, nodeRuntime());
  stores.push(store);
  return store;
}

async function keysOf(lease: Lease): Promise<readonly string[]> {
  const keys: string[] = [];
  await lease.recover({
    destination: ({ key }) => keys.push(key),
    producer: () => undefined,
    state: () => undefined,
  });
  return keys;
}

describe('the tables', () => {
  test('of a newer version are refused, and left as they are', async () => {
    const tablePrefix = 'newer_';
    const lease = await open({ tablePrefix }).acquire({ owner: 'a' });
    await lease.release();
    await postgresQuery(server, `update newer_lease set schema_version = ${SCHEMA_VERSION + 1}`);
    await expect(open({ tablePrefix }).acquire({ owner: 'b' })).rejects.toMatchObject({
      code: 'BATON_STORE_FORMAT',
      message: expect.stringContaining(`version ${SCHEMA_VERSION + 1}`) as string,
    });
    expect(await postgresQuery(server, 'select epoch from newer_lease')).toBe('1');
  });

  test.each([0, 1, 3])(
    'of version %i are brought to the newest, with what is in them',
    async (version) => {
      const tablePrefix = `older${version}_`;
      const first = await open({ tablePrefix }).acquire({ owner: 'a' });
      await first.recover({
        destination: () => undefined,
        producer: () => undefined,
        state: () => undefined,
      });
      await first.append([{ type: 'destination-added', destination: A, key: 'queue://A' }]);
      await first.release();
      // As if the program had died after a step, or before it was recorded.
      const later = ['bodies', 'producers', 'states'].slice(Math.max(0, version - 2));
      if (version > 0) {
        for (const table of later) await postgresQuery(server, `drop table ${tablePrefix}${table}`);
      }
      await postgresQuery(server, `update ${tablePrefix}lease set schema_version = ${version}`);
      const lease = await open({ tablePrefix }).acquire({ owner: 'b' });
      expect(await keysOf(lease)).toEqual(['queue://A']);
      const recorded = await postgresQuery(
        server,
        `select schema_version from ${tablePrefix}lease`,
      );
      expect(recorded).toBe(String(SCHEMA_VERSION));
    },
  );

  test('of several prefixes are several stores', async () => {
    const [one, other] = await Promise.all(
      ['one_', 'other_'].map((tablePrefix) => open({ tablePrefix }).acquire({ owner: 'a' })),
    );
    expect([one?.epoch, other?.epoch]).toEqual([1, 1]);
  });

  test('are made once when several brokers come at the same time', async () => {
    const owners = ['a', 'b', 'c', 'd'];
    const opened = owners.map(() => open({ tablePrefix: 'several_' }));
    const epochs: number[] = [];
    await Promise.all(
      opened.map(async (store, at) => {
        const lease = await store.acquire({ owner: owners[at] ?? '' });
        expect(await keysOf(lease)).toEqual([]);
        epochs.push(lease.epoch);
        await lease.release();
      }),
    );
    expect(epochs.sort()).toEqual([1, 2, 3, 4]);
  });
});

describe('the line', () => {
  test('a second live broker of the same name is refused', async () => {
    const tablePrefix = 'namesake_';
    await open({ tablePrefix }).acquire({ owner: 'a' });
    await expect(open({ tablePrefix }).acquire({ owner: 'a' })).rejects.toMatchObject({
      code: 'BATON_NAME_IN_USE',
    });
  });

  test('whose turn it is, is told once for each holder', async () => {
    const tablePrefix = 'told_';
    const first = await open({ tablePrefix }).acquire({ owner: 'first' });
    const progress: AcquireProgress[] = [];
    const second = open({ tablePrefix }).acquire({
      owner: 'second',
      onProgress: (step) => {
        progress.push(step);
        void first.release();
      },
    });
    await second;
    expect(progress).toEqual([{ type: 'waiting', holder: 'first' }]);
  });
});

describe('what cannot be reached', () => {
  test('a database that is not there yet is waited for', async () => {
    const port = await freePort();
    await using place = await temporaryDirectory();
    const database = `postgres://mq@127.0.0.1:${port}/mq`;
    const acquiring = open({ tablePrefix: 'late_', database }).acquire({ owner: 'a' });
    await using late = await startPostgres({ directory: place.path, port });
    expect((await acquiring).epoch).toBe(1);
    await (await acquiring).release();
    expect(late.port).toBe(port);
  });

  test.each([['a database that does not exist', 'nowhere', /database "nowhere" does not exist/]])(
    '%s is an error at once',
    async (_, name, message) => {
      const database = server.uri.replace(/\/mq$/, `/${name}`);
      await expect(
        open({ tablePrefix: 'x_', database }).acquire({ owner: 'a' }),
      ).rejects.toMatchObject({
        code: 'BATON_STORE_FAILED',
        message: expect.stringMatching(message) as string,
      });
    },
  );
});

test('a message without room in one write is written beside others, each whole', async () => {
  const lease = await open({ tablePrefix: 'large_' }).acquire({ owner: 'a' });
  await keysOf(lease);
  await lease.append([{ type: 'destination-added', destination: A, key: 'queue://A' }]);
  const sizes = [1, 5 << 20, 3, 9 << 20, 4 << 20, 2];
  await Promise.all(
    sizes.map((size, at) =>
      lease.append([
        {
          type: 'message-added',
          targets: [{ destination: A, sequence: sequence(at + 1) }],
          payload: [new Uint8Array(size)],
        },
      ]),
    ),
  );
  const limits = { messageCountMax: 10, bytesMax: 1 << 30 };
  const page = await lease.read(A, sequence(1), limits);
  expect(page.map(({ payload }) => payload.length)).toEqual(sizes);
});

test('a connection that is lost now and then is made again at once, however often', async () => {
  await using link = await startLink({ port: server.port });
  const database = server.uri.replace(`:${server.port}/`, `:${link.port}/`);
  const long = { leaseDurationMs: 20_000, tablePrefix: 'often_' };
  const lease = await open({ ...long, database }).acquire({ owner: 'a' });
  await keysOf(lease);
  const pausesMs: number[] = [];
  for (let loss = 0; loss < 10; loss += 1) {
    link.reset();
    const lostAt = performance.now();
    const value = new Uint8Array([loss]);
    await lease.append([{ type: 'state-put', space: 'test', key: 'losses', value }]);
    pausesMs.push(performance.now() - lostAt);
  }
  expect(Math.min(...pausesMs.slice(5))).toBeLessThan(500);
});

describe('the first message of a destination', () => {
  const COUNT = 21_000;
  const own = `select value from first_states where space = '\\0first-sequence'`;

  /** Adds and removes so many that the holder looks for the first one, and waits until it has noted it. */
  async function consumeMany(lease: Lease): Promise<void> {
    await lease.append([{ type: 'destination-added', destination: A, key: 'queue://A' }]);
    const sequences = Array.from({ length: COUNT }, (_, at) => sequence(at + 1));
    await lease.append(sequences.map((at) => added(at)));
    const consumed = sequences.slice(0, COUNT - 1);
    await lease.append(
      consumed.map((at) => ({ type: 'message-removed', destination: A, sequence: at })),
    );
    // It is noted with the next write that comes after the look.
    while ((await postgresQuery(server, own)) === '') {
      await lease.append([{ type: 'producer-marked', producer: 'p', sequence: 1 }]);
    }
  }

  function added(at: number): WriteRecord {
    const targets = [{ destination: A, sequence: sequence(at) }];
    return { type: 'message-added', targets, payload: [new Uint8Array(1)] };
  }

  test('is noted, so that a takeover need not look for it; and forgotten with it', async () => {
    const store = open({ tablePrefix: 'first_' });
    const first = await store.acquire({ owner: 'a' });
    await keysOf(first);
    await consumeMany(first);
    await first.release();

    const second = await store.acquire({ owner: 'a' });
    const recovered: RecoveredDestination[] = [];
    const spaces: string[] = [];
    await second.recover({
      destination: (one) => recovered.push(one),
      producer: () => undefined,
      state: (space) => spaces.push(space),
    });
    expect(recovered).toMatchObject([
      { messageCount: 1, firstSequence: COUNT, nextSequence: COUNT + 1 },
    ]);
    expect(spaces).toEqual([]);
    const noted = await postgresQuery(server, own.replace('value', `convert_from(value, 'UTF8')`));
    expect(noted).toBe(String(COUNT));

    await second.append([
      { type: 'destination-removed', destination: A },
      { type: 'destination-added', destination: A, key: 'queue://A' },
    ]);
    await second.append([added(1)]);
    await second.release();
    const third = await store.acquire({ owner: 'a' });
    const again: RecoveredDestination[] = [];
    await third.recover({
      destination: (one) => again.push(one),
      producer: () => undefined,
      state: () => undefined,
    });
    expect(again).toMatchObject([{ messageCount: 1, firstSequence: 1, nextSequence: 2 }]);
  });
});
