import { parseDestination } from '@batonmq/model';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { TestClient, TestWorld } from './test-client.ts';

let world: TestWorld;
let client: TestClient;
beforeEach(async () => {
  world = new TestWorld();
  client = new TestClient(world, await world.broker());
});
afterEach(() => world.end());

test('a destination’s name says what its consumer is like, and is served without that', async () => {
  const plain = client.consume('A');
  const named = client.consume('queue://A?consumer.priority=5&consumer.prefetchSize=1');
  await client.send('A', 'one');
  await client.send('A', 'two');
  await world.elapse();
  expect([named.texts, plain.texts]).toEqual([['one'], ['two']]);
  expect(named.subscription.options).toMatchObject({
    destination: parseDestination('A'),
    priority: 5,
    prefetchCount: 1,
  });
});

test('a name says how much is kept for a topic consumer that takes nothing', async () => {
  const options = 'consumer.prefetchSize=1&consumer.maximumPendingMessageLimit=2';
  const slow = client.consume(`topic://T?${options}`);
  for (const text of ['1', '2', '3', '4', '5']) await client.send('topic://T', text);
  await slow.ack(slow.deliveries[0], slow.deliveries[0]);
  await world.elapse();
  expect(slow.texts).toEqual(['1', '4']);
});

test('an option that does not exist is refused', () => {
  expect(() => client.consume('queue://A?consumer.colour=red')).toThrow(
    expect.objectContaining({ code: 'BATON_INVALID_OPTION' }),
  );
});

test('a send to a name with options is refused', async () => {
  await expect(client.send('queue://A?consumer.priority=5', 'x')).rejects.toMatchObject({
    code: 'BATON_INVALID_DESTINATION',
  });
});
