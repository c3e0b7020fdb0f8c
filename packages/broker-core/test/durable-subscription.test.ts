import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createBroker, type Broker, type SubscribeOptions } from '../src/index.ts';
import { memoryStore } from '@batonmq/store-memory';
import { receipt, TestClient, TestWorld, type TestConsumer } from './test-client.ts';

let world: TestWorld;
beforeEach(() => {
  world = new TestWorld();
});
afterEach(() => world.end());

function durable(
  client: TestClient,
  topic = 'topic://T',
  options: Partial<SubscribeOptions> = {},
): TestConsumer {
  return client.consume(topic, { subscriptionName: 'sub', ...options });
}

/** A consumer that comes and goes, so that its subscription exists. */
async function offline(client: TestClient, topic = 'topic://T'): Promise<void> {
  durable(client, topic).subscription.close(-1);
  await world.elapse();
}

function pendingCounts(broker: Broker): readonly number[] {
  return broker.durableSubscriptions().map(({ messageCount }) => messageCount);
}

async function unsubscribe(client: TestClient, name = 'sub'): Promise<void> {
  const settled = receipt();
  client.connection.unsubscribe(name, settled);
  await world.run(settled.done);
}

/** Makes the standby the active broker. */
async function takeOver(): Promise<void> {
  world.space.depose();
  await world.elapse();
}

describe('while its consumer is away', () => {
  test('persistent messages are kept and non-persistent ones are not', async () => {
    const client = new TestClient(world, await world.broker());
    await offline(client);
    await client.send('topic://T', 'kept');
    await client.send('topic://T', 'lost', { isPersistent: false });
    const consumer = durable(client);
    await client.send('topic://T', 'live', { isPersistent: false });
    await world.elapse();
    expect(consumer.texts).toEqual(['kept', 'live']);
  });

  test('what nobody subscribed to durably is not stored', async () => {
    const broker = await world.broker();
    const standby = await world.broker();
    const client = new TestClient(world, broker);
    client.consume('topic://T');
    await client.send('topic://T', 'x');
    await takeOver();
    expect(standby.destinations()).toEqual([]);
  });

  test('non-persistent messages that it had not taken are dropped with it', async () => {
    const broker = await world.broker();
    const client = new TestClient(world, broker);
    const consumer = durable(client, 'topic://T', { prefetchCount: 1 });
    await client.send('topic://T', 'volatile', { isPersistent: false });
    await client.send('topic://T', 'waiting', { isPersistent: false });
    await client.send('topic://T', 'stored');
    consumer.subscription.close(-1);
    expect(pendingCounts(broker)).toEqual([1]);
  });

  test('its messages expire, and become dead letters of their topic', async () => {
    const broker = await world.broker({ expiryScanIntervalMs: 1000 });
    const client = new TestClient(world, broker);
    await offline(client);
    const expiration = world.runtime.clock.wallTime() + 100;
    await client.send('topic://T', 'short', { expiration });
    await client.send('topic://T', 'long');
    await world.elapse(2500);
    expect(pendingCounts(broker)).toEqual([1]);
    const letters = client.consume('ActiveMQ.DLQ');
    await world.elapse();
    expect(letters.texts).toEqual(['short']);
    expect(letters.deliveries[0]?.message.originalDestination?.key).toBe('topic://T');
  });

  test('a subscription that is offline for "offlineDurableSubscriberTimeout" is removed', async () => {
    const policies = [{ topic: 'T', offlineDurableSubscriberTimeout: 60_000 }];
    const broker = createBroker({
      name: 'b',
      store: memoryStore({ space: world.space }),
      components: world.runtime,
      policies,
    });
    await world.run(broker.start());
    const client = new TestClient(world, broker);
    const consumer = durable(client);
    await world.elapse(120_000);
    expect(broker.durableSubscriptions()).toHaveLength(1);
    consumer.subscription.close(-1);
    await world.elapse(50_000);
    expect(broker.durableSubscriptions()).toHaveLength(1);
    await world.elapse(50_000);
    expect(broker.durableSubscriptions()).toHaveLength(0);
    await world.run(broker.stop());
  });
});

