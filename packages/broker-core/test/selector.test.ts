import { parseDestination } from '@batonmq/model';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Broker, BrokerOptions, DestinationStatus } from '../src/index.ts';
import { receipt, TestClient, TestWorld } from './test-client.ts';

const SMALL = { queueWindowMessages: 32, pageMessages: 16 } satisfies BrokerOptions;
const IN_MEMORY = { isPersistent: false };

let world: TestWorld;
let broker: Broker;
let client: TestClient;
beforeEach(async () => {
  world = new TestWorld();
  broker = await world.broker(SMALL);
  client = new TestClient(world, broker);
});
afterEach(() => world.end());

/** Sends `count` messages of a color, numbered, and waits for the last. */
async function send(color: string, count: number, options: object = {}): Promise<void> {
  const settled = receipt();
  for (let index = 1; index <= count; index += 1) {
    const message = client.message('A', `${color}${index}`, { properties: { color }, ...options });
    client.connection.send(message, index === count ? settled : undefined);
  }
  await world.run(settled.done);
}

function colored(color: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `${color}${index + 1}`);
}

function only(color: string): { selector: string } {
  return { selector: `color = '${color}'` };
}

function status(of = broker): DestinationStatus {
  const found = of.destinations().find(({ destination }) => destination.name === 'A');
  if (found === undefined) throw new Error('there is no A');
  return found;
}

describe.each([
  ['stored', {}],
  ['in memory', IN_MEMORY],
])('a consumer of %s messages', (_, options) => {
  test('gets those that its selector matches, and no others', async () => {
    const red = client.consume('A', only('red'));
    const blue = client.consume('A', only('blue'));
    await send('red', 3, options);
    await send('green', 3, options);
    await send('blue', 3, options);
    await world.elapse();
    expect([red.texts, blue.texts]).toEqual([colored('red', 3), colored('blue', 3)]);
    expect(status()).toMatchObject({ messageCount: 9, unmatchedCount: 3, inFlightCount: 6 });
  });

  test('gets those that were there before it', async () => {
    await send('green', 50, options);
    await send('red', 50, options);
    const red = client.consume('A', only('red'));
    await world.elapse();
    expect(red.texts).toEqual(colored('red', 50));
    expect(status().unmatchedCount).toBe(50);
  });

  test('without a selector gets what the others left, in order', async () => {
    const red = client.consume('A', only('red'));
    await send('green', 60, options);
    await send('red', 10, options);
    await send('blue', 60, options);
    await world.elapse();
    expect(status().unmatchedCount).toBe(120);
    const rest = client.consume('A');
    await world.elapse();
    expect(red.texts).toEqual(colored('red', 10));
    expect(rest.texts).toEqual([...colored('green', 60), ...colored('blue', 60)]);
    expect(status().unmatchedCount).toBe(0);
  });

  test('that is full holds up nobody who wants other messages, and misses nothing later', async () => {
    const red = client.consume('A', { ...only('red'), prefetchCount: 1 });
    const blue = client.consume('A', only('blue'));
    await send('red', 100, options);
    await send('blue', 100, options);
    await world.elapse();
    expect(blue.texts).toEqual(colored('blue', 100));
    expect(red.texts).toEqual(['red1']);
    red.ackAtOnce();
    await red.ack(red.deliveries[0], red.deliveries[0]);
    await world.elapse();
    expect(red.texts).toEqual(colored('red', 100));
  });

  test('that leaves gives back to those who match, and only to them', async () => {
    const red = client.consume('A', only('red'));
    const blue = client.consume('A', only('blue'));
    await send('red', 5, options);
    red.subscription.close(-1);
    await world.elapse();
    expect([blue.texts, status().unmatchedCount]).toEqual([[], 5]);
    const again = client.consume('A', only('red'));
    await world.elapse();
    expect(again.texts).toEqual(colored('red', 5));
  });
});

test('a message behind 100 000 that do not match is found', async () => {
  await send('green', 100_000);
  await send('red', 1);
  const red = client.consume('A', only('red'));
  await world.elapse(200);
  expect(red.texts).toEqual(['red1']);
  expect(status()).toMatchObject({ messageCount: 100_001, unmatchedCount: 100_000 });
});

test('what nobody matches takes no memory but its number', async () => {
  client.consume('A', only('red'));
  await send('green', 5000);
  await world.elapse();
  expect(status()).toMatchObject({ memoryBytes: 0, unmatchedCount: 5000 });
});

