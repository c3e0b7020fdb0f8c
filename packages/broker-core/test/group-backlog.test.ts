/** Groups with more messages than the window of their queue holds. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Broker } from '../src/index.ts';
import { TestClient, TestWorld, type SendOptions, type TestConsumer } from './test-client.ts';

const SETTINGS = { queueWindowMessages: 16, pageMessages: 4 };
const PRIORITIZED = { policies: [{ queue: '>', prioritizedMessages: true }] };

let world: TestWorld;
beforeEach(() => {
  world = new TestWorld();
});
afterEach(() => world.end());

function numbered(prefix: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index + 1}`);
}

/** Texts name their group by their first letter; those in capitals have none. */
async function sendAll(
  client: TestClient,
  texts: readonly string[],
  options: SendOptions = {},
): Promise<void> {
  for (const text of texts) {
    const first = text.charAt(0);
    const groupId = first === first.toLowerCase() ? first : undefined;
    await client.send('A', text, { groupId, ...options });
  }
}

/** Acks what it has, one by one, until nothing comes any more. */
async function ackOn(consumer: TestConsumer, from = 0): Promise<void> {
  for (let at = from; at < consumer.deliveries.length; at += 1) {
    await consumer.ack(consumer.deliveries[at], consumer.deliveries[at], { kind: 'individual' });
    await world.elapse(5);
  }
}

function countsOf(broker: Broker): unknown {
  const { messageCount, inFlightCount } = broker.destinations()[0] ?? {};
  return { messageCount, inFlightCount };
}

test.each([
  { mode: 'stored', isPersistent: true },
  { mode: 'in memory only', isPersistent: false },
])('others flow past a group of $mode messages whose owner is full', async ({ isPersistent }) => {
  const broker = await world.broker(SETTINGS);
  const client = new TestClient(world, broker);
  const busy = client.consume('A', { prefetchCount: 1 });
  await sendAll(client, numbered('g', 100), { isPersistent });
  const other = client.consume('A').ackAtOnce();
  await sendAll(client, [...numbered('h', 50), ...numbered('X', 50)]);
  await world.elapse(100);
  expect(busy.texts).toEqual(['g1']);
  expect(other.texts.filter((text) => text.startsWith('h'))).toEqual(numbered('h', 50));
  expect(other.texts.filter((text) => text.startsWith('X'))).toEqual(numbered('X', 50));
  await ackOn(busy);
  expect(busy.texts).toEqual(numbered('g', 100));
  expect(countsOf(broker)).toEqual({ messageCount: 0, inFlightCount: 0 });
});

test('others are found behind a group that was there before them, and it is in order afterwards', async () => {
  const broker = await world.broker(SETTINGS);
  const client = new TestClient(world, broker);
  const sender = new TestClient(world, broker, 'sender');
  await sendAll(sender, [
    ...numbered('g', 60),
    ...numbered('h', 60),
    ...numbered('g', 90).slice(60),
  ]);
  const busy = client.consume('A', { prefetchCount: 3 });
  await world.elapse();
  const other = client.consume('A').ackAtOnce();
  await world.elapse(100);
  expect(other.texts).toEqual(numbered('h', 60));
  busy.ackAtOnce();
  await ackOn(busy);
  await world.elapse(100);
  expect(busy.texts).toEqual(numbered('g', 90));
  // The queue is a plain one again.
  await sendAll(sender, numbered('i', 30));
  await world.elapse(50);
  expect([...busy.texts, ...other.texts]).toHaveLength(180);
  expect(countsOf(broker)).toEqual({ messageCount: 0, inFlightCount: 0 });
});

test('many groups of one full owner hold up no others', async () => {
  const broker = await world.broker(SETTINGS, {
    policies: [{ queue: '>', messageGroupRebalance: false }],
  });
  const client = new TestClient(world, broker);
  const busy = client.consume('A', { prefetchCount: 10 });
  const letters = Array.from({ length: 10 }, (_, index) => String.fromCharCode(97 + index));
  await sendAll(
    client,
    letters.map((letter) => `${letter}0`),
  );
  const other = client.consume('A').ackAtOnce();
  for (let round = 1; round <= 10; round += 1) {
    await sendAll(
      client,
      letters.map((letter) => `${letter}${round}`),
    );
  }
  await sendAll(client, numbered('X', 40));
  await world.elapse(100);
  expect(other.texts).toEqual(numbered('X', 40));
  expect(busy.texts).toHaveLength(10);
  busy.ackAtOnce();
  await ackOn(busy);
  await world.elapse(200);
  for (const letter of letters) {
    const texts = busy.texts.filter((text) => text.startsWith(letter));
    expect(texts).toEqual(['0', ...numbered('', 10)].map((number) => `${letter}${number}`));
  }
  expect(countsOf(broker)).toEqual({ messageCount: 0, inFlightCount: 0 });
});

test('after a takeover others flow past a group that waits for its owner', async () => {
  const first = await world.broker(SETTINGS);
  const second = await world.broker({ ...SETTINGS, messageGroupOwnerWaitMs: 1000 });
  const before = new TestClient(world, first, 'owner');
  before.consume('A', { prefetchCount: 1 });
  await sendAll(before, [...numbered('g', 100), ...numbered('X', 20)]);
  await world.elapse();
  world.space.depose();
  await world.elapse();
  const other = new TestClient(world, second, 'other').consume('A').ackAtOnce();
  await world.elapse(100);
  expect(other.texts).toEqual(numbered('X', 20));
  const owner = new TestClient(world, second, 'owner', true).consume('A').ackAtOnce();
  await world.elapse(200);
  expect(owner.texts).toEqual(numbered('g', 100));
});

test('a group whose owner left in the middle goes on with another, in order', async () => {
  const broker = await world.broker(SETTINGS);
  const client = new TestClient(world, broker);
  const leaving = client.consume('A', { prefetchCount: 2 });
  await sendAll(client, numbered('g', 50));
  const other = client.consume('A').ackAtOnce();
  await sendAll(client, [...numbered('X', 50), ...numbered('g', 80).slice(50)]);
  await world.elapse(100);
  expect(other.texts).toEqual(numbered('X', 50));
  await leaving.ack(leaving.deliveries[0], leaving.deliveries[0]);
  leaving.subscription.close(-1);
  await world.elapse(200);
  expect(other.texts.slice(50)).toEqual(numbered('g', 80).slice(1));
  expect(leaving.texts).toEqual(['g1', 'g2', 'g3']);
});

test('with selectors and priorities too, others flow past a group, and it stays in order', async () => {
  const broker = await world.broker(SETTINGS, PRIORITIZED);
  const client = new TestClient(world, broker);
  const busy = client.consume('A', { prefetchCount: 1, selector: "color = 'red'" });
  await sendAll(client, numbered('g', 60), { properties: { color: 'red' } });
  const red = client.consume('A', { selector: "color = 'red'" }).ackAtOnce();
  const blue = client.consume('A', { selector: "color = 'blue'" }).ackAtOnce();
  for (const priority of [4, 0]) {
    await sendAll(client, numbered('X', 30), { properties: { color: 'red' }, priority });
    await sendAll(client, numbered('Y', 30), { properties: { color: 'blue' }, priority });
  }
  await sendAll(client, numbered('Z', 30), { properties: { color: 'green' } });
  await world.elapse(200);
  expect([red.texts.length, blue.texts.length]).toEqual([60, 60]);
  await ackOn(busy);
  expect(busy.texts).toEqual(numbered('g', 60));
  expect(broker.destinations()[0]).toMatchObject({ messageCount: 30, unmatchedCount: 30 });
});
