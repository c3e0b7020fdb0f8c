import { decodeProperties } from '@batonmq/message-content';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type {
  Broker,
  BrokerOptions,
  Delivery,
  PolicyEntry,
  SubscriptionRecoveryPolicy,
} from '../src/index.ts';
import { TestClient, TestWorld, type TestConsumer } from './test-client.ts';

let world: TestWorld;
beforeEach(() => {
  world = new TestWorld();
});
afterEach(() => world.end());

function start(
  subscriptionRecoveryPolicy: SubscriptionRecoveryPolicy,
  rest: Omit<PolicyEntry, 'topic' | 'queue'> = {},
  settings: BrokerOptions = {},
): Promise<Broker> {
  return world.broker(settings, {
    policies: [{ topic: 'FOO.>', subscriptionRecoveryPolicy, ...rest }],
  });
}

async function retroactive(client: TestClient, from = 'topic://FOO.A'): Promise<TestConsumer> {
  const consumer = client.consume(from, { isRetroactive: true });
  await world.elapse();
  return consumer;
}

async function sendAll(client: TestClient, texts: readonly string[]): Promise<void> {
  for (const text of texts) await client.send('topic://FOO.A', text, { isPersistent: false });
}

async function takeOver(): Promise<void> {
  world.space.depose();
  await world.elapse();
}

function propertiesOf({ message }: Delivery): Record<string, unknown> {
  const properties = decodeProperties(message.properties ?? null);
  return Object.fromEntries([...properties].map(([name, { value }]) => [name, value]));
}

test('of strictOrderDispatchPolicy and lastImageSubscriptionRecoveryPolicy on FOO.>, everybody sees one order that starts with the last image', async () => {
  const broker = await start({ type: 'lastImage' }, { dispatchPolicy: { type: 'strictOrder' } });
  const client = new TestClient(world, broker);
  await sendAll(client, ['1', '2', '3']);
  const late = await retroactive(client);
  const wildcard = await retroactive(client, 'topic://FOO.>');
  const plain = client.consume('topic://FOO.A');
  const others = ['x', 'y'].map((name) => new TestClient(world, broker, name));
  for (const other of others) await sendAll(other, ['4', '5']);
  expect([late.texts, wildcard.texts, plain.texts]).toEqual([
    ['3', '4', '5', '4', '5'],
    ['3', '4', '5', '4', '5'],
    ['4', '5', '4', '5'],
  ]);
});

test('a consumer that does not ask for the past gets none, unless it is "alwaysRetroactive"', async () => {
  const broker = await world.broker(
    {},
    {
      policies: [
        { topic: '>', subscriptionRecoveryPolicy: { type: 'lastImage' } },
        { topic: 'FOO.A', alwaysRetroactive: true },
      ],
    },
  );
  const client = new TestClient(world, broker);
  await sendAll(client, ['1']);
  await client.send('topic://BAR', '1');
  const always = client.consume('topic://FOO.A');
  const never = client.consume('topic://BAR');
  expect([always.texts, never.texts]).toEqual([['1'], []]);
});

describe('what is kept', () => {
  test('without a policy is nothing', async () => {
    const client = new TestClient(world, await world.broker());
    await sendAll(client, ['1']);
    expect((await retroactive(client)).texts).toEqual([]);
  });

  test('by "fixedCount" is the last "maximumSize" messages', async () => {
    const client = new TestClient(world, await start({ type: 'fixedCount', maximumSize: 2 }));
    await sendAll(client, ['1', '2', '3']);
    expect((await retroactive(client)).texts).toEqual(['2', '3']);
  });

  test('by "fixedSized" is as many as fit', async () => {
    const client = new TestClient(world, await start({ type: 'fixedSized', maximumSize: 2100 }));
    await sendAll(client, ['1', '2', '3']);
    expect((await retroactive(client)).texts).toEqual(['2', '3']);
    await sendAll(client, ['x'.repeat(3000)]);
    expect((await retroactive(client)).texts).toEqual([]);
  });

  test('by "timed" is what came in "recoverDuration"', async () => {
    const client = new TestClient(world, await start({ type: 'timed', recoverDuration: 1000 }));
    await sendAll(client, ['1']);
    await world.elapse(800);
    await sendAll(client, ['2']);
    await world.elapse(400);
    expect((await retroactive(client)).texts).toEqual(['2']);
  });

  test('is never a dead message', async () => {
    const client = new TestClient(world, await start({ type: 'lastImage' }));
    const expiration = world.runtime.clock.wallTime() + 50;
    await client.send('topic://FOO.A', 'short', { expiration });
    await world.elapse(100);
    expect((await retroactive(client)).texts).toEqual([]);
  });

  test('counts in the memory of its topic, and takes half of it at most', async () => {
    const broker = await start(
      { type: 'fixedCount', maximumSize: 1000 },
      {},
      { destinationMemoryLimitBytes: 20 * 1024 },
    );
    const client = new TestClient(world, broker);
    await sendAll(
      client,
      Array.from({ length: 50 }, (_, index) => `${index}`),
    );
    const memoryBytes = broker.destinations()[0]?.memoryBytes;
    expect(memoryBytes).toBeGreaterThan(8 * 1024);
    expect(memoryBytes).toBeLessThanOrEqual(10 * 1024);
    expect((await retroactive(client)).texts.at(-1)).toBe('49');
  });
});