test('without consumers nothing is unmatched', async () => {
  const red = client.consume('A', only('red'));
  await send('green', 100);
  red.subscription.close(-1);
  expect(status()).toMatchObject({ messageCount: 100, unmatchedCount: 0 });
  const all = client.consume('A');
  await world.elapse();
  expect(all.texts).toEqual(colored('green', 100));
});

test('greater consumer priority counts across selectors', async () => {
  const all = client.consume('A');
  const red = client.consume('A', { ...only('red'), priority: 5, prefetchCount: 2 });
  await send('red', 4);
  await world.elapse();
  expect([red.texts, all.texts]).toEqual([
    ['red1', 'red2'],
    ['red3', 'red4'],
  ]);
});

test('consumers of equal priority take turns across selectors', async () => {
  const all = client.consume('A');
  const red = client.consume('A', only('red'));
  await send('red', 4);
  await world.elapse();
  expect([red.texts.length, all.texts.length]).toEqual([2, 2]);
});

test('receive without wait finds a message however far back it is', async () => {
  await send('green', 500);
  await send('red', 1);
  const red = client.consume('A', { ...only('red'), prefetchCount: 0 });
  await world.elapse();
  red.subscription.pull(-1);
  await world.elapse();
  expect([red.texts, red.exhaustedCount]).toEqual([['red1'], 0]);
  red.subscription.pull(-1);
  await world.elapse();
  expect([red.texts, red.exhaustedCount]).toEqual([['red1'], 1]);
});

test('an ack between two reads of the same place delivers nothing twice', async () => {
  await send('red', 20);
  await send('green', 50);
  const red = client.consume('A', only('red')).ackAtOnce();
  await world.elapse();
  const green = client.consume('A', only('green')).ackAtOnce();
  const all = client.consume('A');
  await world.elapse();
  expect(red.texts).toEqual(colored('red', 20));
  expect([...green.texts, ...all.texts].toSorted()).toEqual(colored('green', 50).toSorted());
  expect(status()).toMatchObject({ messageCount: all.texts.length });
});

test('after a takeover a selector still finds what was passed over', async () => {
  client.consume('A', only('red'));
  await send('green', 100);
  await send('red', 3);
  const standby = await world.broker(SMALL);
  world.space.depose();
  await world.elapse();
  const again = new TestClient(world, standby);
  const green = again.consume('A', only('green'));
  await world.elapse();
  expect(green.texts).toEqual(colored('green', 100));
  expect(status(standby)).toMatchObject({ messageCount: 103, unmatchedCount: 3 });
});

test('a browser with a selector shows what matches, without a limit to a page', async () => {
  client.consume('A', { ...only('blue'), prefetchCount: 1 });
  await send('green', 1000);
  await send('red', 10);
  await send('blue', 2);
  const browser = client.consume('A', { ...only('red'), isBrowser: true });
  const of = client.consume('A', { ...only('blue'), isBrowser: true });
  await world.elapse();
  expect([browser.texts, browser.exhaustedCount]).toEqual([colored('red', 10), 1]);
  expect(of.texts).toEqual(colored('blue', 2));
});

test('a topic consumer gets what its selector matches', async () => {
  const red = client.consume('topic://T', only('red'));
  await world.elapse();
  for (const color of ['green', 'red']) {
    client.connection.send(client.message('topic://T', color, { properties: { color } }));
  }
  await world.elapse();
  expect(red.texts).toEqual(['red']);
});

test.each(['A', 'A.>', 'topic://T'])('a wrong selector for %s is refused', (from) => {
  expect(() => client.consume(from, { selector: 'color = ' })).toThrow(
    expect.objectContaining({ code: 'BATON_INVALID_SELECTOR' }),
  );
  expect(broker.destinations().every(({ consumerCount }) => consumerCount === 0)).toBe(true);
});

test('a selector sees headers by their JMS names', async () => {
  const selector =
    "JMSPriority = 7 AND JMSDeliveryMode = 'PERSISTENT' AND JMSDestination = 'queue://A' " +
    "AND JMSRedelivered = FALSE AND JMSXDeliveryCount = 1 AND JMSMessageID = 'ID:c:1:1:2'";
  const consumer = client.consume('A', { selector });
  await client.send('A', 'other');
  await client.send('A', 'wanted', { priority: 7 });
  await world.elapse();
  expect(consumer.texts).toEqual(['wanted']);
});

test('a queue with passed-over messages can be removed', async () => {
  client.consume('A', only('red'));
  await send('green', 100);
  client.connection.removeDestination(parseDestination('A'), { isForced: true });
  await world.elapse();
  await send('green', 3);
  const green = client.consume('A', only('green'));
  await world.elapse();
  expect(green.texts).toEqual(colored('green', 3));
});
