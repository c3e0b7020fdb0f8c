import { afterEach, beforeEach, expect, test } from 'vitest';
import { LAST_DELIVERED_NONE, LAST_DELIVERED_UNKNOWN } from '../src/index.ts';
import { TestClient, TestWorld, type TestConsumer } from './test-client.ts';

let world: TestWorld;
beforeEach(() => {
  world = new TestWorld();
});
afterEach(() => world.end());

/** The epochs of what a consumer gets from now on, as they were when it got it. */
function epochsOf(consumer: TestConsumer): readonly (number | undefined)[] {
  const epochs: (number | undefined)[] = [];
  consumer.onDelivery = ({ exclusiveEpoch }) => {
    epochs.push(exclusiveEpoch);
  };
  return epochs;
}

test('another exclusive consumer takes over only with a greater priority, or with 127', async () => {
  const client = new TestClient(world, await world.broker());
  const isExclusive = true;
  const consumers = [
    client.consume('A', { isExclusive, priority: 3 }),
    client.consume('A', { isExclusive, priority: 3 }),
  ];
  await client.send('A', '1');
  consumers.push(client.consume('A', { isExclusive, priority: 4 }));
  await client.send('A', '2');
  consumers.push(client.consume('A', { isExclusive, priority: 127 }));
  await client.send('A', '3');
  consumers.push(client.consume('A', { isExclusive, priority: 127 }));
  await client.send('A', '4');
  expect(consumers.map(({ texts }) => texts)).toEqual([['1'], [], ['2'], ['3'], ['4']]);
});

test('when it leaves, the next of the greatest priority follows', async () => {
  const client = new TestClient(world, await world.broker());
  const first = client.consume('A', { isExclusive: true, priority: 5 });
  const low = client.consume('A', { isExclusive: true });
  const high = client.consume('A', { isExclusive: true, priority: 3 });
  const plain = client.consume('A', { priority: 9 });
  first.subscription.close(LAST_DELIVERED_NONE);
  await client.send('A', '1');
  high.subscription.close(LAST_DELIVERED_NONE);
  low.subscription.close(LAST_DELIVERED_NONE);
  await world.elapse();
  expect([first.texts, high.texts, low.texts, plain.texts]).toEqual([[], ['1'], ['1'], ['1']]);
});

test('every consumer is exclusive where the policy says so', async () => {
  const policies = [{ queue: 'A', allConsumersExclusiveByDefault: true }];
  const client = new TestClient(world, await world.broker({}, { policies }));
  const consumers = [client.consume('A'), client.consume('A')];
  for (const text of ['1', '2']) await client.send('A', text);
  expect(consumers.map(({ texts }) => texts)).toEqual([['1', '2'], []]);
});

test('the epoch grows with each change, over takeovers too, and is none without an exclusive consumer', async () => {
  const broker = await world.broker();
  const standby = await world.broker();
  const client = new TestClient(world, broker);
  const none = epochsOf(client.consume('A'));
  await client.send('A', '1');
  const first = client.consume('A', { isExclusive: true });
  const firsts = epochsOf(first);
  await client.send('A', '2');
  await client.send('A', '3');
  first.subscription.close(LAST_DELIVERED_UNKNOWN);
  const seconds = epochsOf(client.consume('A', { isExclusive: true }));
  await client.send('A', '4');
  await world.elapse();
  world.space.depose();
  await world.elapse();
  const thirds = epochsOf(new TestClient(world, standby, 'd').consume('A', { isExclusive: true }));
  await world.elapse();
  const [one = 0, same] = firsts;
  const [two = 0] = seconds;
  const [three = 0] = thirds;
  expect(none[0]).toBeUndefined();
  expect(same).toBe(one);
  expect(two).toBeGreaterThan(one);
  expect(three).toBeGreaterThan(two);
});
