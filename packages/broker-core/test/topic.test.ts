import { afterEach, beforeEach, expect, test } from 'vitest';
import { TestClient, TestWorld } from './test-client.ts';

let world: TestWorld;
beforeEach(() => {
  world = new TestWorld();
});
afterEach(() => world.end());

test('each consumer of a topic gets every message sent while it is there, in order', async () => {
  const client = new TestClient(world, await world.broker());
  const early = client.consume('topic://T');
  await client.send('topic://T', '1');
  const late = client.consume('topic://T');
  await client.send('topic://T', '2', { isPersistent: false });
  expect([early.texts, late.texts]).toEqual([['1', '2'], ['2']]);
});

test('a consumer that takes nothing does not stop the others', async () => {
  const client = new TestClient(world, await world.broker());
  const slow = client.consume('topic://T', { prefetchCount: 1 });
  const fast = client.consume('topic://T');
  for (const text of ['1', '2', '3']) await client.send('topic://T', text);
  expect([slow.texts, fast.texts]).toEqual([['1'], ['1', '2', '3']]);
  await slow.ack(slow.deliveries[0], slow.deliveries[0]);
  expect(slow.texts).toEqual(['1', '2']);
  await slow.ack(undefined, slow.deliveries[1], { kind: 'delivered' });
  expect(slow.texts).toEqual(['1', '2', '3']);
});

test('a consumer can leave out what its own connection sends', async () => {
  const broker = await world.broker();
  const client = new TestClient(world, broker);
  const consumer = client.consume('topic://T', { isNoLocal: true });
  await client.send('topic://T', 'own');
  await new TestClient(world, broker, 'other').send('topic://T', 'foreign');
  expect(consumer.texts).toEqual(['foreign']);
});

test('a backlog keeps the newest "topicBacklogMessages"', async () => {
  const client = new TestClient(world, await world.broker({ topicBacklogMessages: 2 }));
  const consumer = client.consume('topic://T', { prefetchCount: 1 });
  for (const text of ['1', '2', '3', '4']) await client.send('topic://T', text);
  consumer.subscription.setPrefetch(10);
  expect(consumer.texts).toEqual(['1', '3', '4']);
});

test('a consumer that takes nothing holds senders up for "slowConsumerTimeoutMs" at most', async () => {
  const broker = await world.broker({
    destinationMemoryLimitBytes: 10 * 1024,
    slowConsumerTimeoutMs: 3000,
    slowConsumerBacklogMessages: 2,
  });
  const client = new TestClient(world, broker);
  const slow = client.consume('topic://T', { prefetchCount: 1 });
  const fast = client.consume('topic://T');
  const sent: string[] = [];
  for (let index = 0; index < 20; index += 1) {
    await client.send('topic://T', String(index));
    sent.push(String(index));
  }
  expect(world.runtime.clock.now()).toBeGreaterThan(3000);
  expect(world.runtime.clock.now()).toBeLessThan(4000);
  expect(fast.texts).toEqual(sent);
  slow.subscription.setPrefetch(100);
  expect(slow.texts).toEqual(['0', '18', '19']);
});

test('acks of a topic in a transaction make room when it is committed', async () => {
  const client = new TestClient(world, await world.broker());
  const consumer = client.consume('topic://T', { prefetchCount: 1 });
  for (const text of ['1', '2']) await client.send('topic://T', text);
  const transactionId = client.begin(1);
  await consumer.ack(consumer.deliveries[0], consumer.deliveries[0], { transactionId });
  expect(consumer.texts).toEqual(['1']);
  await client.commit(transactionId);
  expect(consumer.texts).toEqual(['1', '2']);
});

test('the broker speaks to all consumers of a topic, or to one of them', async () => {
  const broker = await world.broker();
  const client = new TestClient(world, broker);
  const one = client.consume('topic://Advisory.A');
  const other = client.consume('topic://Advisory.>');
  broker.publish(client.message('topic://Advisory.A', 'to all', { isPersistent: false }));
  broker.publish(client.message('topic://Advisory.B', 'by wildcard', { isPersistent: false }));
  const replayed = client.message('topic://Advisory.A', 'to one', { isPersistent: false });
  broker.publish(replayed, one.subscription);
  await world.elapse();
  expect(one.texts).toEqual(['to all', 'to one']);
  expect(other.texts).toEqual(['to all', 'by wildcard']);
});

test('a pull from a topic that has nothing ends at once if it may not wait', async () => {
  const client = new TestClient(world, await world.broker());
  const consumer = client.consume('topic://T', { prefetchCount: 0 });
  consumer.subscription.pull(-1);
  expect(consumer.exhaustedCount).toBe(1);
  await client.send('topic://T', '1');
  consumer.subscription.pull(-1);
  expect([consumer.texts, consumer.exhaustedCount]).toEqual([['1'], 1]);
});
