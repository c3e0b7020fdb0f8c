import { LAST_DELIVERED_NONE, LAST_DELIVERED_UNKNOWN } from '../src/index.ts';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ackOf, TestClient, TestWorld, type TestConsumer } from './test-client.ts';

let world: TestWorld;
beforeEach(() => {
  world = new TestWorld();
});
afterEach(() => world.end());

async function sendAll(
  client: TestClient,
  messages: readonly (readonly [group: string, text: string, sequence?: number])[],
): Promise<void> {
  for (const [groupId, text, groupSequence] of messages) {
    await client.send('A', text, { groupId, groupSequence });
    // A new owner is stored first.
    await world.elapse(1);
  }
}

/** Whether each message was its consumer's first of the group. */
function firsts(consumer: TestConsumer): readonly boolean[] {
  return consumer.deliveries.map(({ isFirstForConsumer = false }) => isFirstForConsumer);
}

test('messages of a group go to one consumer, new groups to the one with the fewest', async () => {
  const client = new TestClient(world, await world.broker());
  const consumers = [client.consume('A'), client.consume('A')];
  await sendAll(client, [
    ['g', '1'],
    ['h', '2'],
    ['g', '3'],
    ['h', '4'],
  ]);
  expect(consumers.map(({ texts }) => texts)).toEqual([
    ['1', '3'],
    ['2', '4'],
  ]);
  expect(consumers.map(firsts)).toEqual([
    [true, false],
    [true, false],
  ]);
});

test('a group whose owner is full holds up no other', async () => {
  const client = new TestClient(world, await world.broker());
  const busy = client.consume('A', { prefetchCount: 1 });
  await sendAll(client, [
    ['g', '1'],
    ['g', '2'],
    ['g', '3'],
    ['h', '4'],
  ]);
  const other = client.consume('A');
  await world.elapse();
  expect([busy.texts, other.texts]).toEqual([['1'], ['4']]);
  await busy.ack(busy.deliveries[0], busy.deliveries[0]);
  expect(busy.texts).toEqual(['1', '2']);
});

test('what an owner that leaves has not acked goes first to the next', async () => {
  const broker = await world.broker();
  const client = new TestClient(world, broker);
  const leaving = client.consume('A', { prefetchCount: 2 });
  await sendAll(client, [
    ['g', '1'],
    ['g', '2'],
    ['g', '3'],
  ]);
  const next = client.consume('A');
  leaving.subscription.close(LAST_DELIVERED_NONE);
  await world.elapse();
  expect(next.texts).toEqual(['1', '2', '3']);
  expect(firsts(next)).toEqual([true, false, false]);
});

test('a group waits for the transaction in which its owner, gone now, acked', async () => {
  const client = new TestClient(world, await world.broker());
  const leaving = client.consume('A', { prefetchCount: 1 });
  await sendAll(client, [
    ['g', '1'],
    ['g', '2'],
  ]);
  const transaction = client.begin(1);
  const [first] = leaving.deliveries;
  await leaving.ack(first, first, { transactionId: transaction });
  leaving.subscription.close(LAST_DELIVERED_UNKNOWN);
  const next = client.consume('A');
  await world.elapse();
  expect(next.texts).toEqual([]);
  await client.rollback(transaction);
  await world.elapse();
  expect(next.texts).toEqual(['1', '2']);
});

test('a group goes on when such a transaction is committed', async () => {
  const client = new TestClient(world, await world.broker());
  const leaving = client.consume('A', { prefetchCount: 1 });
  await sendAll(client, [
    ['g', '1'],
    ['g', '2'],
  ]);
  const transaction = client.begin(1);
  const [first] = leaving.deliveries;
  await leaving.ack(first, first, { transactionId: transaction });
  leaving.subscription.close(LAST_DELIVERED_UNKNOWN);
  const next = client.consume('A');
  await client.commit(transaction);
  await world.elapse();
  expect(next.texts).toEqual(['2']);
});

test('a closed group starts anew when everything of it is acked', async () => {
  const client = new TestClient(world, await world.broker());
  const owner = client.consume('A');
  await sendAll(client, [
    ['g', '1'],
    ['h', 'x'],
    ['g', '2', -1],
    ['g', '3'],
  ]);
  const other = client.consume('A');
  await world.elapse();
  expect([owner.texts, other.texts]).toEqual([['1', 'x', '2'], []]);
  owner.subscription.ack(ackOf(owner.deliveries[0], owner.deliveries[2], { messageCount: 3 }));
  await world.elapse();
  expect([other.texts, firsts(other)]).toEqual([['3'], [true]]);
});

