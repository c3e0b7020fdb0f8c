import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LAST_DELIVERED_NONE, LAST_DELIVERED_UNKNOWN } from '../src/index.ts';
import { TestClient, TestWorld } from './test-client.ts';

let world: TestWorld;
beforeEach(() => {
  world = new TestWorld();
});
afterEach(() => world.end());

describe('a queue', () => {
  test('gives a persistent message to a consumer and forgets it with the ack', async () => {
    const broker = await world.broker();
    const client = new TestClient(world, broker);
    const consumer = client.consume('A');
    await client.send('A', 'one');
    expect(consumer.texts).toEqual(['one']);
    await consumer.ack(consumer.deliveries[0], consumer.deliveries[0]);
    expect(broker.destinations()).toMatchObject([{ messageCount: 0, dequeuedCount: 1 }]);
  });

  test('shows no consumer a persistent message before it is durable', async () => {
    const broker = await world.broker();
    const client = new TestClient(world, broker);
    const consumer = client.consume('A');
    await world.elapse();
    client.connection.send(client.message('A', 'one'));
    expect(consumer.texts).toEqual([]);
    await world.elapse();
    expect(consumer.texts).toEqual(['one']);
  });

  test('serves consumers of equal priority in turn', async () => {
    const broker = await world.broker();
    const client = new TestClient(world, broker);
    const consumers = ['1', '2', '3'].map(() => client.consume('A'));
    for (const text of ['a', 'b', 'c', 'd', 'e', 'f']) await client.send('A', text);
    expect(consumers.map(({ texts }) => texts)).toEqual([
      ['a', 'd'],
      ['b', 'e'],
      ['c', 'f'],
    ]);
  });

  test('prefers consumers of greater priority until they are full', async () => {
    const broker = await world.broker();
    const client = new TestClient(world, broker);
    const low = client.consume('A', { priority: -5 });
    const high = client.consume('A', { priority: 3, prefetchCount: 2 });
    for (const text of ['a', 'b', 'c']) await client.send('A', text);
    expect([high.texts, low.texts]).toEqual([['a', 'b'], ['c']]);
  });

  test('passes by a consumer that is full or whose connection is congested', async () => {
    const broker = await world.broker();
    const client = new TestClient(world, broker);
    const full = client.consume('A', { prefetchCount: 1 });
    const congested = client.consume('A');
    congested.isCongested = true;
    const free = client.consume('A');
    for (const text of ['a', 'b', 'c']) await client.send('A', text);
    expect([full.texts, congested.texts, free.texts]).toEqual([['a'], [], ['b', 'c']]);
    congested.isCongested = false;
    congested.subscription.resume();
    await client.send('A', 'd');
    expect([...congested.texts, ...free.texts]).toContain('d');
  });

  test('serves one exclusive consumer alone, and another when it goes', async () => {
    const broker = await world.broker();
    const client = new TestClient(world, broker);
    const other = client.consume('A');
    const first = client.consume('A', { isExclusive: true });
    const second = client.consume('A', { isExclusive: true });
    await client.send('A', 'a');
    await client.send('A', 'b');
    expect([other.texts, first.texts, second.texts]).toEqual([[], ['a', 'b'], []]);
    first.subscription.close(LAST_DELIVERED_NONE);
    expect(second.texts).toEqual(['a', 'b']);
    second.subscription.close(LAST_DELIVERED_NONE);
    expect(other.texts).toEqual(['a', 'b']);
  });

  test('holds a backlog in the store and gives it out whole and in order', async () => {
    const broker = await world.broker({ queueWindowMessages: 16, pageMessages: 5 });
    const client = new TestClient(world, broker);
    const texts = Array.from({ length: 200 }, (_, index) => String(index));
    for (const text of texts) client.connection.send(client.message('A', text));
    await world.elapse();
    expect(broker.destinations()[0]?.messageCount).toBe(200);
    // 16 messages of 1024 bytes and two or three of text.
    expect(broker.destinations()[0]?.memoryBytes).toBeLessThan(17 * 1100);
    const consumer = client.consume('A', { prefetchCount: 3 }).ackAtOnce();
    // Meanwhile more arrive behind it.
    for (const text of ['x', 'y']) client.connection.send(client.message('A', text));
    await world.elapse();
    expect(consumer.texts).toEqual([...texts, 'x', 'y']);
    expect(broker.destinations()[0]?.messageCount).toBe(0);
  });

  test('keeps no more in memory for all queues than "windowBytes" and 32 messages each', async () => {
    const broker = await world.broker({ windowBytes: 40 * 1024 });
    const client = new TestClient(world, broker);
    for (const queue of ['A', 'B', 'C']) {
      for (let index = 0; index < 100; index += 1) {
        client.connection.send(client.message(queue, 'x'));
      }
    }
    await world.elapse();
    const inMemory = broker.destinations().map(({ memoryBytes }) => memoryBytes / 1025);
    expect(inMemory).toEqual([40, 32, 32]);
  });
});

