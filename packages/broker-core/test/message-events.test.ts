import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Broker, PolicyEntry } from '../src/index.ts';
import { TestClient, textOf, TestWorld } from './test-client.ts';

let world: TestWorld;
beforeEach(() => {
  world = new TestWorld();
});
afterEach(() => world.end());

const MESSAGE_EVENTS = [
  'message-delivered',
  'message-dispatched',
  'message-consumed',
  'message-without-consumer',
  'message-expired',
] as const;

/** What a broker tells from now on, as `event destination text`. */
function heardAt(broker: Broker, types: readonly (typeof MESSAGE_EVENTS)[number][]): string[] {
  const heard: string[] = [];
  for (const type of types) {
    broker.on(type, ({ destination, message }) => {
      heard.push(`${type.replace('message-', '')} ${destination.key} ${textOf(message)}`);
    });
  }
  return heard;
}

const EVERYTHING = {
  advisoryForDelivery: true,
  advisoryForDispatched: true,
  advisoryForConsumed: true,
  sendAdvisoryIfNoConsumers: true,
};

async function start(policies: readonly PolicyEntry[]): Promise<[TestClient, string[]]> {
  const broker = await world.broker({ expiryScanIntervalMs: 500 }, { policies });
  const heard = heardAt(broker, MESSAGE_EVENTS);
  return [new TestClient(world, broker), heard];
}

const EVERYWHERE: readonly PolicyEntry[] = [
  { queue: '>', ...EVERYTHING },
  { topic: '>', ...EVERYTHING },
];

describe('single messages are told of where a policy asks for it:', () => {
  test('a stored message of a queue when it is durable, at its consumer, and consumed', async () => {
    const [client, heard] = await start(EVERYWHERE);
    await client.send('A', 'one');
    expect(heard).toEqual(['delivered queue://A one']);
    client.consume('A').ackAtOnce();
    await world.elapse();
    expect(heard.slice(1)).toEqual(['dispatched queue://A one', 'consumed queue://A one']);
  });

  test('a message of a topic once, and each time it goes to a consumer', async () => {
    const [client, heard] = await start(EVERYWHERE);
    client.consume('topic://T').ackAtOnce();
    client.consume('topic://*').ackAtOnce();
    await client.send('topic://T', 'one', { isPersistent: false });
    await world.elapse();
    expect(heard).toEqual([
      'dispatched topic://T one',
      'dispatched topic://T one',
      'delivered topic://T one',
    ]);
  });

  test('a message of a durable subscription under the name of its topic', async () => {
    const [client, heard] = await start(EVERYWHERE);
    client.consume('topic://T', { subscriptionName: 's' }).ackAtOnce();
    await client.send('topic://T', 'one');
    await world.elapse();
    expect([...heard].sort()).toEqual([
      'consumed topic://T one',
      'delivered topic://T one',
      'dispatched topic://T one',
    ]);
  });

  test('what a transaction acked when it is committed', async () => {
    const [client, heard] = await start(EVERYWHERE);
    const consumer = client.consume('A');
    await client.send('A', 'one');
    const [delivery] = consumer.deliveries;
    const transactionId = client.begin(1);
    await consumer.ack(delivery, delivery, { transactionId });
    expect(heard).not.toContain('consumed queue://A one');
    await client.commit(transactionId);
    expect(heard).toContain('consumed queue://A one');
  });

  test('a message that is not persistent and finds nobody', async () => {
    const [client, heard] = await start([
      { queue: '>', sendAdvisoryIfNoConsumers: true },
      { topic: '>', sendAdvisoryIfNoConsumers: true },
    ]);
    for (const place of ['queue://A', 'topic://A']) {
      await client.send(place, 'kept');
      await client.send(place, 'alone', { isPersistent: false });
      client.consume(place, { selector: "a = 'b'" });
    }
    await client.send('queue://A', 'unmatched', { isPersistent: false });
    await client.send('topic://A', 'unmatched', { isPersistent: false });
    expect(heard).toEqual([
      'without-consumer queue://A alone',
      'without-consumer topic://A alone',
      'without-consumer topic://A unmatched',
    ]);
  });

  test('nothing where none does', async () => {
    const [client, heard] = await start([{ queue: 'B', ...EVERYTHING }]);
    client.consume('A').ackAtOnce();
    await client.send('A', 'one');
    await client.send('topic://T', 'two', { isPersistent: false });
    await world.elapse();
    expect(heard).toEqual([]);
  });

  test("nothing of the broker's own messages", async () => {
    const broker = await world.broker({}, { policies: EVERYWHERE });
    const heard = heardAt(broker, MESSAGE_EVENTS);
    const client = new TestClient(world, broker);
    client.consume('topic://ActiveMQ.Advisory.Queue');
    client.consume('topic://ActiveMQ.>');
    broker.publish(client.message('topic://ActiveMQ.Advisory.Queue', 'told'));
    await world.elapse();
    expect(heard).toEqual([]);
  });
});

