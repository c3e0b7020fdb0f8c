import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Broker } from '../src/index.ts';
import { TestClient, TestWorld, type TestConsumer } from './test-client.ts';

let world: TestWorld;
let broker: Broker;
let client: TestClient;
let consumer: TestConsumer;

beforeEach(async () => {
  world = new TestWorld();
  broker = await world.broker();
  client = new TestClient(world, broker);
  for (const text of ['1', '2', '3', '4', '5', '6']) await client.send('A', text);
  consumer = client.consume('A', { prefetchCount: 4 });
  await world.elapse();
});
afterEach(() => world.end());

function messageCounts(): Record<string, number> {
  return Object.fromEntries(
    broker.destinations().map((status) => [status.destination.name, status.messageCount]),
  );
}

test('a range is acked from its first to its last message', async () => {
  await consumer.ack(consumer.deliveries[1], consumer.deliveries[2], { messageCount: 2 });
  expect(messageCounts()).toEqual({ A: 4 });
  expect(consumer.texts).toEqual(['1', '2', '3', '4', '5', '6']);
});

test('a range without a first message begins at the head', async () => {
  await consumer.ack(undefined, consumer.deliveries[2], { messageCount: 3 });
  expect(messageCounts()).toEqual({ A: 3 });
});

test('a range with another count than the one given is refused and changes nothing', async () => {
  const acked = consumer.ack(consumer.deliveries[0], consumer.deliveries[2], { messageCount: 2 });
  await expect(acked).rejects.toMatchObject({ code: 'BATON_UNMATCHED_ACK' });
  expect(messageCounts()).toEqual({ A: 6 });
});

test('a message that was not dispatched to the consumer cannot be acked', async () => {
  const other = client.consume('A');
  await world.elapse();
  const acked = consumer.ack(other.deliveries[0], other.deliveries[0]);
  await expect(acked).rejects.toMatchObject({ code: 'BATON_UNMATCHED_ACK' });
});

test('a refused ack without a receipt is told to the connection', async () => {
  consumer.subscription.ack({ kind: 'standard', messageCount: 1 });
  await world.elapse();
  expect(client.failures.map(({ code }) => code)).toEqual(['BATON_UNMATCHED_ACK']);
});

test('an individual ack takes one message; of an unknown one it changes nothing', async () => {
  await consumer.ack(undefined, consumer.deliveries[2], { kind: 'individual' });
  await consumer.ack(undefined, consumer.deliveries[2], { kind: 'individual' });
  expect(messageCounts()).toEqual({ A: 5 });
});

test('delivered messages make room for as many more and are still to be acked', async () => {
  const [first, second] = consumer.deliveries;
  await consumer.ack(first, second, { kind: 'delivered', messageCount: 2 });
  expect(consumer.texts).toEqual(['1', '2', '3', '4', '5', '6']);
  expect(messageCounts()).toEqual({ A: 6 });
  // Acking them takes the room back: the window is four again.
  await consumer.ack(undefined, consumer.deliveries[5], { messageCount: 6 });
  for (const text of ['7', '8', '9', '10', '11']) await client.send('A', text);
  expect(consumer.texts.slice(6)).toEqual(['7', '8', '9', '10']);
});

test('delivered and redelivered acks of unknown messages are refused', async () => {
  const unknown = { producerKey: 'nobody', producerSequence: 1 };
  for (const kind of ['delivered', 'redelivered'] as const) {
    const acked = consumer.ack(undefined, undefined, { kind, last: unknown });
    await expect(acked).rejects.toMatchObject({ code: 'BATON_UNMATCHED_ACK' });
  }
});

test('an ack to a consumer that was sent nothing yet is ignored', async () => {
  const early = client.consume('B');
  await early.ack(consumer.deliveries[0], consumer.deliveries[0]);
  expect(messageCounts()).toMatchObject({ A: 6 });
});

test('poisoned messages move to the dead-letter queue with their cause', async () => {
  const [first, second] = consumer.deliveries;
  await consumer.ack(first, second, { kind: 'poison', messageCount: 2, cause: 'too often' });
  expect(messageCounts()).toEqual({ A: 4, 'ActiveMQ.DLQ': 2 });
  const letters = client.consume('ActiveMQ.DLQ');
  await world.elapse();
  expect(letters.texts).toEqual(['1', '2']);
  expect(letters.deliveries[0]?.message).toMatchObject({
    id: first?.message.id,
    originalDestination: { key: 'queue://A' },
    deadLetter: { cause: 'too often', originalExpiration: 0, wasPersistent: true },
    redeliveryCount: 0,
  });
  // One that is poisoned there does not go round in circles.
  await letters.ack(letters.deliveries[0], letters.deliveries[0], { kind: 'poison' });
  expect(messageCounts()).toEqual({ A: 4, 'ActiveMQ.DLQ': 1 });
});

test('messages cannot be poisoned inside a transaction', async () => {
  const [first] = consumer.deliveries;
  const acked = consumer.ack(first, first, { kind: 'poison', transactionId: client.begin(1) });
  await expect(acked).rejects.toMatchObject({ code: 'BATON_INVALID_STATE' });
});

test('non-persistent messages are dropped instead of becoming dead letters', async () => {
  await client.send('B', 'x', { isPersistent: false });
  const other = client.consume('B');
  await world.elapse();
  await other.ack(other.deliveries[0], other.deliveries[0], { kind: 'poison' });
  expect(messageCounts()).toEqual({ A: 6, B: 0 });
});

test('messages that expired at the client become dead letters', async () => {
  const [first] = consumer.deliveries;
  await consumer.ack(first, first, { kind: 'expired' });
  expect(messageCounts()).toEqual({ A: 5, 'ActiveMQ.DLQ': 1 });
});

test('an acked message is not delivered again by the broker that takes over', async () => {
  const standby = await world.broker();
  await consumer.ack(undefined, consumer.deliveries[3], { messageCount: 4 });
  world.space.depose();
  await world.elapse();
  const next = new TestClient(world, standby).consume('A');
  await world.elapse();
  expect(next.texts).toEqual(['5', '6']);
});