describe('when a consumer goes', () => {
  async function withThreeUnacked() {
    const broker = await world.broker();
    const client = new TestClient(world, broker);
    for (const text of ['1', '2', '3', '4']) await client.send('A', text);
    const consumer = client.consume('A', { prefetchCount: 3 });
    await world.elapse();
    return { broker, client, consumer };
  }

  test('without a word, all it had comes back first, in order, counted once more', async () => {
    const { client, consumer } = await withThreeUnacked();
    consumer.subscription.close(LAST_DELIVERED_UNKNOWN);
    const next = client.consume('A');
    await world.elapse();
    expect(next.texts).toEqual(['1', '2', '3', '4']);
    expect(next.counts).toEqual([1, 1, 1, 0]);
  });

  test('before its application saw anything, nothing is counted', async () => {
    const { client, consumer } = await withThreeUnacked();
    consumer.subscription.close(LAST_DELIVERED_NONE);
    const next = client.consume('A');
    await world.elapse();
    expect(next.counts).toEqual([0, 0, 0, 0]);
  });

  test('after its application saw some, those are counted', async () => {
    const { client, consumer } = await withThreeUnacked();
    consumer.subscription.close(consumer.deliveries[1]?.brokerSequence ?? 0);
    const next = client.consume('A');
    await world.elapse();
    expect(next.counts).toEqual([1, 1, 0, 0]);
  });

  test('after it acked the last one its application saw, nothing is counted', async () => {
    const { client, consumer } = await withThreeUnacked();
    const last = consumer.deliveries[2];
    await consumer.ack(undefined, last, { kind: 'individual' });
    consumer.subscription.close(last?.brokerSequence ?? 0);
    const next = client.consume('A');
    await world.elapse();
    expect(next.texts).toEqual(['1', '2', '4']);
    expect(next.counts).toEqual([0, 0, 0]);
  });

  test('after another one did, what both had is in its original order', async () => {
    const broker = await world.broker();
    const client = new TestClient(world, broker);
    const [first, second] = [client.consume('A'), client.consume('A')];
    for (const text of ['1', '2', '3', '4', '5', '6']) await client.send('A', text);
    expect([first.texts, second.texts]).toEqual([
      ['1', '3', '5'],
      ['2', '4', '6'],
    ]);
    second.isCongested = true;
    first.subscription.close(LAST_DELIVERED_NONE);
    second.subscription.close(LAST_DELIVERED_NONE);
    const next = client.consume('A');
    await world.elapse();
    expect(next.texts).toEqual(['1', '2', '3', '4', '5', '6']);
  });

  test('with its connection, others get its messages at once', async () => {
    const { broker, client } = await withThreeUnacked();
    const other = new TestClient(world, broker, 'other').consume('A');
    await world.elapse();
    expect(other.texts).toEqual(['4']);
    client.connection.close(LAST_DELIVERED_UNKNOWN);
    await world.elapse();
    expect(other.texts).toEqual(['4', '1', '2', '3']);
  });

  test('the counts survive a takeover', async () => {
    const { consumer } = await withThreeUnacked();
    const standby = await world.broker();
    consumer.subscription.close(LAST_DELIVERED_UNKNOWN);
    await world.elapse();
    world.space.depose();
    await world.elapse();
    const next = new TestClient(world, standby).consume('A');
    await world.elapse();
    expect(next.counts).toEqual([1, 1, 1, 0]);
  });
});

