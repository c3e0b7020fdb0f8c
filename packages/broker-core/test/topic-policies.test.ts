import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type {
  Broker,
  BrokerEvent,
  BrokerOptions,
  DispatchPolicy,
  PolicyEntry,
} from '../src/index.ts';
import { TestClient, TestWorld } from './test-client.ts';

let world: TestWorld;
beforeEach(() => {
  world = new TestWorld();
});
afterEach(() => world.end());

function start(
  policy: Omit<PolicyEntry, 'topic' | 'queue'>,
  settings: BrokerOptions = {},
): Promise<Broker> {
  return world.broker(settings, { policies: [{ topic: '>', ...policy }] });
}

describe('the dispatch policy', () => {
  /** Who gets each of three messages, in order, among consumers of priority 0, 2 and 1. */
  async function orderOf(type: DispatchPolicy['type']): Promise<readonly string[]> {
    const client = new TestClient(world, await start({ dispatchPolicy: { type } }));
    const order: string[] = [];
    for (const [name, priority] of [
      ['a', 0],
      ['b', 2],
      ['c', 1],
    ] as const) {
      const consumer = client.consume('topic://T', { priority });
      consumer.onDelivery = () => order.push(name);
    }
    for (const text of ['1', '2', '3']) await client.send('topic://T', text);
    return [0, 3, 6].map((from) => order.slice(from, from + 3).join(''));
  }

  test.each([
    ['simple', ['abc', 'abc', 'abc']],
    ['strictOrder', ['abc', 'abc', 'abc']],
    ['roundRobin', ['abc', 'bca', 'cab']],
    ['priority', ['bca', 'bca', 'bca']],
    ['priorityNetwork', ['bca', 'bca', 'bca']],
  ] as const)('%s serves consumers in the order %j', async (type, expected) => {
    expect(await orderOf(type)).toEqual(expected);
  });

  test('clientIdFilter gives a message that names a client to that client alone', async () => {
    const broker = await start({ dispatchPolicy: { type: 'clientIdFilter' } });
    const clients = ['one', 'two'].map((name) => new TestClient(world, broker, name));
    const [one, two] = clients as [TestClient, TestClient];
    two.consume('topic://A.PTP', { subscriptionName: 's' }).subscription.close(-1);
    const consumers = clients.map((client) => client.consume('topic://>'));
    const properties = { PTP_CLIENTID: 'two' };
    await one.send('topic://A.PTP', 'for two', { properties });
    await one.send('topic://A.PTP', 'for all');
    await one.send('topic://A', 'for nobody', { properties });
    const durable = two.consume('topic://A.PTP', { subscriptionName: 's' });
    await world.elapse();
    expect(consumers.map(({ texts }) => texts)).toEqual([['for all'], ['for two', 'for all']]);
    expect(durable.texts).toEqual(['for two', 'for all']);
  });
});

