import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Broker, BrokerOptions } from '../src/index.ts';
import { TestClient, TestWorld, type TestBrokerOptions, type TestConsumer } from './test-client.ts';

let world: TestWorld;
beforeEach(() => {
  world = new TestWorld();
});
afterEach(() => world.end());

/** Nothing here waits for the looks at intervals. */
const NO_SCAN: BrokerOptions = { expiryScanIntervalMs: 2 ** 31 - 1, queueWindowMessages: 16 };

function later(ms: number): number {
  return world.runtime.clock.wallTime() + ms;
}

function countsOf(broker: Broker): Readonly<Record<string, number>> {
  const statuses = broker.destinations();
  return Object.fromEntries(
    statuses.map(({ destination, messageCount }) => [destination.name, messageCount]),
  );
}

function queueOf(broker: Broker, name: string): ReturnType<Broker['destinations']>[number] {
  const found = broker.destinations().find(({ destination }) => destination.name === name);
  if (found === undefined) throw new Error(`There is no ${name}`);
  return found;
}

/** One of `text` for each of the lifetimes; 0 is for ever. */
function sendAll(client: TestClient, to: string, lifetimes: readonly number[]): void {
  for (const [index, lifetime] of lifetimes.entries()) {
    const expiration = lifetime === 0 ? 0 : later(lifetime);
    client.connection.send(client.message(to, String(index), { expiration }));
  }
}

async function drained(client: TestClient, from: string): Promise<TestConsumer> {
  const consumer = client.consume(from).ackAtOnce();
  await world.elapse(500);
  return consumer;
}

const LIFETIMES = Array.from(
  { length: 2000 },
  (_, index) => [0, 5000, 60_000, 3000][index % 4] ?? 0,
);

test.each<[string, TestBrokerOptions]>([
  ['at once', {}],
  ['with a slow disk', { latencyMs: 3, readLatencyMs: 7 }],
])(
  'what expires behind the window is gone within two seconds, in any order (%s)',
  async (_, options) => {
    const broker = await world.broker(NO_SCAN, options);
    const client = new TestClient(world, broker);
    sendAll(client, 'A', LIFETIMES);
    await world.elapse(2000);
    expect(countsOf(broker)).toEqual({ A: 2000 });
    await world.elapse(3000);
    expect(countsOf(broker)).toEqual({ A: 1500, 'ActiveMQ.DLQ': 500 });
    await world.elapse(2000);
    expect(countsOf(broker)).toEqual({ A: 1000, 'ActiveMQ.DLQ': 1000 });
    await world.elapse(57_000);
    expect(countsOf(broker)).toEqual({ A: 500, 'ActiveMQ.DLQ': 1500 });
    const consumer = await drained(client, 'A');
    expect(consumer.texts).toEqual(
      LIFETIMES.flatMap((each, index) => (each === 0 ? [String(index)] : [])),
    );
    expect(queueOf(broker, 'A')).toMatchObject({ messageCount: 0, dequeuedCount: 2000 });
  },
);

test('a consumer that reads on while messages expire gets the living ones once and in order', async () => {
  const broker = await world.broker(NO_SCAN, { latencyMs: 3, readLatencyMs: 7 });
  const client = new TestClient(world, broker);
  sendAll(client, 'A', LIFETIMES);
  const consumer = client.consume('A', { prefetchCount: 1 });
  consumer.onDelivery = (delivery) => {
    world.runtime.clock.setTimer(4, () => {
      void consumer.ack(delivery, delivery);
    });
  };
  await world.elapse(120_000);
  expect(countsOf(broker)['A']).toBe(0);
  const indexes = consumer.texts.map(Number);
  expect(indexes).toEqual([...new Set(indexes)].sort((one, other) => one - other));
  expect(indexes.filter((index) => LIFETIMES[index] === 0)).toHaveLength(500);
  expect(indexes.length + (countsOf(broker)['ActiveMQ.DLQ'] ?? 0)).toBe(2000);
});

test('what selectors pass over expires in its time too', async () => {
  const broker = await world.broker(NO_SCAN);
  const client = new TestClient(world, broker);
  const choosy = client.consume('A', { selector: 'JMSPriority = 9' }).ackAtOnce();
  sendAll(client, 'A', LIFETIMES);
  await client.send('A', 'wanted', { priority: 9 });
  await world.elapse(500);
  expect([choosy.texts, queueOf(broker, 'A').unmatchedCount]).toEqual([['wanted'], 2000]);
  await world.elapse(7000);
  expect(queueOf(broker, 'A')).toMatchObject({ messageCount: 1000, unmatchedCount: 1000 });
  choosy.subscription.close(-1);
  await world.elapse(60_000);
  const consumer = await drained(client, 'A');
  expect(consumer.texts).toHaveLength(500);
});

