/**
 * Question: how fast is a store that only copies? The ceiling for every other, and the price of the
 * contract's checks and promises.
 * Workload: 20,000 messages of 1 KiB from 64 senders, read back in pages.
 * Leaves out: disks, networks, batches of more than one message.
 * Run with `npx vitest bench packages/store-memory`.
 */
import { nodeRuntime } from '@batonmq/runtime/node';
import { memoryStore } from '@batonmq/store-memory';
import { storeBenchmark } from '@batonmq/store-testkit';
import { bench } from 'vitest';

bench('20,000 messages through the memory store', async () => {
  await storeBenchmark({ plugin: memoryStore(), components: nodeRuntime() });
});
