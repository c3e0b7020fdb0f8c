import { destinationNumber, present, sequence } from '@batonmq/model';
import { nodeRuntime } from '@batonmq/runtime/node';
import { temporaryDirectory } from '@batonmq/services';
import { openStore, type Lease } from '@batonmq/store-spi';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import { jdbcLockStore } from '../../src/index.ts';
import { buildPackage } from '../fixtures/build-package.ts';

const HOLDER = fileURLToPath(new URL('../fixtures/sqlite-holder.mjs', import.meta.url));
const ACKED_BEFORE_KILL = 100;
/** Far less than a lease, which is ten seconds. */
const TAKEOVER_MS_MAX = 2_000;

beforeAll(buildPackage);

test('a standby takes over at once from a process that was killed, with all that it acked', async () => {
  await using directory = await temporaryDirectory();
  const file = join(directory.path, 'messages.db');
  const holder = spawn(process.execPath, [HOLDER, file], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(holder, 'exit');
  const lines = createInterface({ input: holder.stdout });
  let acked = 0;
  await new Promise<void>((resolve) => {
    lines.on('line', () => {
      acked += 1;
      if (acked === ACKED_BEFORE_KILL) resolve();
    });
  });
  const store = openStore(jdbcLockStore({ database: `sqlite:${file}` }), nodeRuntime());
  let acquiring: Promise<Lease> | undefined;
  await new Promise<void>((resolve) => {
    acquiring = store.acquire({
      owner: 'standby',
      onProgress: () => {
        resolve();
      },
    });
  });
  holder.kill('SIGKILL');
  const killedAt = performance.now();
  const lease = await present(acquiring, 'it waits in line');
  expect(performance.now() - killedAt).toBeLessThan(TAKEOVER_MS_MAX);
  await exited;

  let next = 0;
  await lease.recover({
    destination: ({ nextSequence }) => (next = nextSequence),
    producer: () => undefined,
    state: () => undefined,
  });
  const limits = { messageCountMax: 1_000_000, bytesMax: 1 << 30 };
  const page = await lease.read(destinationNumber(1), sequence(1), limits);
  // One may have been committed and not answered any more.
  expect([acked, acked + 1]).toContain(page.length);
  expect(page.map(({ payload }) => Number(Buffer.from(payload).toString()))).toEqual(
    page.map((_, at) => at + 1),
  );
  expect(next).toBe(page.length + 1);
  await store.close();
});