describe('a consumer that takes nothing keeps', () => {
  async function kept(
    policy: Omit<PolicyEntry, 'topic' | 'queue'>,
    send: (client: TestClient) => Promise<void>,
    options: { prefetchCount?: number; maximumPendingMessages?: number } = {},
  ): Promise<readonly string[]> {
    const client = new TestClient(world, await start(policy));
    const consumer = client.consume('topic://T', { prefetchCount: 1, ...options });
    await client.send('topic://T', 'taken');
    for (let index = 1; index < (options.prefetchCount ?? 1); index += 1) {
      await client.send('topic://T', 'taken');
    }
    await send(client);
    consumer.subscription.setPrefetch(1000);
    return consumer.texts.filter((text) => text !== 'taken');
  }

  const five = async (client: TestClient): Promise<void> => {
    for (const text of ['1', '2', '3', '4', '5']) await client.send('topic://T', text);
  };

  test.each([
    [{ type: 'constant', limit: 2 } as const, {}, ['4', '5']],
    [{ type: 'constant', limit: 0 } as const, {}, []],
    [{ type: 'constant', limit: -1 } as const, {}, ['1', '2', '3', '4', '5']],
    [{ type: 'prefetchRate' } as const, { prefetchCount: 6 }, ['3', '4', '5']],
    [{ type: 'prefetchRate', multiplier: 0.3 } as const, { prefetchCount: 10 }, ['3', '4', '5']],
    [{ type: 'constant', limit: 4 } as const, { maximumPendingMessages: 1 }, ['5']],
    [{ type: 'constant', limit: 1 } as const, { maximumPendingMessages: 4 }, ['5']],
  ])('by %j and %j of its own: %j', async (pendingMessageLimitStrategy, options, expected) => {
    expect(await kept({ pendingMessageLimitStrategy }, five, options)).toEqual(expected);
  });

  test('what matters most, by "oldestMessageWithLowestPriority"', async () => {
    const policy = {
      pendingMessageLimitStrategy: { type: 'constant', limit: 3 },
      messageEvictionStrategy: { type: 'oldestMessageWithLowestPriority' },
    } as const;
    const texts = await kept(policy, async (client) => {
      for (const [text, priority] of [
        ['low 1', 1],
        ['high 1', 9],
        ['low 2', 1],
        ['mid', 5],
        ['high 2', 9],
      ] as const) {
        await client.send('topic://T', text, { priority });
      }
    });
    expect(texts).toEqual(['high 1', 'mid', 'high 2']);
  });

  test('the newest of each value, by "uniqueProperty"', async () => {
    const policy = {
      pendingMessageLimitStrategy: { type: 'constant', limit: 3 },
      messageEvictionStrategy: { type: 'uniqueProperty', propertyName: 'share' },
    } as const;
    const texts = await kept(policy, async (client) => {
      for (const [text, share] of [
        ['a1', 'a'],
        ['b1', 'b'],
        ['a2', 'a'],
        ['c1', 'c'],
        ['a3', 'a'],
        ['d1', 'd'],
      ] as const) {
        await client.send('topic://T', text, { properties: { share } });
      }
    });
    expect(texts).toEqual(['c1', 'a3', 'd1']);
  });

  test('the living before the dead, from the watermark on', async () => {
    const policy = {
      pendingMessageLimitStrategy: { type: 'constant', limit: 3 },
      messageEvictionStrategy: { type: 'oldest', evictExpiredMessagesHighWatermark: 2 },
    } as const;
    const texts = await kept(policy, async (client) => {
      const expiration = world.runtime.clock.wallTime() + 50;
      await client.send('topic://T', 'living');
      await client.send('topic://T', 'dead', { expiration });
      await world.elapse(100);
      for (const text of ['2', '3']) await client.send('topic://T', text);
    });
    expect(texts).toEqual(['living', '2', '3']);
  });

  test('the living before the dead, also before those that outlive other dead', async () => {
    const policy = {
      pendingMessageLimitStrategy: { type: 'constant', limit: 3 },
      messageEvictionStrategy: { type: 'oldest', evictExpiredMessagesHighWatermark: 2 },
    } as const;
    const texts = await kept(policy, async (client) => {
      const now = world.runtime.clock.wallTime();
      await client.send('topic://T', 'living');
      await client.send('topic://T', 'dead first', { expiration: now + 50 });
      await client.send('topic://T', 'dead later', { expiration: now + 250 });
      await world.elapse(100);
      await client.send('topic://T', '2');
      await world.elapse(200);
      await client.send('topic://T', '3');
    });
    expect(texts).toEqual(['living', '2', '3']);
  });

  test('counts what it lost, and the broker tells of it and of the slow consumer', async () => {
    const broker = await start({ pendingMessageLimitStrategy: { type: 'constant', limit: 1 } });
    const events: BrokerEvent[] = [];
    broker.on('message-discarded', (event) => events.push(event));
    broker.on('consumer-slow', (event) => events.push(event));
    const client = new TestClient(world, broker);
    client.consume('topic://T', { prefetchCount: 1 });
    for (const text of ['taken', '1', '2', '3']) await client.send('topic://T', text);
    expect(events).toMatchObject([
      { type: 'consumer-slow', destination: { key: 'topic://T' } },
      { type: 'message-discarded', discardedCount: 1 },
      { type: 'message-discarded', discardedCount: 2, destination: { key: 'topic://T' } },
    ]);
    expect(broker.destinations()[0]?.discardedCount).toBe(2);
  });
});