test('what a durable subscription keeps while it is away expires in its time', async () => {
  const broker = await world.broker(NO_SCAN);
  const client = new TestClient(world, broker);
  const durable = client.consume('topic://T', { subscriptionName: 's' });
  durable.subscription.close(-1);
  sendAll(client, 'topic://T', LIFETIMES);
  await world.elapse(7000);
  expect(broker.durableSubscriptions().map(({ messageCount }) => messageCount)).toEqual([1000]);
  expect(countsOf(broker)['ActiveMQ.DLQ']).toBe(1000);
});

test('what a consumer has does not expire under its hands, and goes when it comes back', async () => {
  const broker = await world.broker(NO_SCAN);
  const client = new TestClient(world, broker);
  const consumer = client.consume('A');
  await client.send('A', 'one', { expiration: later(1000) });
  await world.elapse(5000);
  expect(countsOf(broker)).toEqual({ A: 1 });
  consumer.subscription.close(-1);
  await world.elapse(2000);
  expect(countsOf(broker)).toEqual({ A: 0, 'ActiveMQ.DLQ': 1 });
});

test('after a takeover what had expired and what expires later is found, read in the background once', async () => {
  const first = await world.broker(NO_SCAN);
  const second = await world.broker(NO_SCAN, { readLatencyMs: 2, latencyMs: 1 });
  const client = new TestClient(world, first);
  sendAll(client, 'A', LIFETIMES);
  sendAll(client, 'B', [0, 0, 0]);
  await world.elapse(500);
  world.space.depose();
  await world.elapse(4000);
  expect(countsOf(second)).toMatchObject({ A: 1500, B: 3, 'ActiveMQ.DLQ': 500 });
  await world.elapse(2500);
  expect(countsOf(second)).toMatchObject({ A: 1000, B: 3, 'ActiveMQ.DLQ': 1000 });
  await world.elapse(60_000);
  const after = new TestClient(world, second);
  expect((await drained(after, 'A')).texts).toHaveLength(500);
});

test('a takeover in the middle leaves each expired message in one place', async () => {
  for (const elapsed of [3000, 3003, 3010, 3020, 3040]) {
    const ground = new TestWorld();
    world = ground;
    const first = await world.broker(NO_SCAN, { latencyMs: 5, readLatencyMs: 3 });
    const second = await world.broker(NO_SCAN);
    sendAll(new TestClient(world, first), 'A', LIFETIMES);
    const waited = 1000 - (world.runtime.clock.wallTime() % 1000);
    await world.elapse(waited + elapsed);
    world.space.depose();
    await world.elapse(4000);
    const { A: left = 0, 'ActiveMQ.DLQ': dead = 0 } = countsOf(second);
    expect([left, dead]).toEqual([1000, 1000]);
    const client = new TestClient(world, second);
    const texts = [
      ...(await drained(client, 'A')).texts,
      ...(await drained(client, 'ActiveMQ.DLQ')).texts,
    ];
    expect([texts.length, new Set(texts).size]).toEqual([2000, 2000]);
    await ground.end();
  }
  world = new TestWorld();
});

test('expired messages stay where they are while their dead letters find no room', async () => {
  const broker = await world.broker(NO_SCAN, { messageBytesMax: 40_000 });
  const client = new TestClient(world, broker);
  sendAll(
    client,
    'A',
    Array.from({ length: 60 }, () => 2000),
  );
  await world.elapse(500);
  while (client.failures.length === 0) {
    client.connection.send(client.message('B', 'x'));
    await world.elapse(1);
  }
  await world.elapse(5000);
  // All of the window go together, and so do those behind it.
  expect(countsOf(broker)).toMatchObject({ A: 60, 'ActiveMQ.DLQ': 0 });
  await drained(client, 'B');
  await world.elapse(60_000);
  expect(countsOf(broker)).toMatchObject({ A: 16, 'ActiveMQ.DLQ': 44 });
});

test('an expired message that is not to become a dead letter is dropped from the store', async () => {
  const broker = await world.broker({ ...NO_SCAN, areExpiredDeadLettered: false });
  const client = new TestClient(world, broker);
  sendAll(client, 'A', LIFETIMES);
  await world.elapse(7000);
  expect(countsOf(broker)).toEqual({ A: 1000 });
});