describe('a consumer that comes back', () => {
  test('goes on where it was, with the count of what it had not acked', async () => {
    const client = new TestClient(world, await world.broker());
    const first = durable(client);
    for (const text of ['1', '2', '3']) await client.send('topic://T', text);
    await first.ack(first.deliveries[0], first.deliveries[0]);
    first.subscription.close(first.deliveries[1]?.brokerSequence ?? 0);
    const second = durable(client);
    await world.elapse();
    expect([second.texts, second.counts]).toEqual([
      ['2', '3'],
      [1, 0],
    ]);
  });

  test('counts all it had as delivered if it names no message, none if it saw none', async () => {
    const client = new TestClient(world, await world.broker());
    const first = durable(client);
    await client.send('topic://T', '1');
    first.subscription.close(0);
    const second = durable(client);
    await world.elapse();
    second.subscription.close(-1);
    const third = durable(client);
    await world.elapse();
    expect([second.counts, third.counts]).toEqual([[1], [1]]);
  });

  test('starts anew, without the backlog, if it asks for another topic or for noLocal', async () => {
    const broker = await world.broker();
    const client = new TestClient(world, broker);
    await offline(client);
    await client.send('topic://T', 'old');
    const other = durable(client, 'topic://U');
    await client.send('topic://T', 'T');
    await client.send('topic://U', 'U');
    await world.elapse();
    other.subscription.close(-1);
    const noLocal = durable(client, 'topic://U', { isNoLocal: true });
    await client.send('topic://U', 'own');
    await world.elapse();
    expect([other.texts, noLocal.texts]).toEqual([['U'], []]);
    expect(broker.durableSubscriptions()).toMatchObject([
      { clientId: 'c', name: 'sub', destination: { key: 'topic://U' }, isNoLocal: true },
    ]);
  });

  test('is refused while there is one already', async () => {
    const client = new TestClient(world, await world.broker());
    durable(client);
    expect(() => durable(client)).toThrow(
      'Durable consumer is in use for client: c and subscriptionName: sub',
    );
  });
});

test('acks of single messages leave the others in the subscription', async () => {
  const client = new TestClient(world, await world.broker());
  const first = durable(client);
  for (const text of ['1', '2', '3']) await client.send('topic://T', text);
  await first.ack(undefined, first.deliveries[1], { kind: 'individual' });
  first.subscription.close(-1);
  const second = durable(client);
  await world.elapse();
  expect(second.texts).toEqual(['1', '3']);
});

test('acks of a transaction take effect with its commit', async () => {
  const broker = await world.broker();
  const client = new TestClient(world, broker);
  const consumer = durable(client);
  await client.send('topic://T', '1');
  const undone = client.begin(1);
  const [one] = consumer.deliveries;
  await consumer.ack(one, one, { transactionId: undone });
  await client.rollback(undone);
  expect(pendingCounts(broker)).toEqual([1]);
  const done = client.begin(2);
  await consumer.ack(one, one, { transactionId: done });
  await client.send('topic://T', '2', { transactionId: done });
  expect(consumer.texts).toEqual(['1']);
  await client.commit(done);
  expect(consumer.texts).toEqual(['1', '2']);
  expect(pendingCounts(broker)).toEqual([1]);
});

test('a wildcard collects from topics that come later, each message under its own', async () => {
  const broker = await world.broker();
  const standby = await world.broker();
  const client = new TestClient(world, broker);
  await offline(client, 'topic://T.>');
  await client.send('topic://T.1', 'one');
  await client.send('topic://T.2.x', 'two');
  await client.send('topic://U', 'other');
  await client.send('topic://T.1,topic://T.3', 'both');
  await takeOver();
  const consumer = durable(new TestClient(world, standby, 'c', true), 'topic://T.>');
  await world.elapse();
  expect(
    consumer.deliveries.map(({ destination, message }) => [
      destination.key,
      message.destination.key,
    ]),
  ).toEqual(
    ['topic://T.1', 'topic://T.2.x', 'topic://T.1', 'topic://T.3'].map((key) => [key, key]),
  );
});