test('"topicPrefetch" and "durableTopicPrefetch" hold for clients that ask for more', async () => {
  const client = new TestClient(world, await start({ topicPrefetch: 2, durableTopicPrefetch: 1 }));
  const plain = client.consume('topic://T');
  const durable = client.consume('topic://T', { subscriptionName: 's' });
  for (const text of ['1', '2', '3']) await client.send('topic://T', text);
  expect([plain.texts, durable.texts]).toEqual([['1', '2'], ['1']]);
  plain.subscription.setPrefetch(1000);
  durable.subscription.setPrefetch(1000);
  expect([plain.texts, durable.texts]).toEqual([['1', '2'], ['1']]);
});

describe('a slow consumer', () => {
  const fast = { checkPeriod: 100, maxSlowDuration: 300 };

  test('is closed when it was full for "maxSlowDuration"; one that takes messages is not', async () => {
    const slowConsumerStrategy = { type: 'abortSlowConsumer', ...fast } as const;
    const broker = await start({ slowConsumerStrategy });
    const aborted: string[] = [];
    broker.on('consumer-aborted', ({ consumerKey }) => aborted.push(consumerKey));
    const client = new TestClient(world, broker);
    const slow = client.consume('topic://T', { prefetchCount: 1 });
    const good = client.consume('topic://T', { prefetchCount: 1 }).ackAtOnce();
    for (const text of ['1', '2', '3']) await client.send('topic://T', text);
    await world.elapse(250);
    expect(slow.endReason).toBeUndefined();
    await world.elapse(200);
    expect([slow.endReason?.code, good.endReason]).toEqual(['BATON_LIMIT', undefined]);
    expect(aborted).toEqual([slow.subscription.options.consumerKey]);
  });

  test('of a queue is closed while messages wait for it, and loses those it has', async () => {
    const slowConsumerStrategy = { type: 'abortSlowConsumer', ...fast } as const;
    const broker = await world.broker({}, { policies: [{ queue: '>', slowConsumerStrategy }] });
    const client = new TestClient(world, broker);
    const slow = client.consume('Q', { prefetchCount: 1 });
    await client.send('Q', '1');
    await world.elapse(1000);
    expect(slow.endReason).toBeUndefined();
    await client.send('Q', '2');
    await world.elapse(1000);
    expect(slow.endReason?.code).toBe('BATON_LIMIT');
    const next = client.consume('Q');
    await world.elapse();
    expect([next.texts, next.counts]).toEqual([
      ['1', '2'],
      [1, 0],
    ]);
  });

  test('that acks nothing is closed by "abortSlowAckConsumer", even if it is not full; an idle one is not', async () => {
    const slowConsumerStrategy = {
      type: 'abortSlowAckConsumer',
      maxTimeSinceLastAck: 200,
      checkPeriod: 100,
      maxSlowDuration: 100,
    } as const;
    const client = new TestClient(world, await start({ slowConsumerStrategy }));
    const silent = client.consume('topic://T');
    const acking = client.consume('topic://T').ackAtOnce();
    await world.elapse(1000);
    await client.send('topic://T', '1');
    await world.elapse(1000);
    expect([silent.endReason?.code, acking.endReason]).toEqual(['BATON_LIMIT', undefined]);
  });

  test('loses its connection with "abortConnection"; that of a network does not', async () => {
    const slowConsumerStrategy = {
      type: 'abortSlowConsumer',
      abortConnection: true,
      ...fast,
    } as const;
    const broker = await start({ slowConsumerStrategy });
    const slow = new TestClient(world, broker, 'slow');
    const network = new TestClient(world, broker, 'network');
    slow.consume('topic://T', { prefetchCount: 1 });
    network.consume('topic://T', { prefetchCount: 1, isNetwork: true });
    const sender = new TestClient(world, broker);
    for (const text of ['1', '2']) await sender.send('topic://T', text);
    await world.elapse(1000);
    expect([slow.disconnectReason?.code, network.disconnectReason]).toEqual([
      'BATON_LIMIT',
      undefined,
    ]);
  });
});
