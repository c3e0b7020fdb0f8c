import { parseDestination } from '@batonmq/model';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { BrokerOptions } from '../src/index.ts';
import { TestClient, TestWorld } from './test-client.ts';

const SMALL = { queueWindowMessages: 32, pageMessages: 16 } satisfies BrokerOptions;
const PRIORITIZED = { policies: [{ queue: 'P.>', prioritizedMessages: true }] };

let world: TestWorld;
beforeEach(() => {
  world = new TestWorld();
});
afterEach(() => world.end());

test('without the policy the order is that of arrival', async () => {
  const client = new TestClient(world, await world.broker());
  for (const priority of [1, 9, 4]) await client.send('A', String(priority), { priority });
  const consumer = client.consume('A');
  await world.elapse();
  expect(consumer.texts).toEqual(['1', '9', '4']);
});

test.each([true, false])('greater priority goes first, stored: %s', async (isPersistent) => {
  const client = new TestClient(world, await world.broker({}, PRIORITIZED));
  for (const round of ['a', 'b']) {
    for (const priority of [0, 9, 4, 5]) {
      await client.send('P.A', `${priority}${round}`, { priority, isPersistent });
    }
  }
  const consumer = client.consume('P.A');
  await world.elapse();
  expect(consumer.texts).toEqual(['9a', '9b', '5a', '5b', '4a', '4b', '0a', '0b']);
});

test('the greatest priority is found behind a backlog of any length, also after a takeover', async () => {
  const first = await world.broker(SMALL, PRIORITIZED);
  const client = new TestClient(world, first);
  for (let index = 0; index < 1000; index += 1) {
    client.connection.send(client.message('P.A', String(index)));
  }
  await client.send('P.A', 'urgent', { priority: 9 });
  const second = await world.broker(SMALL, PRIORITIZED);
  world.space.depose();
  await world.elapse();
  expect(second.destinations().map(({ messageCount }) => messageCount)).toEqual([1001]);
  const again = new TestClient(world, second);
  const consumer = again.consume('P.A', { prefetchCount: 5 });
  await world.elapse();
  expect(consumer.texts).toEqual(['urgent', '0', '1', '2', '3']);
});

test('a backlog of greater priority is read before anything of less is given out', async () => {
  const client = new TestClient(world, await world.broker(SMALL, PRIORITIZED));
  await client.send('P.A', 'low', { priority: 0 });
  const high = Array.from({ length: 200 }, (_, index) => String(index));
  for (const text of high) await client.send('P.A', text, { priority: 7 });
  const consumer = client.consume('P.A', { prefetchCount: 1 }).ackAtOnce();
  await world.elapse(100);
  expect(consumer.texts).toEqual([...high, 'low']);
});

test('redelivered messages come first within their priority', async () => {
  const client = new TestClient(world, await world.broker({}, PRIORITIZED));
  for (const priority of [4, 9]) await client.send('P.A', `${priority}a`, { priority });
  const first = client.consume('P.A');
  await world.elapse();
  for (const priority of [4, 9]) await client.send('P.A', `${priority}b`, { priority });
  first.subscription.close(-2);
  const second = client.consume('P.A');
  await world.elapse();
  expect(second.texts).toEqual(['9a', '9b', '4a', '4b']);
  expect(second.counts).toEqual([1, 1, 1, 1]);
});

test('what a priority held in the store goes with its queue', async () => {
  const first = await world.broker({}, PRIORITIZED);
  const client = new TestClient(world, first);
  await client.send('P.A', 'low', { priority: 1 });
  await client.send('P.A', 'high', { priority: 9 });
  client.connection.removeDestination(parseDestination('P.A'), { isForced: true });
  await client.send('P.B', 'x');
  const second = await world.broker({}, PRIORITIZED);
  world.space.depose();
  await world.elapse();
  const names = second.destinations().map(({ destination }) => destination.name);
  expect(names).toEqual(['P.B']);
});

test('a priority that was stored is served although the policy is gone', async () => {
  const client = new TestClient(world, await world.broker({}, PRIORITIZED));
  await client.send('P.A', 'low', { priority: 1 });
  await client.send('P.A', 'high', { priority: 9 });
  const second = await world.broker();
  world.space.depose();
  await world.elapse();
  const again = new TestClient(world, second);
  await again.send('P.A', 'new', { priority: 9 });
  const consumer = again.consume('P.A');
  await world.elapse();
  expect(consumer.texts).toEqual(['high', 'new', 'low']);
});

test('no client can name what the store knows a priority by', async () => {
  const client = new TestClient(world, await world.broker({}, PRIORITIZED));
  await expect(client.send('P.A?priority=9', 'x')).rejects.toMatchObject({
    code: 'BATON_INVALID_DESTINATION',
  });
});

test('a composite send keeps the priority in each of its queues', async () => {
  const client = new TestClient(world, await world.broker({}, PRIORITIZED));
  await client.send('queue://P.A,P.B', 'low', { priority: 1 });
  await client.send('queue://P.A,P.B', 'high', { priority: 8 });
  for (const name of ['P.A', 'P.B']) {
    const consumer = client.consume(name);
    await world.elapse();
    expect(consumer.texts).toEqual(['high', 'low']);
  }
});

test('a browser shows the order of dispatch', async () => {
  const client = new TestClient(world, await world.broker({}, PRIORITIZED));
  for (const priority of [1, 9, 4]) await client.send('P.A', String(priority), { priority });
  const browser = client.consume('P.A', { isBrowser: true });
  await world.elapse();
  expect([browser.texts, browser.exhaustedCount]).toEqual([['9', '4', '1'], 1]);
});
