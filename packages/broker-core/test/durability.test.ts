import { parseDestination } from '@batonmq/model';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Broker } from '../src/index.ts';
import { receipt, TestClient, TestWorld } from './test-client.ts';

const LATENCY_MS = 100;

let world: TestWorld;
let broker: Broker;
let client: TestClient;

beforeEach(async () => {
  world = new TestWorld();
  broker = await world.broker({}, { latencyMs: LATENCY_MS });
  client = new TestClient(world, broker);
});
afterEach(() => world.end());

test('a persistent send is answered and dispatched when it is durable, not earlier', async () => {
  const consumer = client.consume('A');
  const settled = receipt();
  client.connection.send(client.message('A', 'x'), settled);
  await world.elapse(LATENCY_MS - 1);
  expect([settled.isSettled, consumer.texts]).toEqual([false, []]);
  await world.elapse(2);
  expect([settled.isSettled, consumer.texts]).toEqual([true, ['x']]);
});

test('a message that waits for no disk may pass those that do, in order within each delivery mode', async () => {
  const consumer = client.consume('A');
  const sends = [
    ['stored 1', true],
    ['memory 1', false],
    ['stored 2', true],
    ['memory 2', false],
  ] as const;
  for (const [text, isPersistent] of sends) {
    client.connection.send(client.message('A', text, { isPersistent }));
  }
  await world.elapse(LATENCY_MS + 1);
  expect(consumer.texts).toEqual(['memory 1', 'memory 2', 'stored 1', 'stored 2']);
});

test('a non-persistent send waits for no disk, but never settles inside the call', async () => {
  const settled = receipt();
  client.connection.send(client.message('A', 'x', { isPersistent: false }), settled);
  expect(settled.isSettled).toBe(false);
  await world.elapse(0);
  expect(settled.isSettled).toBe(true);
});

test('an ack with a receipt is answered when it is durable', async () => {
  const consumer = client.consume('A');
  await client.send('A', 'x');
  let isAcked = false;
  const acked = consumer.ack(consumer.deliveries[0], consumer.deliveries[0]).then(() => {
    isAcked = true;
  });
  // `ack` lets time pass until it is settled; what counts is how much that was.
  const before = world.runtime.clock.now();
  await acked;
  expect([isAcked, world.runtime.clock.now() - before]).toEqual([true, LATENCY_MS]);
});

test('batches of several turns are on their way at once, and settle in order', async () => {
  const order: string[] = [];
  for (const name of ['1', '2', '3']) {
    client.connection.send(client.message('A', name), { settled: () => order.push(name) });
    await world.elapse(LATENCY_MS / 4);
  }
  await world.elapse(LATENCY_MS / 2);
  expect(order).toEqual(['1', '2']);
  await world.elapse(LATENCY_MS / 2);
  expect(order).toEqual(['1', '2', '3']);
});

test('a new queue is durable when its addition is answered', async () => {
  const settled = receipt();
  client.connection.addDestination(parseDestination('A'), settled);
  await world.elapse(LATENCY_MS - 1);
  expect(settled.isSettled).toBe(false);
  await world.elapse(2);
  expect(settled.isSettled).toBe(true);
});

test('a repeated send waits for its first copy', async () => {
  client.connection.send(client.message('A', 'x', { sequence: 1 }));
  await world.elapse(LATENCY_MS / 2);
  const again = new TestClient(world, broker, 'c', true);
  const settled = receipt();
  again.connection.send(again.message('A', 'x', { sequence: 1 }), settled);
  await world.elapse(LATENCY_MS / 4);
  expect(settled.isSettled).toBe(false);
  await world.elapse(LATENCY_MS / 2);
  expect(settled.isSettled).toBe(true);
});

test('what is on its way when the lease is lost is never answered', async () => {
  await world.broker();
  const settled = receipt();
  client.connection.send(client.message('A', 'x'), settled);
  await world.elapse(LATENCY_MS / 2);
  world.space.depose();
  await world.elapse(LATENCY_MS * 2);
  expect(settled.isSettled).toBe(false);
  expect(client.disconnectReason?.code).toBe('BATON_FENCED');
});

test('a commit is known to be committed when it is durable, not earlier', async () => {
  const transactionId = client.begin(1);
  await client.send('A', 'x', { transactionId });
  const settled = receipt();
  client.connection.commitTransaction(transactionId, settled);
  await world.elapse(LATENCY_MS / 2);
  expect(broker.transactionOutcome('TX:ID:c:1')).toBe('open');
  await world.run(settled.done);
  expect(broker.transactionOutcome('TX:ID:c:1')).toBe('committed');
});

test('a stop waits for what is on its way', async () => {
  const settled = receipt();
  client.connection.send(client.message('A', 'x'), settled);
  await world.run(broker.stop());
  expect(settled.isSettled).toBe(true);
});
