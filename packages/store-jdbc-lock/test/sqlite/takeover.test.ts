import { destinationNumber, sequence } from '@batonmq/model';
import { nodeRuntime } from '@batonmq/runtime/node';
import { temporaryDirectory, type TemporaryDirectory } from '@batonmq/services';
import { openStore, type Lease, type Store } from '@batonmq/store-spi';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { jdbcLockStore, type JdbcLockStoreOptions } from '../../src/index.ts';
import { buildPackage } from '../fixtures/build-package.ts';
import { SqliteHolder } from '../fixtures/sqlite-holder.ts';

const ENDLESS = 1_000_000;
/** Far less than a lease, which is ten seconds. */
const TAKEOVER_MS_MAX = 2_000;
const A = destinationNumber(1);

let directory: TemporaryDirectory;
let options: JdbcLockStoreOptions;
let holder: SqliteHolder | undefined;
let store: Store | undefined;

beforeAll(buildPackage);

beforeEach(async () => {
  directory = await temporaryDirectory();
  options = { database: `sqlite:${join(directory.path, 'messages.db')}` };
});

afterEach(async () => {
  await store?.close();
  holder?.send('SIGKILL');
  await holder?.exited;
  await directory[Symbol.asyncDispose]();
});

/** A standby that has seen whom it waits for. */
async function standInLine(): Promise<{ acquiring: Promise<Lease> }> {
  const standby = openStore(jdbcLockStore(options), nodeRuntime());
  store = standby;
  return new Promise((resolve) => {
    const acquiring = standby.acquire({
      owner: 'standby',
      onProgress: () => {
        resolve({ acquiring });
      },
    });
  });
}

async function numbersIn(lease: Lease): Promise<readonly number[]> {
  await lease.recover({
    destination: () => undefined,
    producer: () => undefined,
    state: () => undefined,
  });
  const page = await lease.read(A, sequence(1), { messageCountMax: ENDLESS, bytesMax: 1 << 30 });
  return page.map(({ payload }) => Number(Buffer.from(payload).toString()));
}

test('a standby takes over at once from a process that was killed, with all that it acked', async () => {
  holder = new SqliteHolder(options, ENDLESS);
  await holder.said(/^acked 100$/);
  const { acquiring } = await standInLine();
  holder.send('SIGKILL');
  const killedAt = performance.now();
  const lease = await acquiring;
  expect(performance.now() - killedAt).toBeLessThan(TAKEOVER_MS_MAX);
  await holder.exited;
  const numbers = await numbersIn(lease);
  expect(numbers).toEqual(numbers.map((_, at) => at + 1));
  // One may have been committed and not answered any more.
  const acked = holder.lines.length;
  expect([acked, acked + 1]).toContain(numbers.length);
});

test('a standby takes over from a process that is frozen, which gives up when it wakes up', async () => {
  options = { ...options, leaseDurationMs: 500, keepAliveIntervalMs: 50, pollIntervalMs: 20 };
  holder = new SqliteHolder(options, 10);
  await holder.said(/^acked 10$/);
  const { acquiring } = await standInLine();
  holder.send('SIGSTOP');
  const lease = await acquiring;
  expect(lease.epoch).toBe(2);
  expect(await numbersIn(lease)).toHaveLength(10);
  const targets = [{ destination: A, sequence: sequence(11) }];
  await lease.append([{ type: 'message-added', targets, payload: [Buffer.from('11')] }]);
  holder.send('SIGCONT');
  await holder.said(/^lost (failed|fenced)$/);
  expect((await lease.read(A, sequence(1), { messageCountMax: 20, bytesMax: 1e6 })).length).toBe(
    11,
  );
});
