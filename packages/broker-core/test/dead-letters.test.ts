import { parseDestination } from '@batonmq/model';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Broker, DeadLetterStrategy, PolicyEntry } from '../src/index.ts';
import { TestClient, TestWorld, type SendOptions, type TestConsumer } from './test-client.ts';

let world: TestWorld;
beforeEach(() => {
  world = new TestWorld();
});
afterEach(() => world.end());

async function withStrategy(deadLetterStrategy: DeadLetterStrategy): Promise<TestClient> {
  const policies: PolicyEntry[] = [
    { queue: '>', deadLetterStrategy },
    { topic: '>', deadLetterStrategy },
  ];
  return new TestClient(world, await world.broker({}, { policies }));
}

/** Sends a message to a queue and rejects it. */
async function reject(
  client: TestClient,
  queue: string,
  text: string,
  options: SendOptions = {},
): Promise<void> {
  const consumer = client.consume(queue);
  await client.send(queue, text, options);
  await world.elapse();
  const [delivery] = consumer.deliveries;
  await consumer.ack(delivery, delivery, { kind: 'poison', cause: 'no good' });
  consumer.subscription.close(-1);
}

async function consumed(client: TestClient, from: string): Promise<TestConsumer> {
  const consumer = client.consume(from);
  await world.elapse();
  return consumer;
}

test('a shared strategy names its queue', async () => {
  const client = await withStrategy({ type: 'shared', deadLetterQueue: 'dead' });
  await reject(client, 'A', 'one');
  const [delivery] = (await consumed(client, 'dead')).deliveries;
  expect(delivery?.message).toMatchObject({
    originalDestination: { key: 'queue://A' },
    deadLetter: { cause: 'no good', originalExpiration: 0, wasPersistent: true },
  });
});

test.each<[DeadLetterStrategy, string]>([
  [{ type: 'individual' }, 'ActiveMQ.DLQ.Queue.A'],
  [{ type: 'individual', queuePrefix: 'dead.', queueSuffix: '.q' }, 'dead.A.q'],
  [{ type: 'individual', useQueueForQueueMessages: false }, 'topic://ActiveMQ.DLQ.Queue.A'],
])('an individual strategy makes a place for each queue: %j', async (strategy, place) => {
  const client = await withStrategy(strategy);
  const letters = client.consume(place);
  await reject(client, 'A', 'one');
  await world.elapse();
  expect(letters.texts).toEqual(['one']);
});

test.each<[DeadLetterStrategy, string]>([
  [{ type: 'shared' }, 'ActiveMQ.DLQ'],
  [{ type: 'individual' }, 'ActiveMQ.DLQ.Topic.T'],
  [{ type: 'individual', topicPrefix: 'dead.', topicSuffix: '.t' }, 'dead.T.t'],
  [{ type: 'individual', useQueueForTopicMessages: false }, 'topic://ActiveMQ.DLQ.Topic.T'],
  [{ type: 'individual', destinationPerDurableSubscriber: true }, 'ActiveMQ.DLQ.Topic.T.c:mine'],
])(
  'what a durable subscription rejects goes where the strategy says: %j',
  async (strategy, place) => {
    const client = await withStrategy(strategy);
    const letters = client.consume(place);
    const durable = client.consume('topic://T', { subscriptionName: 'mine' });
    await client.send('topic://T', 'one');
    await world.elapse();
    const [delivery] = durable.deliveries;
    await durable.ack(delivery, delivery, { kind: 'poison' });
    await world.elapse();
    expect(letters.texts).toEqual(['one']);
    expect(letters.deliveries[0]?.message.originalDestination?.key).toBe('topic://T');
  },
);

test('a strategy may discard', async () => {
  const client = await withStrategy({ type: 'discard' });
  await reject(client, 'A', 'one');
  expect((await consumed(client, 'ActiveMQ.DLQ')).texts).toEqual([]);
  expect((await consumed(client, 'A')).texts).toEqual([]);
});

test.each([
  [{ processExpired: false }, { expiration: 1 }, []],
  [{ processExpired: true }, { expiration: 1 }, ['one']],
])('expired messages become dead letters or not: %j', async (options, send, expected) => {
  const client = await withStrategy({ type: 'shared', ...options });
  await client.send('A', 'one', send);
  expect((await consumed(client, 'ActiveMQ.DLQ')).texts).toEqual(expected);
});

