import { afterEach, beforeEach, expect, test } from 'vitest';
import { TestClient, TestWorld } from './test-client.ts';

let world: TestWorld;
beforeEach(() => {
  world = new TestWorld();
});
afterEach(() => world.end());

function later(ms: number): number {
  return world.runtime.clock.wallTime() + ms;
}

test('a message that is dead on arrival is answered and becomes a dead letter', async () => {
  const broker = await world.broker();
  const client = new TestClient(world, broker);
  const consumer = client.consume('A');
  const expiration = later(-1);
  await client.send('A', 'late', { expiration });
  const letters = client.consume('ActiveMQ.DLQ');
  await world.elapse();
  expect([consumer.texts, letters.texts]).toEqual([[], ['late']]);
  expect(letters.deliveries[0]?.message).toMatchObject({
    expiration: 0,
    deadLetter: { originalExpiration: expiration },
  });
});

test('a message that dies while it waits is not dispatched', async () => {
  const broker = await world.broker();
  const client = new TestClient(world, broker);
  await client.send('A', 'dies', { expiration: later(1000) });
  await client.send('A', 'lives', { expiration: later(100_000) });
  await world.elapse(2000);
  const consumer = client.consume('A');
  await world.elapse();
  expect(consumer.texts).toEqual(['lives']);
});

test('dead messages leave a queue that nobody consumes from', async () => {
  const broker = await world.broker({ expiryScanIntervalMs: 500 });
  const client = new TestClient(world, broker);
  await client.send('A', '1', { expiration: later(100) });
  await client.send('A', '2', { expiration: later(100), isPersistent: false });
  await client.send('A', '3');
  await world.elapse(1000);
  const counts = broker
    .destinations()
    .map((status) => [status.destination.name, status.messageCount]);
  expect(counts).toEqual([
    ['A', 1],
    ['ActiveMQ.DLQ', 1],
  ]);
  expect(broker.destinations()[0]?.memoryBytes).toBe(1025);
});

test('dead messages at the head of a backlog are found after a takeover', async () => {
  const first = await world.broker();
  const client = new TestClient(world, first);
  await client.send('A', '1', { expiration: later(100) });
  const second = await world.broker({ expiryScanIntervalMs: 500 });
  world.space.depose();
  await world.elapse(2000);
  expect(second.destinations().map(({ messageCount }) => messageCount)).toEqual([0, 1]);
});

test('dead messages are dropped if they are not to become dead letters', async () => {
  const broker = await world.broker({ areExpiredDeadLettered: false });
  const client = new TestClient(world, broker);
  await client.send('A', 'late', { expiration: later(-1) });
  expect(broker.destinations().map(({ messageCount }) => messageCount)).toEqual([0]);
});

test('a dead letter that finds no room in the store is kept until there is some', async () => {
  const broker = await world.broker({ expiryScanIntervalMs: 500 }, { messageBytesMax: 1700 });
  const client = new TestClient(world, broker);
  await client.send('A', 'x'.repeat(600), { expiration: later(100) });
  await client.send('B', 'y'.repeat(600));
  await world.elapse(1000);
  const counts = (): readonly number[] =>
    broker.destinations().map(({ messageCount }) => messageCount);
  expect(counts()).toEqual([1, 1, 0]);
  const consumer = client.consume('B').ackAtOnce();
  await world.elapse(1000);
  expect(consumer.texts).toHaveLength(1);
  expect(counts()).toEqual([0, 0, 1]);
});
