import { createMemorySpace, memoryStore, type MemorySpace } from '@batonmq/store-memory';
import { nodeRuntime } from '@batonmq/runtime/node';
import { afterEach, expect, test } from 'vitest';
import {
  createBroker,
  LAST_DELIVERED_NONE,
  LAST_DELIVERED_UNKNOWN,
  type Broker,
  type BrokerOptions,
} from '../src/index.ts';
import { TestClient, turns } from './test-client.ts';

const brokers: Broker[] = [];

async function startBroker(
  options: { space?: MemorySpace; name?: string; settings?: BrokerOptions } = {},
): Promise<Broker> {
  const broker = createBroker({
    name: options.name ?? 'a',
    store: memoryStore({ space: options.space ?? createMemorySpace() }),
    components: nodeRuntime(),
    options: options.settings ?? {},
  });
  brokers.push(broker);
  await broker.start();
  await turns();
  return broker;
}

afterEach(async () => {
  await Promise.all(brokers.splice(0).map((broker) => broker.stop()));
});

test('a persistent message reaches a consumer and is gone after its ack', async () => {
  const broker = await startBroker();
  const client = new TestClient(broker, 'c');
  const consumer = client.consume('A');
  await client.send('A', 'one');
  await turns();
  expect(consumer.texts).toEqual(['one']);
  await consumer.ack(consumer.deliveries[0], consumer.deliveries[0]);
  expect(broker.destinations()[0]).toMatchObject({ messageCount: 0, dequeuedCount: 1 });
});

test('messages that were answered are served by the broker that takes over', async () => {
  const space = createMemorySpace();
  const first = await startBroker({ space, name: 'a' });
  const second = await startBroker({ space, name: 'b' });
  expect(second.role).toBe('standby');
  const client = new TestClient(first, 'c');
  for (const text of ['one', 'two', 'three']) await client.send('A', text);
  space.depose();
  await turns();
  expect(client.disconnectReason?.code).toBe('BATON_FENCED');
  expect([first.role, second.role]).toEqual(['standby', 'active']);
  const consumer = new TestClient(second, 'c').consume('A');
  await turns();
  expect(consumer.texts).toEqual(['one', 'two', 'three']);
});

test('unacked messages of a consumer that goes come back first, in order, with their count', async () => {
  const broker = await startBroker();
  const client = new TestClient(broker, 'c');
  const first = client.consume('A', { prefetchCount: 2 });
  for (const text of ['1', '2', '3']) await client.send('A', text);
  await turns();
  expect(first.texts).toEqual(['1', '2']);
  first.subscription.close(LAST_DELIVERED_UNKNOWN);
  const second = client.consume('A');
  await turns();
  expect(second.deliveries.map((d) => d.redeliveryCount)).toEqual([1, 1, 0]);
  expect(second.texts).toEqual(['1', '2', '3']);
  second.subscription.close(LAST_DELIVERED_NONE);
  const third = client.consume('A');
  await turns();
  expect(third.deliveries.map((d) => d.redeliveryCount)).toEqual([1, 1, 0]);
});

test('a commit makes sends visible and acks effective together', async () => {
  const broker = await startBroker();
  const client = new TestClient(broker, 'c');
  await client.send('A', 'in');
  const consumer = client.consume('A');
  const results = client.consume('B');
  await turns();
  const transaction = client.begin(1);
  await client.send('B', 'out', { transactionId: transaction });
  await consumer.ack(consumer.deliveries[0], consumer.deliveries[0], {
    transactionId: transaction,
  });
  await turns();
  expect(results.texts).toEqual([]);
  expect(broker.transactionOutcome('TX:ID:c:1')).toBe('open');
  await client.commit(transaction);
  await turns();
  expect(results.texts).toEqual(['out']);
  expect(broker.transactionOutcome('TX:ID:c:1')).toBe('committed');
});