describe('a pull', () => {
  test('brings one message and no more', async () => {
    const broker = await world.broker();
    const client = new TestClient(world, broker);
    const consumer = client.consume('A', { prefetchCount: 0 });
    await client.send('A', '1');
    await client.send('A', '2');
    expect(consumer.texts).toEqual([]);
    consumer.subscription.pull(1000);
    expect(consumer.texts).toEqual(['1']);
    await world.elapse(2000);
    expect([consumer.texts, consumer.exhaustedCount]).toEqual([['1'], 0]);
  });

  test('without waiting looks into the store before it says that there is nothing', async () => {
    const first = await world.broker();
    await new TestClient(world, first).send('A', 'stored');
    const second = await world.broker();
    world.space.depose();
    await world.elapse();
    const consumer = new TestClient(world, second).consume('A', { prefetchCount: 0 });
    consumer.subscription.pull(-1);
    await world.elapse();
    expect([consumer.texts, consumer.exhaustedCount]).toEqual([['stored'], 0]);
    consumer.subscription.pull(-1);
    await world.elapse();
    expect([consumer.texts, consumer.exhaustedCount]).toEqual([['stored'], 1]);
  });

  test('without waiting says that there is nothing only when its connection could take a message', async () => {
    const broker = await world.broker();
    const client = new TestClient(world, broker);
    const consumer = client.consume('A', { prefetchCount: 0 });
    await client.send('A', '1');
    consumer.isCongested = true;
    consumer.subscription.pull(-1);
    expect([consumer.texts, consumer.exhaustedCount]).toEqual([[], 0]);
    consumer.isCongested = false;
    consumer.subscription.resume();
    expect([consumer.texts, consumer.exhaustedCount]).toEqual([['1'], 0]);
    consumer.subscription.pull(-1);
    expect(consumer.exhaustedCount).toBe(1);
  });

  test('ends with its timeout, and not at all without one', async () => {
    const broker = await world.broker();
    const client = new TestClient(world, broker);
    const timed = client.consume('A', { prefetchCount: 0 });
    timed.subscription.pull(500);
    await world.elapse(400);
    expect(timed.exhaustedCount).toBe(0);
    await world.elapse(200);
    expect(timed.exhaustedCount).toBe(1);
    timed.subscription.pull(0);
    await world.elapse(1_000_000);
    expect(timed.exhaustedCount).toBe(1);
    await client.send('A', 'late');
    expect(timed.texts).toEqual(['late']);
  });
});

describe('a browser', () => {
  test('sees everything, dispatched and stored, takes nothing, and then the end', async () => {
    const broker = await world.broker({ queueWindowMessages: 16, pageMessages: 8 });
    const client = new TestClient(world, broker);
    const texts = Array.from({ length: 40 }, (_, index) => String(index));
    for (const text of texts) await client.send('A', text);
    client.consume('A', { prefetchCount: 2 });
    await world.elapse();
    const browser = client.consume('A', { isBrowser: true, prefetchCount: 7 });
    browser.onDelivery = () => {
      browser.subscription.ack({ kind: 'standard', messageCount: 1 });
    };
    await world.elapse();
    expect(browser.texts).toEqual(texts);
    expect(browser.exhaustedCount).toBe(1);
    expect(broker.destinations()[0]?.messageCount).toBe(40);
  });

  test('of an empty queue sees the end at once', async () => {
    const browser = new TestClient(world, await world.broker()).consume('A', { isBrowser: true });
    await world.elapse();
    expect([browser.texts, browser.exhaustedCount]).toEqual([[], 1]);
  });

  test('sees at most "browseMessagesMax"', async () => {
    const broker = await world.broker({ browseMessagesMax: 2 });
    const client = new TestClient(world, broker);
    for (const text of ['1', '2', '3']) await client.send('A', text);
    const browser = client.consume('A', { isBrowser: true });
    await world.elapse();
    expect([browser.texts, browser.exhaustedCount]).toEqual([['1', '2'], 1]);
  });
});