test('greater priority gets new groups until it is full', async () => {
  const client = new TestClient(world, await world.broker());
  const low = client.consume('A');
  const high = client.consume('A', { priority: 5, prefetchCount: 2 });
  await sendAll(client, [
    ['g', '1'],
    ['h', '2'],
    ['i', '3'],
  ]);
  expect([high.texts, low.texts]).toEqual([['1', '2'], ['3']]);
});

test('an exclusive consumer takes groups over when their owner has nothing of them any more', async () => {
  const client = new TestClient(world, await world.broker());
  const owner = client.consume('A', { prefetchCount: 1 });
  await sendAll(client, [
    ['g', '1'],
    ['g', '2'],
  ]);
  const exclusive = client.consume('A', { isExclusive: true });
  await world.elapse();
  expect(exclusive.texts).toEqual([]);
  await owner.ack(owner.deliveries[0], owner.deliveries[0]);
  await world.elapse();
  expect([owner.texts, exclusive.texts]).toEqual([['1'], ['2']]);
});

test('consumers that may have only some messages hand a group over, in order', async () => {
  const client = new TestClient(world, await world.broker());
  const some = client.consume('A', { selector: "kind = 'x'", priority: 5 });
  const all = client.consume('A', { selector: "kind <> 'z'" });
  await client.send('A', '1', { groupId: 'g', properties: { kind: 'x' } });
  await client.send('A', '2', { groupId: 'g', properties: { kind: 'y' } });
  await client.send('A', '3', { groupId: 'g', properties: { kind: 'x' } });
  await world.elapse();
  expect([some.texts, all.texts]).toEqual([['1'], []]);
  await some.ack(some.deliveries[0], some.deliveries[0]);
  await world.elapse();
  expect([some.texts, all.texts]).toEqual([['1'], ['2', '3']]);
});

test('more groups than are remembered keep their order', async () => {
  const client = new TestClient(world, await world.broker({ messageGroupOwnersMax: 2 }));
  const consumers = [client.consume('A'), client.consume('A')];
  const names = ['g', 'h', 'i', 'j'];
  for (const text of ['1', '2', '3'])
    await sendAll(
      client,
      names.map((name) => [name, text]),
    );
  for (const name of names) {
    const owners = consumers.filter(({ deliveries }) =>
      deliveries.some(({ message }) => message.groupId === name),
    );
    expect(owners).toHaveLength(1);
    const texts = owners.flatMap(({ deliveries, texts: all }) =>
      all.filter((_, index) => deliveries[index]?.message.groupId === name),
    );
    expect(texts).toEqual(['1', '2', '3']);
  }
});

async function takeOver(): Promise<void> {
  world.space.depose();
  await world.elapse();
}

test('after a takeover a group waits for its owner, and is its again', async () => {
  const first = await world.broker();
  const second = await world.broker();
  const before = new TestClient(world, first, 'owner');
  before.consume('A');
  await sendAll(before, [['g', '1']]);
  await world.elapse();
  await takeOver();
  const other = new TestClient(world, second, 'other').consume('A');
  await world.elapse();
  expect(other.texts).toEqual([]);
  const owner = new TestClient(world, second, 'owner', true).consume('A');
  await world.elapse();
  expect([owner.texts, firsts(owner), other.texts]).toEqual([['1'], [false], []]);
});

test.each([5, 15, 25, 35, 45])(
  'what a consumer has of a group nobody else gets after a takeover, though the old broker died after %i ms',
  async (aliveMs) => {
    const options = { latencyMs: 10, isLate: true };
    const first = await world.broker({}, options);
    const second = await world.broker({}, options);
    const before = new TestClient(world, first, 'owner');
    const had = before.consume('A');
    for (const text of ['1', '2']) {
      before.connection.send(before.message('A', text, { groupId: 'g' }));
    }
    await world.elapse(aliveMs);
    world.space.depose();
    await world.elapse();
    const other = new TestClient(world, second, 'other').consume('A');
    await world.elapse(100);
    // What it has it may be working on.
    if (had.texts.length > 0) expect(other.texts).toEqual([]);
    const owner = new TestClient(world, second, 'owner', true).consume('A');
    await world.elapse(100);
    const texts = [...other.texts, ...owner.texts];
    expect(texts).toEqual(aliveMs < 10 ? [] : ['1', '2']);
  },
);

