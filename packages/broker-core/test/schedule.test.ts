import {
  decodeProperties,
  encodeProperties,
  primitiveMap,
  plainEntries,
} from '@batonmq/message-content';
import { parseDestination, type Message } from '@batonmq/model';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Broker, Delivery } from '../src/index.ts';
import { receipt, TestClient, TestWorld, textOf } from './test-client.ts';

let world: TestWorld;
beforeEach(() => {
  world = new TestWorld();
});
afterEach(() => world.end());

type Properties = Readonly<Record<string, string | number>>;

function message(
  client: TestClient,
  to: string,
  text: string,
  properties: Properties,
  rest: Partial<Message> = {},
): Message {
  const encoded = encodeProperties(primitiveMap(properties)) ?? undefined;
  return { ...client.message(to, text), properties: encoded, ...rest };
}

function send(client: TestClient, sent: Message): Promise<void> {
  const settled = receipt();
  client.connection.send(sent, settled);
  return world.run(settled.done);
}

function schedule(
  client: TestClient,
  text: string,
  properties: Properties,
  rest: Partial<Message> = {},
): Promise<void> {
  return send(client, message(client, 'A', text, properties, rest));
}

function propertiesOf({ message: { properties } }: Delivery): Properties {
  return plainEntries(decodeProperties(properties ?? null)) as Properties;
}

const now = (): number => world.runtime.clock.wallTime();

async function takeOver(): Promise<void> {
  world.space.depose();
  await world.elapse();
}

const countOf = (broker: Broker): number => broker.destinations()[0]?.messageCount ?? 0;

test('a message with a delay is delivered when it has passed, with its own id', async () => {
  const broker = await world.broker();
  const client = new TestClient(world, broker);
  const consumer = client.consume('A');
  const sentAt = now();
  await schedule(client, 'later', { AMQ_SCHEDULED_DELAY: 5000, colour: 'red' });
  await client.send('A', 'at once');
  await world.elapse(4900);
  expect(consumer.texts).toEqual(['at once']);
  await world.elapse(200);
  expect(consumer.texts).toEqual(['at once', 'later']);
  const delivery = consumer.deliveries[1] as Delivery;
  expect(propertiesOf(delivery)).toEqual({
    colour: 'red',
    scheduledJobId: expect.stringMatching(/^ID:c:1:1:\d+$/) as string,
  });
  expect(delivery.message.id.producerId).toEqual(client.producer);
  expect(delivery.message.brokerInTime - sentAt).toBeGreaterThanOrEqual(5000);
  await world.elapse(60_000);
  expect(consumer.deliveries).toHaveLength(2);
});

test('messages are delivered in the order of their times, then of their sends', async () => {
  const broker = await world.broker();
  const client = new TestClient(world, broker);
  for (const [text, delay] of [
    ['third', 300],
    ['first', 100],
    ['second', 100],
  ] as const) {
    client.connection.send(message(client, 'A', text, { AMQ_SCHEDULED_DELAY: delay }));
  }
  const consumer = client.consume('A');
  await world.elapse(1000);
  expect(consumer.texts).toEqual(['first', 'second', 'third']);
});

test('a period repeats a message so many times more, each with an id of its own', async () => {
  const broker = await world.broker();
  const client = new TestClient(world, broker);
  const consumer = client.consume('A').ackAtOnce();
  await schedule(client, 'x', {
    AMQ_SCHEDULED_DELAY: 1000,
    AMQ_SCHEDULED_PERIOD: '2000',
    AMQ_SCHEDULED_REPEAT: 3,
  });
  const counts: number[] = [];
  for (let second = 0; second < 10; second += 1) {
    await world.elapse(1000);
    counts.push(consumer.deliveries.length);
  }
  expect(counts).toEqual([1, 1, 2, 2, 3, 3, 4, 4, 4, 4]);
  const ids = consumer.deliveries.map(({ message: { id } }) => JSON.stringify(id));
  expect(new Set(ids).size).toBe(4);
  expect(
    consumer.deliveries.every(({ message: { producerId } }) => producerId === client.producer),
  );
});