test('a composite send is stored whole: queues and subscriptions have it after a takeover', async () => {
  const broker = await world.broker();
  const standby = await world.broker();
  const client = new TestClient(world, broker);
  await offline(client);
  const live = client.consume('topic://T');
  const sent = client.send('queue://A,topic://T,topic://U', 'x');
  expect(live.texts).toEqual([]);
  await sent;
  expect(live.texts).toEqual(['x']);
  await takeOver();
  const again = new TestClient(world, standby, 'c', true);
  const fromQueue = again.consume('A');
  const fromTopic = durable(again);
  await world.elapse();
  expect([fromQueue.texts, fromTopic.texts]).toEqual([['x'], ['x']]);
  expect(fromQueue.deliveries[0]?.message.destination.key).toBe('queue://A');
  expect(fromTopic.deliveries[0]?.message.destination.key).toBe('topic://T');
});

test('all consumers of a topic see one order, over producers and transactions', async () => {
  const broker = await world.broker({}, { latencyMs: 7 });
  const client = new TestClient(world, broker);
  const other = new TestClient(world, broker, 'other');
  const kept = durable(client);
  const live = client.consume('topic://T');
  const settled: Promise<void>[] = [];
  for (let round = 0; round < 5; round += 1) {
    const id = client.begin(round);
    await client.send('topic://T', `tx ${round}`, { transactionId: id });
    settled.push(client.commit(id));
    settled.push(other.send('topic://T', `persistent ${round}`));
    settled.push(other.send('topic://T', `volatile ${round}`, { isPersistent: false }));
  }
  await Promise.all(settled);
  await world.elapse(100);
  expect(live.texts).toHaveLength(15);
  expect(kept.texts).toEqual(live.texts);
});

test('what its own client id sends is left out, also when it is offline', async () => {
  const broker = await world.broker();
  const client = new TestClient(world, broker);
  durable(client, 'topic://T', { isNoLocal: true }).subscription.close(-1);
  await client.send('topic://T', 'own');
  await new TestClient(world, broker, 'other').send('topic://T', 'foreign');
  const consumer = durable(client, 'topic://T', { isNoLocal: true });
  await world.elapse();
  expect(consumer.texts).toEqual(['foreign']);
});

describe('after a takeover', () => {
  test('a subscription has its definition, its backlog and its counts', async () => {
    const broker = await world.broker();
    const standby = await world.broker();
    const client = new TestClient(world, broker, 'client/1');
    const consumer = durable(client, 'topic://T', { isNoLocal: true });
    const other = new TestClient(world, broker, 'other');
    for (const text of ['1', '2', '3']) await other.send('topic://T', text);
    await consumer.ack(undefined, consumer.deliveries[1], { kind: 'individual' });
    consumer.subscription.close(-2);
    await world.elapse();
    await takeOver();
    const [status] = standby.durableSubscriptions();
    expect(status).toMatchObject({
      clientId: 'client/1',
      name: 'sub',
      isNoLocal: true,
      isActive: false,
      messageCount: 2,
    });
    const again = durable(new TestClient(world, standby, 'client/1'), 'topic://T', {
      isNoLocal: true,
    });
    await world.elapse();
    expect([again.texts, again.counts]).toEqual([
      ['1', '3'],
      [1, 1],
    ]);
  });

  test('it collects from the first message on', async () => {
    const broker = await world.broker();
    const standby = await world.broker();
    await offline(new TestClient(world, broker));
    await takeOver();
    const client = new TestClient(world, standby);
    await client.send('topic://T', 'early');
    const consumer = durable(client);
    await world.elapse();
    expect(consumer.texts).toEqual(['early']);
  });

  test('a re-sent message to its topic is stored once', async () => {
    const broker = await world.broker();
    const standby = await world.broker();
    const client = new TestClient(world, broker);
    await offline(client);
    await client.send('topic://T', '1', { sequence: 1 });
    await takeOver();
    const again = new TestClient(world, standby, 'c', true);
    await again.send('topic://T', '1', { sequence: 1 });
    await again.send('topic://T', '2', { sequence: 2 });
    const consumer = durable(again);
    await world.elapse();
    expect(consumer.texts).toEqual(['1', '2']);
  });

  test('one that was removed stays removed, with its messages', async () => {
    const broker = await world.broker();
    const standby = await world.broker();
    const client = new TestClient(world, broker);
    await offline(client);
    await client.send('topic://T', 'x');
    await unsubscribe(client);
    await takeOver();
    expect(standby.durableSubscriptions()).toEqual([]);
    const consumer = durable(new TestClient(world, standby, 'c'));
    await world.elapse();
    expect(consumer.texts).toEqual([]);
  });
});

