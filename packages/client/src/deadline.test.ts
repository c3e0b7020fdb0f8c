import { getEventListeners } from 'node:events';
import { nodeClock } from '@batonmq/runtime/node';
import { expect, test } from 'vitest';
import { waitFor } from './deadline.ts';

const clock = nodeClock();

test('a thousand waits on one signal put one listener on it, and its abort ends them all', async () => {
  const controller = new AbortController();
  const { signal } = controller;
  const waits = Array.from({ length: 1000 }, (_, index) =>
    waitFor(clock, `wait ${index}`, { signal }, () => undefined),
  );
  expect(getEventListeners(signal, 'abort')).toHaveLength(1);

  controller.abort();
  const outcomes = await Promise.allSettled(waits.map(({ promise }) => promise));
  expect(outcomes.every(({ status }) => status === 'rejected')).toBe(true);
});

test('a wait that ended is not cleaned up by a later abort', async () => {
  const controller = new AbortController();
  let cleanedUp = 0;
  const { promise, resolve } = waitFor<number>(
    clock,
    'an answer',
    { signal: controller.signal },
    () => (cleanedUp += 1),
  );
  resolve(42);
  controller.abort();
  expect(await promise).toBe(42);
  expect(cleanedUp).toBe(0);
});