test('messages that are not persistent become dead letters if the policy says so', async () => {
  const client = await withStrategy({ type: 'shared', processNonPersistent: true });
  await reject(client, 'A', 'one', { isPersistent: false });
  const [delivery] = (await consumed(client, 'ActiveMQ.DLQ')).deliveries;
  expect(delivery?.message).toMatchObject({
    isPersistent: true,
    deadLetter: { wasPersistent: false },
  });
});

test('dead letters that live for a time only are dropped then: none becomes a dead letter again', async () => {
  const policies: PolicyEntry[] = [
    { queue: '>', deadLetterStrategy: { type: 'individual', expiration: 1000 } },
  ];
  const broker = await world.broker({ expiryScanIntervalMs: 500 }, { policies });
  await reject(new TestClient(world, broker), 'A', 'one');
  await world.elapse(5000);
  const places = broker
    .destinations()
    .map(({ destination, messageCount }) => [destination.key, messageCount]);
  expect(places).toEqual([
    ['queue://A', 0],
    ['queue://ActiveMQ.DLQ.Queue.A', 0],
  ]);
});

test('watchers hear of each dead letter', async () => {
  const broker = await world.broker();
  const heard: unknown[] = [];
  broker.on('message-dead-lettered', ({ message, cause }) => {
    heard.push([message.destination.key, message.originalDestination?.key, cause]);
  });
  await reject(new TestClient(world, broker), 'A', 'one');
  expect(heard).toEqual([['queue://ActiveMQ.DLQ', 'queue://A', 'no good']]);
});

async function letters(broker: Broker, count: number, queue = 'A'): Promise<TestClient> {
  const client = new TestClient(world, broker);
  const consumer = client.consume(queue);
  consumer.onDelivery = (delivery) => {
    void consumer.ack(delivery, delivery, { kind: 'poison', cause: 'no good' });
  };
  for (let index = 0; index < count; index += 1) {
    client.connection.send(client.message(queue, String(index)));
  }
  await world.elapse();
  consumer.subscription.close(-1);
  return client;
}

const DLQ = parseDestination('ActiveMQ.DLQ');

test('a redrive moves dead letters back as they were, with nothing counted', async () => {
  const broker = await world.broker();
  const client = await letters(broker, 3);
  expect(await world.run(broker.redrive(DLQ))).toEqual({
    movedCount: 3,
    movedTo: [{ destination: 'queue://A', messageCount: 3 }],
    notFoundIds: [],
  });
  const consumer = await consumed(client, 'A');
  expect(consumer.texts).toEqual(['0', '1', '2']);
  expect(consumer.deliveries[0]).toMatchObject({
    redeliveryCount: 0,
    message: {
      destination: { key: 'queue://A' },
      originalDestination: undefined,
      deadLetter: undefined,
    },
  });
  expect((await consumed(client, 'ActiveMQ.DLQ')).texts).toEqual([]);
});

test('a redrive reaches letters that are in the store alone, and moves no more than its limit', async () => {
  const broker = await world.broker({ queueWindowMessages: 16 });
  const client = await letters(broker, 1200);
  expect(await world.run(broker.redrive(DLQ, { limit: 700 }))).toMatchObject({ movedCount: 700 });
  expect(await world.run(broker.redrive(DLQ))).toMatchObject({ movedCount: 500 });
  const consumer = client.consume('A').ackAtOnce();
  await world.elapse(200);
  expect(new Set(consumer.texts).size).toBe(1200);
  expect(consumer.texts.length).toBe(1200);
});

test('messages that are no dead letters stay; an expired one comes back without an expiration', async () => {
  const broker = await world.broker();
  const client = new TestClient(world, broker);
  await client.send('ActiveMQ.DLQ', 'own');
  await client.send('A', 'late', { expiration: 1 });
  expect(await world.run(broker.redrive(DLQ))).toMatchObject({ movedCount: 1 });
  const consumer = await consumed(client, 'A');
  expect(consumer.deliveries.map(({ message }) => message.expiration)).toEqual([0]);
  expect((await consumed(client, 'ActiveMQ.DLQ')).texts).toEqual(['own']);
});

test('a letter that dies again while its queue is redriven is not moved again', async () => {
  const broker = await world.broker();
  const client = await letters(broker, 2);
  const consumer = client.consume('A');
  consumer.onDelivery = (delivery) => {
    void consumer.ack(delivery, delivery, { kind: 'poison' });
  };
  expect(await world.run(broker.redrive(DLQ))).toMatchObject({ movedCount: 2 });
  await world.elapse();
  expect((await consumed(client, 'ActiveMQ.DLQ')).texts).toEqual(['0', '1']);
});