test('subscribing is answered when the subscription is durable', async () => {
  const client = new TestClient(world, await world.broker({}, { latencyMs: 50 }));
  const settled = receipt();
  const sink = { deliver() {}, exhausted() {}, ended() {}, isCongested: false };
  client.connection.subscribe(
    {
      ...{ prefetchCount: 1, isBrowser: false, isExclusive: false, isRetroactive: false },
      consumerKey: 'k',
      destination: client.message('topic://T', '').destination,
      isNoLocal: false,
      priority: 0,
      subscriptionName: 'sub',
      sink,
    },
    settled,
  );
  await world.elapse(20);
  expect(settled.isSettled).toBe(false);
  await world.run(settled.done);
});

describe('unsubscribing', () => {
  test('is refused for a name that is unknown', async () => {
    const client = new TestClient(world, await world.broker());
    await expect(unsubscribe(client, 'nobody')).rejects.toMatchObject({
      code: 'BATON_INVALID_DESTINATION',
      message: expect.stringContaining('No durable subscription exists for clientID: c') as string,
    });
  });

  test('is refused while there is a consumer', async () => {
    const client = new TestClient(world, await world.broker());
    durable(client);
    await expect(unsubscribe(client)).rejects.toMatchObject({ code: 'BATON_INVALID_STATE' });
  });

  test('ends the storing of messages', async () => {
    const broker = await world.broker();
    const client = new TestClient(world, broker);
    await offline(client);
    await client.send('topic://T', 'x');
    await unsubscribe(client);
    await client.send('topic://T', 'y');
    expect(broker.durableSubscriptions()).toEqual([]);
  });
});

test.each(['temp-topic://x', 'topic://ActiveMQ.Advisory.Connection', 'queue://A'])(
  'no subscription to %s is durable',
  async (place) => {
    const client = new TestClient(world, await world.broker());
    expect(() => durable(client, place)).toThrow(
      expect.objectContaining({ code: 'BATON_INVALID_DESTINATION' }),
    );
  },
);

test('names may hold any text that is Unicode', async () => {
  const client = new TestClient(world, await world.broker(), 'a/b c%');
  durable(client, 'topic://T', { subscriptionName: 'ü/€' });
  expect(() => durable(client, 'topic://T', { subscriptionName: '\ud800' })).toThrow(
    expect.objectContaining({ code: 'BATON_INVALID_ARGUMENT' }),
  );
});

test('a topic is not removed while a durable subscription of it has a consumer', async () => {
  const broker = await world.broker();
  const client = new TestClient(world, broker);
  const consumer = durable(client);
  const { destination } = client.message('topic://T', '');
  const refused = receipt();
  client.connection.removeDestination(destination, { isForced: false }, refused);
  await expect(world.run(refused.done)).rejects.toMatchObject({ code: 'BATON_INVALID_STATE' });
  consumer.subscription.close(-1);
  const removed = receipt();
  client.connection.removeDestination(destination, { isForced: false }, removed);
  await world.run(removed.done);
  await client.send('topic://T', 'later');
  const again = durable(client);
  await world.elapse();
  expect(again.texts).toEqual(['later']);
});
