import { afterEach, beforeEach, expect, test } from 'vitest';
import { LAST_DELIVERED_UNKNOWN } from '../src/index.ts';
import { ackOf, TestClient, TestWorld } from './test-client.ts';

let world: TestWorld;
beforeEach(() => {
  world = new TestWorld();
});
afterEach(() => world.end());

test('a commit makes sends visible and acks effective together', async () => {
  const broker = await world.broker();
  const client = new TestClient(world, broker);
  await client.send('A', 'in');
  const consumer = client.consume('A');
  const results = client.consume('B');
  await world.elapse();
  const transactionId = client.begin(1);
  await client.send('B', 'out', { transactionId });
  await client.send('B', 'out, kept in memory', { transactionId, isPersistent: false });
  await consumer.ack(consumer.deliveries[0], consumer.deliveries[0], { transactionId });
  await world.elapse();
  expect(results.texts).toEqual([]);
  expect(broker.transactionOutcome('TX:ID:c:1')).toBe('open');
  await client.commit(transactionId);
  expect(results.texts).toEqual(['out', 'out, kept in memory']);
  expect(broker.transactionOutcome('TX:ID:c:1')).toBe('committed');
  expect(broker.destinations()[0]).toMatchObject({ messageCount: 0, inFlightCount: 0 });
});

test('a rollback drops the sends, and its messages stay with their consumer', async () => {
  const broker = await world.broker();
  const client = new TestClient(world, broker);
  await client.send('A', 'in');
  const consumer = client.consume('A');
  await world.elapse();
  const transactionId = client.begin(1);
  await client.send('B', 'out', { transactionId });
  await consumer.ack(consumer.deliveries[0], consumer.deliveries[0], { transactionId });
  await client.rollback(transactionId);
  expect(consumer.texts).toEqual(['in']);
  expect(client.consume('B').texts).toEqual([]);
  // The client delivers it to its application again and acks it in the next transaction.
  const second = client.begin(2);
  await consumer.ack(consumer.deliveries[0], consumer.deliveries[0], { transactionId: second });
  await client.commit(second);
  expect(broker.destinations()[0]?.messageCount).toBe(0);
});

test('an open transaction is rolled back with its connection', async () => {
  const broker = await world.broker();
  const client = new TestClient(world, broker);
  for (const text of ['1', '2']) await client.send('A', text);
  const consumer = client.consume('A');
  await world.elapse();
  const transactionId = client.begin(1);
  await consumer.ack(consumer.deliveries[0], consumer.deliveries[0], { transactionId });
  await client.send('B', 'out', { transactionId });
  client.connection.close(LAST_DELIVERED_UNKNOWN);
  const other = new TestClient(world, broker, 'other');
  const [again, results] = [other.consume('A'), other.consume('B')];
  await world.elapse();
  expect([again.texts, again.counts, results.texts]).toEqual([['1', '2'], [1, 1], []]);
});

test('acks of a consumer that closed before the end of the transaction still count', async () => {
  const broker = await world.broker();
  const client = new TestClient(world, broker);
  for (const text of ['commit', 'roll back']) await client.send('A', text);
  const [first, second] = [client.begin(1), client.begin(2)];
  const consumer = client.consume('A');
  await world.elapse();
  const [one, other] = consumer.deliveries;
  await consumer.ack(one, one, { transactionId: first });
  await consumer.ack(other, other, { transactionId: second });
  consumer.subscription.close(LAST_DELIVERED_UNKNOWN);
  const next = client.consume('A');
  await client.commit(first);
  expect(next.texts).toEqual([]);
  await client.rollback(second);
  await world.elapse();
  expect([next.texts, next.counts]).toEqual([['roll back'], [1]]);
});

test('nothing of a transaction is there after a takeover in the middle of it', async () => {
  const first = await world.broker();
  const second = await world.broker();
  const client = new TestClient(world, first);
  await client.send('A', 'in');
  const consumer = client.consume('A');
  await world.elapse();
  const transactionId = client.begin(1);
  await client.send('B', 'out', { transactionId });
  await consumer.ack(consumer.deliveries[0], consumer.deliveries[0], { transactionId });
  world.space.depose();
  await world.elapse();
  const after = new TestClient(world, second);
  const [again, results] = [after.consume('A'), after.consume('B')];
  await world.elapse();
  expect([again.texts, results.texts]).toEqual([['in'], []]);
  expect(second.transactionOutcome('TX:ID:c:1')).toBe('unknown');
});