test('a redrive that a takeover interrupts leaves each message in exactly one place', async () => {
  const count = 1500;
  const movedCounts: number[] = [];
  for (const elapsed of [0, 5, 12, 25, 40]) {
    const ground = new TestWorld();
    world = ground;
    const first = await world.broker({ queueWindowMessages: 16 }, { latencyMs: 5 });
    const second = await world.broker();
    await letters(first, count);
    await world.elapse(200);
    const redrive = first.redrive(DLQ).catch((error: unknown) => error);
    await world.elapse(elapsed);
    world.space.depose();
    await world.elapse();
    expect(await world.run(redrive)).toSatisfy(
      (result: { code?: string; movedCount?: number }) =>
        result.code === 'BATON_FENCED' || result.movedCount === count,
    );
    const client = new TestClient(world, second);
    const left = client.consume('ActiveMQ.DLQ').ackAtOnce();
    const moved = client.consume('A').ackAtOnce();
    await world.elapse(200);
    expect([...left.texts, ...moved.texts].length).toBe(count);
    expect(new Set([...left.texts, ...moved.texts]).size).toBe(count);
    movedCounts.push(moved.texts.length);
    await ground.end();
  }
  expect(movedCounts.some((moved) => moved > 0 && moved < count)).toBe(true);
  world = new TestWorld();
});

test('a redrive that finds no room leaves the letters where they are', async () => {
  const broker = await world.broker({}, { messageBytesMax: 700 });
  const client = await letters(broker, 1);
  const filler = 'x'.repeat(60);
  for (let index = 0; index < 20; index += 1) {
    await client.send('B', filler).catch(() => undefined);
  }
  await expect(world.run(broker.redrive(DLQ))).rejects.toMatchObject({ code: 'BATON_STORE_FULL' });
  expect((await consumed(client, 'ActiveMQ.DLQ')).texts).toEqual(['0']);
});

test('named letters are moved, wherever they are, and those that are not there are told', async () => {
  const broker = await world.broker({ queueWindowMessages: 16 });
  const client = await letters(broker, 200);
  const ids = [3, 150, 777].map((sequence) => `${client.producer.key}:${sequence}`);
  expect(await world.run(broker.redrive(DLQ, { ids }))).toEqual({
    movedCount: 2,
    movedTo: [{ destination: 'queue://A', messageCount: 2 }],
    notFoundIds: [`${client.producer.key}:777`],
  });
  expect((await consumed(client, 'A')).texts).toEqual(['2', '149']);
  const selector = "JMSPriority = 0 OR dlqDeliveryFailureCause = 'other'";
  const [first] = ids;
  expect(await world.run(broker.redrive(DLQ, { ids: [`${first}'`, '8'], selector }))).toMatchObject(
    { movedCount: 0 },
  );
});

test('a letter of a topic goes back to all subscribers of the topic', async () => {
  const broker = await world.broker();
  const client = new TestClient(world, broker);
  const durable = (subscriptionName: string): TestConsumer =>
    client.consume('topic://T', { subscriptionName });
  const rejecting = durable('rejecting');
  const other = durable('other').ackAtOnce();
  await client.send('topic://T', 'one');
  await world.elapse();
  const [delivery] = rejecting.deliveries;
  await rejecting.ack(delivery, delivery, { kind: 'poison' });
  expect(await world.run(broker.redrive(DLQ))).toMatchObject({
    movedTo: [{ destination: 'topic://T', messageCount: 1 }],
  });
  await world.elapse();
  expect([rejecting.texts, other.texts]).toEqual([
    ['one', 'one'],
    ['one', 'one'],
  ]);
});

test('only a queue that is there can be redriven, and one message is the least', async () => {
  const broker = await world.broker();
  await expect(broker.redrive(DLQ)).rejects.toMatchObject({ code: 'BATON_INVALID_DESTINATION' });
  await letters(broker, 1);
  const ids = Array.from({ length: 1001 }, (_, index) => `ID:${index}`);
  for (const options of [{ limit: 0 }, { limit: 1.5 }, { ids: [] }, { ids }]) {
    await expect(broker.redrive(DLQ, options)).rejects.toMatchObject({
      code: 'BATON_INVALID_ARGUMENT',
    });
  }
});