describe('an expired message is told of', () => {
  test('when it waits in a queue', async () => {
    const [client, heard] = await start([]);
    await client.send('A', 'late', { expiration: world.runtime.clock.wallTime() + 100 });
    await world.elapse(1000);
    expect(heard).toEqual(['expired queue://A late']);
  });

  test('when it is expired as it comes', async () => {
    const [client, heard] = await start([]);
    await client.send('A', 'late', { expiration: 1 });
    await client.send('topic://T', 'later', { expiration: 1 });
    expect(heard).toEqual(['expired queue://A late', 'expired topic://T later']);
  });

  test('when it waited too long for a topic consumer, or in a durable subscription', async () => {
    const [client, heard] = await start([]);
    const slow = client.consume('topic://T', { prefetchCount: 1 });
    client.consume('topic://T', { subscriptionName: 's', prefetchCount: 1 });
    await client.send('topic://T', 'first');
    const expiration = world.runtime.clock.wallTime() + 100;
    await client.send('topic://T', 'late', { expiration });
    await world.elapse(1000);
    expect(heard).toEqual(['expired topic://T late']);
    const [first] = slow.deliveries;
    await slow.ack(first, first);
    expect(heard).toEqual(['expired topic://T late', 'expired topic://T late']);
  });
});

test('a dead letter is told of with what it was, where it was', async () => {
  const broker = await world.broker();
  const heard: unknown[] = [];
  broker.on('message-dead-lettered', ({ origin, original, message }) => {
    heard.push([origin.key, original.destination.key, message.destination.key]);
  });
  const client = new TestClient(world, broker);
  for (const place of ['queue://A', 'topic://T']) {
    const consumer = client.consume(place, {
      subscriptionName: place === 'topic://T' ? 's' : undefined,
    });
    await client.send(place, 'bad');
    const [delivery] = consumer.deliveries;
    await consumer.ack(delivery, delivery, { kind: 'poison' });
  }
  expect(heard).toEqual([
    ['queue://A', 'queue://A', 'queue://ActiveMQ.DLQ'],
    ['topic://T', 'topic://T', 'queue://ActiveMQ.DLQ'],
  ]);
});

describe('a slow consumer of a queue', () => {
  const SLOW: readonly PolicyEntry[] = [{ queue: '>', advisoryForSlowConsumers: true }];

  async function slowAt(policies: readonly PolicyEntry[]): Promise<[TestClient, string[]]> {
    const broker = await world.broker({}, { policies });
    const heard: string[] = [];
    broker.on('consumer-slow', ({ destination, consumerKey }) => {
      heard.push(`${destination.key} ${consumerKey}`);
    });
    return [new TestClient(world, broker), heard];
  }

  test('is told of once, and again when it had caught up', async () => {
    const [client, heard] = await slowAt(SLOW);
    const consumer = client.consume('A', { prefetchCount: 1 });
    await client.send('A', 'one');
    expect(heard).toEqual([]);
    await client.send('A', 'two');
    await client.send('A', 'three');
    expect(heard).toEqual(['queue://A ID:c:1:1']);
    consumer.ackAtOnce();
    const [first] = consumer.deliveries;
    await consumer.ack(first, first);
    await world.elapse();
    consumer.onDelivery = () => undefined;
    await client.send('A', 'four');
    await client.send('A', 'five');
    expect(heard).toEqual(['queue://A ID:c:1:1', 'queue://A ID:c:1:1']);
  });

  test('is told of only where a policy asks for it', async () => {
    const [client, heard] = await slowAt([]);
    client.consume('A', { prefetchCount: 1 });
    for (const text of ['one', 'two']) await client.send('A', text);
    expect(heard).toEqual([]);
  });
});

test('durable subscriptions are told of when they come and when they are given up', async () => {
  const broker = await world.broker();
  const heard: string[] = [];
  for (const type of ['subscription-added', 'subscription-removed'] as const) {
    broker.on(type, ({ clientId, subscriptionName, destination }) => {
      heard.push(`${type} ${clientId} ${subscriptionName} ${destination.key}`);
    });
  }
  const client = new TestClient(world, broker);
  const consumeAs = (topic: string): void => {
    client.consume(topic, { subscriptionName: 's' }).subscription.close(-1);
  };
  consumeAs('topic://A');
  consumeAs('topic://A');
  consumeAs('topic://B');
  client.connection.unsubscribe('s');
  await world.elapse();
  expect(heard).toEqual([
    'subscription-added c s topic://A',
    'subscription-removed c s topic://A',
    'subscription-added c s topic://B',
    'subscription-removed c s topic://B',
  ]);
});