test('a period without a delay is the wait before the first delivery too', async () => {
  const broker = await world.broker();
  const client = new TestClient(world, broker);
  const consumer = client.consume('A');
  await schedule(client, 'x', { AMQ_SCHEDULED_PERIOD: 3000 });
  await world.elapse(2900);
  expect(consumer.texts).toEqual([]);
  await world.elapse(200);
  expect(consumer.texts).toEqual(['x']);
});

test('a cron entry delivers at each of its times', async () => {
  const broker = await world.broker();
  const client = new TestClient(world, broker);
  const consumer = client.consume('A');
  await schedule(client, 'x', { AMQ_SCHEDULED_CRON: '*/10 * * * *' });
  await world.elapse(3_600_000);
  expect(consumer.deliveries).toHaveLength(6);
  for (const { message: fired } of consumer.deliveries) {
    expect(Math.floor(fired.brokerInTime / 1000) % 600).toBe(0);
  }
});

test('a cron entry with a period and repeats starts a run of deliveries at each of its times', async () => {
  const broker = await world.broker();
  const client = new TestClient(world, broker);
  const consumer = client.consume('A');
  await schedule(client, 'x', {
    AMQ_SCHEDULED_CRON: '0 * * * *',
    AMQ_SCHEDULED_DELAY: 1000,
    AMQ_SCHEDULED_PERIOD: 1000,
    AMQ_SCHEDULED_REPEAT: 4,
  });
  await world.elapse(2 * 3_600_000 + 60_000);
  expect(consumer.deliveries).toHaveLength(10);
});

test('a scheduled message of a transaction counts from its commit', async () => {
  const broker = await world.broker();
  const client = new TestClient(world, broker);
  const consumer = client.consume('A');
  const transactionId = client.begin(1);
  await schedule(client, 'x', { AMQ_SCHEDULED_DELAY: 1000 }, { transactionId });
  await world.elapse(2000);
  await client.commit(transactionId);
  await world.elapse(900);
  expect(consumer.texts).toEqual([]);
  await world.elapse(200);
  expect(consumer.texts).toEqual(['x']);
  expect(consumer.deliveries[0]?.message.transactionId).toBeUndefined();
  const second = client.begin(2);
  await schedule(client, 'never', { AMQ_SCHEDULED_DELAY: 1000 }, { transactionId: second });
  await client.rollback(second);
  await world.elapse(2000);
  expect(consumer.texts).toEqual(['x']);
});

test('a message with a time to live has it from its delivery on', async () => {
  const broker = await world.broker();
  const client = new TestClient(world, broker);
  const consumer = client.consume('A');
  const times = { timestamp: now(), expiration: now() + 2000 };
  await schedule(client, 'x', { AMQ_SCHEDULED_DELAY: 10_000 }, times);
  await world.elapse(10_100);
  const fired = consumer.deliveries[0]?.message as Message;
  expect(fired.expiration - fired.timestamp).toBe(2000);
  expect(fired.timestamp).toBeGreaterThanOrEqual(times.timestamp + 10_000);
});

test('a scheduled message reaches topics and every part of a composite', async () => {
  const broker = await world.broker();
  const client = new TestClient(world, broker);
  const [queue, topic] = [client.consume('A'), client.consume('topic://T')];
  const sent = message(client, 'A', 'x', { AMQ_SCHEDULED_DELAY: 100 });
  await send(client, { ...sent, destination: parseDestination('queue://A,topic://T') });
  await world.elapse(50);
  expect([queue.texts, topic.texts]).toEqual([[], []]);
  await world.elapse(100);
  expect([queue.texts, topic.texts]).toEqual([['x'], ['x']]);
});

test('a delivered message is not scheduled again by another broker', async () => {
  const broker = await world.broker();
  const client = new TestClient(world, broker);
  const consumer = client.consume('A');
  await schedule(client, 'x', { AMQ_SCHEDULED_DELAY: 100_000, scheduledJobId: 'of another' });
  expect(consumer.texts).toEqual(['x']);
});

