import { destination } from '@batonmq/model';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { PolicyEntry } from '../src/index.ts';
import { TestClient, TestWorld } from './test-client.ts';

const QUEUE = destination('queue', 'A');

let world: TestWorld;
beforeEach(() => {
  world = new TestWorld();
});
afterEach(() => world.end());

async function clientWith(policy: Partial<PolicyEntry>): Promise<TestClient> {
  const policies = [{ queue: '>', ...policy } as PolicyEntry];
  const client = new TestClient(world, await world.broker({}, { policies }));
  for (const text of ['1', '2', '3', '4']) await client.send('A', text);
  return client;
}

describe('a queue that waits for two consumers', () => {
  test('gives out nothing to one, and starts when the second comes', async () => {
    const client = await clientWith({ consumersBeforeDispatchStarts: 2 });
    const first = client.consume('A');
    await world.elapse(500);
    expect(first.texts).toEqual([]);
    const second = client.consume('A');
    await world.elapse();
    expect([first.texts, second.texts]).toEqual([
      ['1', '3'],
      ['2', '4'],
    ]);
  });

  test('starts with one after a second', async () => {
    const client = await clientWith({ consumersBeforeDispatchStarts: 2 });
    const first = client.consume('A');
    await world.elapse(1100);
    expect(first.texts).toHaveLength(4);
  });

  test('waits as long as the policy says', async () => {
    const wait = { consumersBeforeDispatchStarts: 2, timeBeforeDispatchStarts: 5000 };
    const client = await clientWith(wait);
    const first = client.consume('A');
    await world.elapse(4900);
    expect(first.texts).toEqual([]);
    await world.elapse(200);
    expect(first.texts).toHaveLength(4);
  });
});

test('a queue that waits for some time starts over when all consumers have left', async () => {
  const client = await clientWith({ timeBeforeDispatchStarts: 200 });
  const first = client.consume('A', { prefetchCount: 1 });
  await world.elapse(250);
  expect(first.texts).toEqual(['1']);
  first.subscription.close(-1);
  const second = client.consume('A');
  await world.elapse(150);
  expect(second.texts).toEqual([]);
  await world.elapse(100);
  expect(second.texts).toHaveLength(4);
});

test('in strict order one consumer is filled before the next', async () => {
  const client = await clientWith({ strictOrderDispatch: true });
  const first = client.consume('A', { prefetchCount: 3 });
  const second = client.consume('A');
  await world.elapse();
  expect([first.texts, second.texts]).toEqual([['1', '2', '3'], ['4']]);
});

test('prefetch beyond the policy is cut', async () => {
  const client = await clientWith({ queuePrefetch: 2, queueBrowserPrefetch: 3 });
  const browser = client.consume('A', { isBrowser: true });
  const consumer = client.consume('A');
  consumer.subscription.setPrefetch(100);
  await world.elapse();
  expect([consumer.texts.length, browser.texts.length]).toEqual([2, 3]);
});

test('a paused queue takes messages and gives out none until it is resumed', async () => {
  const broker = await world.broker();
  const client = new TestClient(world, broker);
  await client.send('A', '1');
  broker.pauseQueue(QUEUE);
  const consumer = client.consume('A');
  const pulling = client.consume('A', { prefetchCount: 0 });
  await client.send('A', '2');
  await world.elapse();
  pulling.subscription.pull(-1);
  await world.elapse();
  expect([consumer.texts, pulling.exhaustedCount]).toEqual([[], 1]);
  expect(broker.destinations()[0]).toMatchObject({ messageCount: 2, isPaused: true });
  broker.resumeQueue(QUEUE);
  await world.elapse();
  expect(consumer.texts).toEqual(['1', '2']);
  expect(broker.destinations()[0]).toMatchObject({ isPaused: false });
});

test('only a queue that exists can be paused', async () => {
  const broker = await world.broker();
  expect(() => {
    broker.pauseQueue(QUEUE);
  }).toThrow(expect.objectContaining({ code: 'BATON_INVALID_DESTINATION' }));
});