test('the outcome of a commit can be asked for after a takeover, of the newest ones', async () => {
  const first = await world.broker({ transactionOutcomesMax: 2 });
  const second = await world.broker();
  const client = new TestClient(world, first);
  for (const value of [1, 2, 3]) {
    const transactionId = client.begin(value);
    await client.send('A', 'x', { transactionId });
    await client.commit(transactionId);
  }
  await world.elapse();
  world.space.depose();
  await world.elapse();
  expect([1, 2, 3].map((value) => second.transactionOutcome(`TX:ID:c:${value}`))).toEqual([
    'unknown',
    'committed',
    'committed',
  ]);
});

test('the outcome of a commit that only acked is known after a takeover too', async () => {
  const first = await world.broker();
  const second = await world.broker();
  const client = new TestClient(world, first);
  await client.send('A', 'in');
  const consumer = client.consume('A');
  await world.elapse();
  const transactionId = client.begin(1);
  await consumer.ack(consumer.deliveries[0], consumer.deliveries[0], { transactionId });
  await client.commit(transactionId);
  world.space.depose();
  await world.elapse();
  expect(second.transactionOutcome('TX:ID:c:1')).toBe('committed');
  expect(second.destinations()[0]?.messageCount).toBe(0);
});

test('a transaction with a refused command can only be rolled back', async () => {
  const broker = await world.broker();
  const client = new TestClient(world, broker);
  const transactionId = client.begin(1);
  await client.send('A', 'x', { transactionId });
  client.connection.send(client.message('temp-queue://gone:1', 'y', { transactionId }));
  await world.elapse();
  expect(client.failures.map(({ code }) => code)).toEqual(['BATON_INVALID_DESTINATION']);
  await expect(client.commit(transactionId)).rejects.toMatchObject({
    code: 'BATON_TRANSACTION_ROLLED_BACK',
  });
  expect(broker.destinations().map(({ messageCount }) => messageCount)).toEqual([0]);
});

test('a commit that names a destination that went away has no effect at all', async () => {
  const broker = await world.broker();
  const client = new TestClient(world, broker);
  const temporary = client.message('temp-queue://ID:c:1', 'x').destination;
  client.connection.addDestination(temporary);
  const transactionId = client.begin(1);
  await client.send('A', 'x', { transactionId });
  await client.send(temporary.key, 'y', { transactionId });
  client.connection.removeDestination(temporary, { isForced: false });
  await expect(client.commit(transactionId)).rejects.toMatchObject({
    code: 'BATON_TRANSACTION_ROLLED_BACK',
  });
  const consumer = client.consume('A');
  await world.elapse();
  expect(consumer.texts).toEqual([]);
});

test('a commit that finds no room in the store has no effect, and its acks can be repeated', async () => {
  const broker = await world.broker({}, { messageBytesMax: 1000 });
  const client = new TestClient(world, broker);
  await client.send('A', 'in');
  const consumer = client.consume('A');
  await world.elapse();
  const first = client.begin(1);
  await client.send('B', 'x'.repeat(2000), { transactionId: first });
  await consumer.ack(consumer.deliveries[0], consumer.deliveries[0], { transactionId: first });
  await expect(client.commit(first)).rejects.toMatchObject({ code: 'BATON_STORE_FULL' });
  expect(broker.transactionOutcome('TX:ID:c:1')).toBe('unknown');
  const second = client.begin(2);
  await consumer.ack(consumer.deliveries[0], consumer.deliveries[0], { transactionId: second });
  await client.commit(second);
  expect(broker.destinations().map(({ messageCount }) => messageCount)).toEqual([0, 0]);
});

test('a transaction is bounded, and one that was never begun is unknown', async () => {
  const broker = await world.broker({ transactionOperationsMax: 2 });
  const client = new TestClient(world, broker);
  const transactionId = client.begin(1);
  await client.send('A', '1', { transactionId });
  await client.send('A', '2', { transactionId });
  await expect(client.send('A', '3', { transactionId })).rejects.toMatchObject({
    code: 'BATON_LIMIT',
  });
  await expect(client.commit(transactionId)).rejects.toMatchObject({
    code: 'BATON_TRANSACTION_ROLLED_BACK',
  });
  await expect(client.commit(transactionId)).rejects.toMatchObject({
    code: 'BATON_UNKNOWN_TRANSACTION',
  });
});

test('a consumer in a transaction is sent more as it acks one by one', async () => {
  const broker = await world.broker();
  const client = new TestClient(world, broker);
  for (const text of ['1', '2', '3', '4', '5']) await client.send('A', text);
  const consumer = client.consume('A', { prefetchCount: 2 });
  await world.elapse();
  const transactionId = client.begin(1);
  for (const index of [0, 1]) {
    const delivery = consumer.deliveries[index];
    consumer.subscription.ack(ackOf(undefined, delivery, { kind: 'individual', transactionId }));
  }
  expect(consumer.texts).toEqual(['1', '2', '3', '4']);
  await client.rollback(transactionId);
  expect(consumer.texts).toEqual(['1', '2', '3', '4']);
});