test('a message of a new group is passed by nothing that its producer sent later to the same consumer', async () => {
  const client = new TestClient(world, await world.broker({}, { latencyMs: 10 }));
  const consumer = client.consume('A');
  const groups = ['g', undefined, 'h', 'g', undefined, 'i', 'h', undefined];
  for (const [index, groupId] of groups.entries()) {
    client.connection.send(client.message('A', `${index}`, { groupId }));
    await world.elapse(index % 3 === 0 ? 0 : 7);
  }
  await world.elapse(100);
  expect(consumer.texts).toEqual(groups.map((_, index) => `${index}`));
});

test('while a consumer waits for a message of a new group, another gets what has none', async () => {
  const client = new TestClient(world, await world.broker({}, { latencyMs: 10 }));
  const consumers = [client.consume('A'), client.consume('A')];
  for (const groupId of ['g', undefined]) {
    client.connection.send(client.message('A', groupId ?? 'none', { groupId }));
  }
  await world.elapse(15);
  expect(consumers.map(({ texts }) => texts)).toEqual([[], ['none']]);
  await world.elapse(10);
  expect(consumers.map(({ texts }) => texts)).toEqual([['g'], ['none']]);
});

test('a pull that does not wait gets the first message of a group', async () => {
  const client = new TestClient(world, await world.broker({}, { latencyMs: 10 }));
  await client.send('A', '1', { groupId: 'g' });
  const consumer = client.consume('A', { prefetchCount: 0 });
  consumer.subscription.pull(-1);
  await world.elapse(100);
  expect([consumer.texts, consumer.exhaustedCount]).toEqual([['1'], 0]);
  consumer.subscription.pull(-1);
  await world.elapse(100);
  expect([consumer.texts, consumer.exhaustedCount]).toEqual([['1'], 1]);
});

test('after a takeover a group whose owner stays away goes to another in time', async () => {
  const first = await world.broker();
  const second = await world.broker({ messageGroupOwnerWaitMs: 500 });
  const before = new TestClient(world, first, 'owner');
  before.consume('A');
  await sendAll(before, [['g', '1']]);
  await world.elapse();
  await takeOver();
  const other = new TestClient(world, second, 'other').consume('A');
  await world.elapse(300);
  expect(other.texts).toEqual([]);
  await world.elapse(300);
  expect([other.texts, firsts(other)]).toEqual([['1'], [true]]);
});

test('owners survive a stop of the broker as well', async () => {
  const first = await world.broker();
  const before = new TestClient(world, first, 'owner');
  before.consume('A');
  await sendAll(before, [['g', '1']]);
  await world.run(first.stop());
  const second = await world.broker();
  const other = new TestClient(world, second, 'other').consume('A');
  const owner = new TestClient(world, second, 'owner', true).consume('A');
  await world.elapse();
  expect([owner.texts, other.texts]).toEqual([['1'], []]);
});

test('a closed group has no owner after a takeover', async () => {
  const first = await world.broker();
  const second = await world.broker();
  const before = new TestClient(world, first, 'owner');
  const consumer = before.consume('A');
  await sendAll(before, [['g', '1', -1]]);
  await consumer.ack(consumer.deliveries[0], consumer.deliveries[0]);
  await world.elapse();
  await takeOver();
  const sender = new TestClient(world, second, 'sender');
  const other = new TestClient(world, second, 'other').consume('A');
  await sendAll(sender, [['g', '3']]);
  expect(other.texts).toEqual(['3']);
});

test('a queue that is removed takes its groups along', async () => {
  const first = await world.broker();
  const second = await world.broker();
  const before = new TestClient(world, first, 'owner');
  before.consume('A');
  await sendAll(before, [['g', '1']]);
  before.connection.removeDestination(before.message('A', '').destination, { isForced: true });
  await sendAll(new TestClient(world, first, 'sender'), [['g', '2']]);
  await takeOver();
  const other = new TestClient(world, second, 'other').consume('A');
  await world.elapse();
  expect(other.texts).toEqual(['2']);
});