test('what is due while no broker is active is delivered at once by the next, and once', async () => {
  const first = await world.broker();
  const client = new TestClient(world, first);
  const consumer = client.consume('A').ackAtOnce();
  await schedule(client, 'pending', { AMQ_SCHEDULED_DELAY: 30_000 });
  await schedule(client, 'missed', { AMQ_SCHEDULED_DELAY: 5000 });
  await schedule(client, 'again', {
    AMQ_SCHEDULED_DELAY: 1000,
    AMQ_SCHEDULED_PERIOD: 1000,
    AMQ_SCHEDULED_REPEAT: 9,
  });
  await world.elapse(2500);
  expect(consumer.texts).toEqual(['again', 'again']);
  await world.run(first.stop());
  await world.elapse(10_000);
  const second = await world.broker();
  const other = new TestClient(world, second, 'other');
  const rest = other.consume('A').ackAtOnce();
  await world.elapse(500);
  // Of the periods that passed, one is made up for; the others come later.
  expect(rest.texts).toEqual(['again', 'missed']);
  await world.elapse(60_000);
  expect(rest.texts.filter((text) => text === 'again')).toHaveLength(8);
  expect(rest.texts.filter((text) => text === 'pending')).toHaveLength(1);
  await takeOver();
  await world.elapse(60_000);
  expect(countOf(second)).toBe(0);
});

test('each delivery of a job happens once, whenever the broker is replaced', async () => {
  const brokers = [
    await world.broker({}, { latencyMs: 7 }),
    await world.broker({}, { latencyMs: 7 }),
  ];
  const client = new TestClient(world, brokers[0] as Broker);
  for (let index = 0; index < 40; index += 1) {
    await schedule(client, String(index), { AMQ_SCHEDULED_DELAY: 1000 + index * 5 });
  }
  await world.elapse(300);
  for (let times = 0; times < 8; times += 1) {
    await world.elapse(31);
    world.space.depose();
    await world.elapse(29);
  }
  await world.elapse(20_000);
  const active = brokers.find(({ role }) => role === 'active') as Broker;
  const consumer = new TestClient(world, active, 'other').consume('A');
  await world.elapse();
  expect(consumer.texts).toEqual(Array.from({ length: 40 }, (_, index) => String(index)));
});

test('a repeated send of a scheduled message is scheduled once', async () => {
  const first = await world.broker();
  const second = await world.broker();
  const client = new TestClient(world, first);
  const sent = message(client, 'A', 'x', { AMQ_SCHEDULED_DELAY: 1000 });
  await send(client, sent);
  await takeOver();
  const again = new TestClient(world, second, 'c', true);
  await send(again, sent);
  const consumer = again.consume('A');
  await world.elapse(5000);
  expect(consumer.texts).toEqual(['x']);
});

test('a delivery that finds no room in the store is tried again', async () => {
  const broker = await world.broker({}, { messageBytesMax: 1500 });
  const client = new TestClient(world, broker);
  await schedule(client, 'x'.repeat(500), { AMQ_SCHEDULED_DELAY: 1000 });
  await client.send('B', 'y'.repeat(500));
  const consumer = client.consume('A');
  await world.elapse(5000);
  expect(consumer.texts).toEqual([]);
  client.consume('B').ackAtOnce();
  await world.elapse(5000);
  expect(consumer.texts).toEqual(['x'.repeat(500)]);
});

const REFUSED: [why: string, properties: Properties, code: string][] = [
  ['a delay that is no number', { AMQ_SCHEDULED_DELAY: 'soon' }, 'BATON_INVALID_ARGUMENT'],
  ['a negative delay', { AMQ_SCHEDULED_DELAY: -1 }, 'BATON_INVALID_ARGUMENT'],
  ['a cron entry that is none', { AMQ_SCHEDULED_CRON: 'hourly' }, 'BATON_INVALID_ARGUMENT'],
  ['a date that never comes', { AMQ_SCHEDULED_CRON: '0 0 30 2 *' }, 'BATON_INVALID_ARGUMENT'],
  ['too many repeats', { AMQ_SCHEDULED_DELAY: 1, AMQ_SCHEDULED_REPEAT: 1001 }, 'BATON_LIMIT'],
  ['a time too far ahead', { AMQ_SCHEDULED_DELAY: 400_000_000_000 }, 'BATON_LIMIT'],
];

