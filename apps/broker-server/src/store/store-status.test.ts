import { nodeRuntime } from '@batonmq/runtime/node';
import { SimClock } from '@batonmq/runtime/sim';
import { memoryStore } from '@batonmq/store-memory';
import { openStore } from '@batonmq/store-spi';
import { expect, test } from 'vitest';
import { storeStatus } from './store-status.ts';

const store = openStore(memoryStore(), nodeRuntime());

test('a status has what the store says of itself', async () => {
  const status = await storeStatus('memory:', store, new SimClock());
  expect(status).toMatchObject({ uri: 'memory:', messageCount: 0 });
});

test('a store that does not answer is a problem of the status, and not its end', async () => {
  const clock = new SimClock();
  const silent = { inspect: () => new Promise<never>(() => undefined) };
  expect(await clock.run(storeStatus('memory:', silent, clock))).toEqual({
    uri: 'memory:',
    problem: 'the store has not answered for 3000 ms',
  });
});