describe('by "retained"', () => {
  const RETAIN = { 'ActiveMQ.Retain': true };

  test('is the last message that is marked; it is delivered marked as retained', async () => {
    const client = new TestClient(world, await start({ type: 'retained' }));
    const live = client.consume('topic://FOO.A');
    await client.send('topic://FOO.A', 'kept', { properties: { ...RETAIN, color: 'red' } });
    await client.send('topic://FOO.A', 'plain');
    const late = await retroactive(client);
    expect([live.texts, late.texts]).toEqual([['kept', 'plain'], ['kept']]);
    expect(live.deliveries.map(propertiesOf)).toEqual([{ color: 'red' }, {}]);
    expect(late.deliveries.map(propertiesOf)).toEqual([
      { color: 'red', 'ActiveMQ.Retained': true },
    ]);
  });

  test.each([false, true])('an empty one clears it (stored: %s)', async (isStored) => {
    const client = new TestClient(world, await start({ type: 'retained', isStored }));
    await client.send('topic://FOO.A', 'kept', { properties: RETAIN });
    await client.send('topic://FOO.A', '', { properties: { 'ActiveMQ.Retain': 'true' } });
    expect((await retroactive(client)).texts).toEqual([]);
  });

  test('what its wrapped policy keeps comes after it', async () => {
    const policy = { type: 'retained', wrapped: { type: 'fixedCount', maximumSize: 2 } } as const;
    const client = new TestClient(world, await start(policy));
    await client.send('topic://FOO.A', 'kept', { properties: RETAIN });
    await sendAll(client, ['1', '2']);
    expect((await retroactive(client)).texts).toEqual(['kept', '1', '2']);
  });
});

describe('what is stored', () => {
  test('survives a takeover; what is not does not', async () => {
    const policies: PolicyEntry[] = [
      {
        topic: 'FOO.>',
        subscriptionRecoveryPolicy: { type: 'fixedCount', maximumSize: 2, isStored: true },
      },
      { topic: 'BAR', subscriptionRecoveryPolicy: { type: 'lastImage' } },
    ];
    const broker = await world.broker({}, { policies });
    const standby = await world.broker({}, { policies });
    const client = new TestClient(world, broker);
    for (const text of ['1', '2', '3']) await client.send('topic://FOO.A', text);
    await client.send('topic://FOO.B', 'b');
    await client.send('topic://FOO.B', 'volatile', { isPersistent: false });
    await client.send('topic://BAR', 'bar');
    await takeOver();
    const again = new TestClient(world, standby, 'again');
    const wildcard = again.consume('topic://FOO.>', { isRetroactive: true });
    await again.send('topic://FOO.A', 'live');
    await world.elapse();
    expect(wildcard.texts.filter((text) => text !== 'b')).toEqual(['2', '3', 'live']);
    expect(wildcard.texts).toContain('b');
    expect((await retroactive(again, 'topic://BAR')).texts).toEqual([]);
    expect((await retroactive(again)).texts).toEqual(['3', 'live']);
  });

  test('is what was kept, and no more, after many messages and takeovers', async () => {
    const policy = { type: 'lastImage', isStored: true } as const;
    await start(policy);
    const brokers = [await start(policy), await start(policy)];
    for (const [round, broker] of brokers.entries()) {
      await takeOver();
      const client = new TestClient(world, broker, `c${round}`);
      for (let index = 0; index < 20; index += 1) {
        await client.send('topic://FOO.A', `${round} ${index}`);
      }
      await world.elapse();
      expect((await retroactive(client)).texts).toEqual([`${round} 19`]);
    }
  });

  test('a cleared topic stays clear after a takeover', async () => {
    const policy = { type: 'retained', isStored: true } as const;
    const broker = await start(policy);
    const standby = await start(policy);
    const client = new TestClient(world, broker);
    const properties = { 'ActiveMQ.Retain': true };
    await client.send('topic://FOO.A', 'kept', { properties });
    await client.send('topic://FOO.B', 'kept', { properties });
    await client.send('topic://FOO.A', '', { properties });
    await takeOver();
    const late = await retroactive(new TestClient(world, standby), 'topic://FOO.>');
    expect(late.texts).toEqual(['kept']);
    expect(late.deliveries.map(propertiesOf)).toEqual([{ 'ActiveMQ.Retained': true }]);
  });

  test('is removed when no policy asks for it any more', async () => {
    const broker = await start({ type: 'lastImage', isStored: true });
    const without = await world.broker();
    await new TestClient(world, broker).send('topic://FOO.A', '1');
    await takeOver();
    expect(without.destinations()).toEqual([]);
    await takeOver();
    expect([broker.role, broker.destinations()]).toEqual(['active', []]);
  });

  test('shares its body with queues and durable subscriptions of the same send', async () => {
    const policy = { type: 'lastImage', isStored: true } as const;
    const broker = await start(policy);
    const standby = await start(policy);
    const client = new TestClient(world, broker);
    client.consume('topic://FOO.>', { subscriptionName: 's' }).subscription.close(-1);
    await client.send('topic://FOO.A,queue://Q', 'x');
    await takeOver();
    const again = new TestClient(world, standby, 'c', true);
    const durable = again.consume('topic://FOO.>', { subscriptionName: 's' });
    const queue = again.consume('Q');
    const late = await retroactive(again);
    expect([durable.texts, queue.texts, late.texts]).toEqual([['x'], ['x'], ['x']]);
  });
});

test('a durable subscription that is made retroactive starts with what is kept', async () => {
  const policy = { type: 'fixedCount', isStored: true } as const;
  const broker = await start(policy);
  const standby = await start(policy);
  const client = new TestClient(world, broker);
  for (const text of ['1', '2']) await client.send('topic://FOO.A', text);
  const options = { subscriptionName: 's', isRetroactive: true };
  const consumer = client.consume('topic://FOO.>', options);
  await world.elapse();
  expect(consumer.texts).toEqual(['1', '2']);
  consumer.subscription.close(-1);
  await takeOver();
  const again = new TestClient(world, standby, 'c', true).consume('topic://FOO.>', options);
  await world.elapse();
  expect(again.texts).toEqual(['1', '2']);
});