test.each(REFUSED)('%s is refused when it is sent', async (_, properties, code) => {
  const client = new TestClient(world, await world.broker());
  await expect(schedule(client, 'x', properties)).rejects.toMatchObject({ code });
});

test('"scheduledJobsMax" bounds what waits', async () => {
  const client = new TestClient(world, await world.broker({ scheduledJobsMax: 1 }));
  await schedule(client, 'x', { AMQ_SCHEDULED_DELAY: 1000 });
  const second = schedule(client, 'y', { AMQ_SCHEDULED_DELAY: 1000 });
  await expect(second).rejects.toMatchObject({ code: 'BATON_LIMIT' });
  await world.elapse(2000);
  await schedule(client, 'z', { AMQ_SCHEDULED_DELAY: 1000 });
});

test('without "schedulerSupport" messages are delivered at once, and their schedule is not read', async () => {
  const client = new TestClient(world, await world.broker({ schedulerSupport: false }));
  const consumer = client.consume('A');
  await schedule(client, 'x', { AMQ_SCHEDULED_DELAY: 'soon' });
  expect(consumer.texts).toEqual(['x']);
});

function command(client: TestClient, action: string, properties: Properties = {}): Promise<void> {
  const sent = message(client, 'topic://ActiveMQ.Scheduler.Management', '', {
    AMQ_SCHEDULER_ACTION: action,
    ...properties,
  });
  return send(client, { ...sent, isPersistent: false, replyTo: parseDestination('queue://R') });
}

async function browse(
  client: TestClient,
  properties: Properties = {},
): Promise<readonly Delivery[]> {
  const replies = client.consume('R').ackAtOnce();
  await command(client, 'BROWSE', properties);
  await world.elapse();
  replies.subscription.close(0);
  return replies.deliveries;
}

test('a browser is sent each job in the order of their times, with its schedule and its id', async () => {
  const client = new TestClient(world, await world.broker());
  for (const delay of [9000, 3000, 6000]) {
    await schedule(client, `in ${delay}`, { AMQ_SCHEDULED_DELAY: delay });
  }
  const replies = await browse(client);
  expect(replies.map(({ message: { content } }) => Buffer.from(content ?? []).toString())).toEqual([
    'in 3000',
    'in 6000',
    'in 9000',
  ]);
  const [first] = replies;
  expect(first?.message).toMatchObject({
    type: 'Advisory',
    isPersistent: false,
    originalDestination: parseDestination('queue://A'),
  });
  expect(propertiesOf(first as Delivery)).toMatchObject({
    AMQ_SCHEDULED_DELAY: 3000,
    scheduledJobId: expect.any(String) as string,
  });
  const [from, to] = [now() + 5000, now() + 7000];
  const some = await browse(client, { ACTION_START_TIME: from, ACTION_END_TIME: to });
  expect(some.map(({ message: each }) => textOf(each))).toEqual(['in 6000']);
});

test('a job is removed by its id, and those of a span of time by that, for good', async () => {
  const first = await world.broker();
  const second = await world.broker();
  const client = new TestClient(world, first);
  for (const delay of [1000, 2000, 3000, 4000]) {
    await schedule(client, `in ${delay}`, { AMQ_SCHEDULED_DELAY: delay });
  }
  const [job] = await browse(client);
  const { scheduledJobId = '' } = propertiesOf(job as Delivery);
  await command(client, 'REMOVE', { scheduledJobId });
  await command(client, 'REMOVEALL', {
    ACTION_START_TIME: now() + 2500,
    ACTION_END_TIME: now() + 3500,
  });
  expect((await browse(client)).map(({ message: each }) => textOf(each))).toEqual([
    'in 2000',
    'in 4000',
  ]);
  await takeOver();
  const other = new TestClient(world, second, 'other');
  const consumer = other.consume('A');
  await world.elapse(2500);
  await command(other, 'REMOVEALL');
  await world.elapse(5000);
  expect(consumer.texts).toEqual(['in 2000']);
});
