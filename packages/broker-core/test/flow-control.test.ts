import { afterEach, beforeEach, expect, test } from 'vitest';
import { receipt, TestClient, TestWorld } from './test-client.ts';

const LIMIT = { destinationMemoryLimitBytes: 10 * 1024 } as const;
const NOT_STORED = { isPersistent: false } as const;

let world: TestWorld;
beforeEach(() => {
  world = new TestWorld();
});
afterEach(() => world.end());

async function withFullQueue() {
  const broker = await world.broker(LIMIT);
  const client = new TestClient(world, broker);
  for (let index = 0; index < 10; index += 1) await client.send('A', String(index), NOT_STORED);
  return { broker, client };
}

test('a send with a receipt waits for memory and goes on when there is some', async () => {
  const { client } = await withFullQueue();
  const settled = receipt();
  client.connection.send(client.message('A', '10', NOT_STORED), settled);
  await world.elapse(1000);
  expect([settled.isSettled, client.isInputPaused]).toEqual([false, false]);
  const consumer = client.consume('A').ackAtOnce();
  await world.run(settled.done);
  expect(consumer.texts).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '10']);
});

test('a send that waits longer than "sendTimeoutMs" fails and was not taken', async () => {
  const { broker, client } = await withFullQueue();
  await expect(client.send('A', '10', NOT_STORED)).rejects.toMatchObject({ code: 'BATON_LIMIT' });
  expect(world.runtime.clock.now()).toBeGreaterThanOrEqual(30_000);
  expect(broker.destinations()[0]?.messageCount).toBe(10);
});

test('a send without a receipt pauses the input of its connection until a quarter is free', async () => {
  const { client } = await withFullQueue();
  client.connection.send(client.message('A', '10', NOT_STORED));
  await world.elapse();
  expect(client.isInputPaused).toBe(true);
  const consumer = client.consume('A', { prefetchCount: 1 });
  await world.elapse();
  for (let acked = 0; acked < 3; acked += 1) {
    await consumer.ack(consumer.deliveries[acked], consumer.deliveries[acked]);
  }
  expect(client.isInputPaused).toBe(true);
  await consumer.ack(consumer.deliveries[3], consumer.deliveries[3]);
  await world.elapse();
  expect(client.isInputPaused).toBe(false);
});

test('a producer whose send waits is not overtaken by its own next ones', async () => {
  const { client } = await withFullQueue();
  const settled = receipt();
  client.connection.send(client.message('A', 'first', NOT_STORED), settled);
  client.connection.send(client.message('A', 'second'));
  client.connection.send(client.message('B', 'elsewhere'));
  await world.elapse();
  const [a, b] = [client.consume('A').ackAtOnce(), client.consume('B')];
  await world.elapse();
  expect(a.texts.slice(10)).toEqual(['first', 'second']);
  expect(b.texts).toEqual(['elsewhere']);
});

test('a full queue does not stop senders to another, nor persistent messages to itself', async () => {
  const { broker } = await withFullQueue();
  const other = new TestClient(world, broker, 'other');
  await other.send('B', 'x', NOT_STORED);
  await other.send('A', 'x');
  expect(broker.destinations().map(({ messageCount }) => messageCount)).toEqual([11, 1]);
});

test('all destinations together keep to "memoryLimitBytes"', async () => {
  const broker = await world.broker({ memoryLimitBytes: 2 ** 20, sendTimeoutMs: 100 });
  const client = new TestClient(world, broker);
  const text = 'x'.repeat(200 * 1024);
  for (const queue of ['A', 'B', 'C', 'D', 'E', 'F']) {
    const sent = client.send(queue, text, NOT_STORED);
    if (queue === 'F') await sent.catch(() => undefined);
    else await sent;
  }
  await expect(client.send('G', text, NOT_STORED)).rejects.toMatchObject({ code: 'BATON_LIMIT' });
});

test('input is paused when "writeBytesMax" is on its way to the store, until half is durable', async () => {
  const broker = await world.broker({ writeBytesMax: 4096 }, { latencyMs: 100 });
  const client = new TestClient(world, broker);
  // Each counts as 1024 bytes and its text.
  for (let index = 0; index < 3; index += 1) client.connection.send(client.message('A', 'x'));
  await world.elapse(50);
  expect(client.isInputPaused).toBe(false);
  client.connection.send(client.message('A', 'x'));
  await world.elapse(30);
  expect(client.isInputPaused).toBe(true);
  await world.elapse(30);
  expect(client.isInputPaused).toBe(false);
});

test('sends that wait are dropped with their connection', async () => {
  const { broker, client } = await withFullQueue();
  const settled = receipt();
  client.connection.send(client.message('A', 'waits', NOT_STORED), settled);
  client.connection.close(-2);
  const consumer = new TestClient(world, broker, 'other').consume('A').ackAtOnce();
  await world.elapse(60_000);
  expect(consumer.texts).not.toContain('waits');
  expect(settled.isSettled).toBe(false);
});
