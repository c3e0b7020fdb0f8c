import { formatTransactionId, type BrokerError, type XaTransactionId } from '@batonmq/model';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { LAST_DELIVERED_UNKNOWN, type Broker, type PrepareOutcome } from '../src/index.ts';
import { receipt, TestClient, TestWorld } from './test-client.ts';

let world: TestWorld;
beforeEach(() => {
  world = new TestWorld();
});
afterEach(() => world.end());

function xid(name: string): XaTransactionId {
  return {
    kind: 'xa',
    formatId: 86,
    globalTransactionId: Buffer.from(name),
    branchQualifier: Buffer.from('b'),
  };
}

function begin(client: TestClient, name: string): XaTransactionId {
  const id = xid(name);
  client.connection.beginTransaction(id);
  return id;
}

function prepare(client: TestClient, id: XaTransactionId): Promise<PrepareOutcome> {
  const settled = new Promise<PrepareOutcome>((resolve, reject) => {
    client.connection.prepareTransaction(id, {
      settled: (outcome) => {
        if (typeof outcome === 'string') resolve(outcome);
        else reject(outcome);
      },
    });
  });
  settled.catch(() => undefined);
  return world.run(settled);
}

function commit(client: TestClient, id: XaTransactionId): Promise<void> {
  const settled = receipt();
  client.connection.commitPreparedTransaction(id, settled);
  return world.run(settled.done);
}

const keysOf = (broker: Broker): string[] =>
  broker.preparedTransactions().map(({ key, sendCount, ackCount }) => {
    return `${Buffer.from(/globalId=(\w+)/.exec(key)?.[1] ?? '', 'hex').toString()} ${sendCount} ${ackCount}`;
  });

const refusal = (code: BrokerError['code']): unknown => expect.objectContaining({ code });

async function takeOver(): Promise<void> {
  world.space.depose();
  await world.elapse();
}

/** A transaction named `t` that consumed `in` from A, sent `out` to B, and is prepared. */
async function prepared(client: TestClient): Promise<XaTransactionId> {
  await client.send('A', 'in');
  const consumer = client.consume('A');
  await world.elapse();
  const transactionId = begin(client, 't');
  await client.send('B', 'out', { transactionId });
  await consumer.ack(consumer.deliveries[0], consumer.deliveries[0], { transactionId });
  expect(await prepare(client, transactionId)).toBe('prepared');
  return transactionId;
}

async function textsOf(client: TestClient, from: string): Promise<readonly string[]> {
  const consumer = client.consume(from);
  await world.elapse();
  consumer.subscription.close(LAST_DELIVERED_UNKNOWN);
  await world.elapse();
  return consumer.texts;
}

test('a prepared transaction shows nothing until it is committed, by whichever connection', async () => {
  const broker = await world.broker();
  const client = new TestClient(world, broker);
  const id = await prepared(client);
  const other = new TestClient(world, broker, 'other');
  expect([await textsOf(other, 'A'), await textsOf(other, 'B')]).toEqual([[], []]);
  expect(broker.transactionOutcome(formatTransactionId(id))).toBe('open');
  await commit(other, id);
  expect([await textsOf(other, 'A'), await textsOf(other, 'B')]).toEqual([[], ['out']]);
  expect(broker.transactionOutcome(formatTransactionId(id))).toBe('committed');
  expect(keysOf(broker)).toEqual([]);
  await expect(commit(other, id)).rejects.toEqual(refusal('BATON_UNKNOWN_TRANSACTION'));
});

test('a prepared transaction that is rolled back leaves its messages with their consumer', async () => {
  const broker = await world.broker();
  const client = new TestClient(world, broker);
  const id = await prepared(client);
  await client.rollback(id);
  const other = new TestClient(world, broker, 'other');
  expect([await textsOf(other, 'A'), await textsOf(other, 'B')]).toEqual([[], []]);
  client.connection.close(LAST_DELIVERED_UNKNOWN);
  expect(await textsOf(other, 'A')).toEqual(['in']);
});

test('an open branch goes with its connection, a prepared one stays', async () => {
  const broker = await world.broker();
  const client = new TestClient(world, broker);
  await prepared(client);
  const open = begin(client, 'open');
  await client.send('B', 'never', { transactionId: open });
  client.connection.close(LAST_DELIVERED_UNKNOWN);
  const other = new TestClient(world, broker, 'other');
  expect(keysOf(broker)).toEqual(['t 1 1']);
  await expect(prepare(other, open)).rejects.toEqual(refusal('BATON_UNKNOWN_TRANSACTION'));
  expect(await textsOf(other, 'A')).toEqual([]);
  await other.rollback(xid('t'));
  expect([await textsOf(other, 'A'), await textsOf(other, 'B')]).toEqual([['in'], []]);
});

test('another connection may join a branch and prepare it', async () => {
  const broker = await world.broker();
  const [client, other] = [new TestClient(world, broker), new TestClient(world, broker, 'other')];
  const id = begin(client, 't');
  begin(other, 't');
  await client.send('A', '1', { transactionId: id });
  await other.send('A', '2', { transactionId: id });
  expect(await prepare(other, id)).toBe('prepared');
  await commit(client, id);
  expect(await textsOf(client, 'A')).toEqual(['1', '2']);
});

test('a branch without work is read-only and forgotten', async () => {
  const broker = await world.broker();
  const client = new TestClient(world, broker);
  const id = begin(client, 't');
  expect(await prepare(client, id)).toBe('read-only');
  await expect(commit(client, id)).rejects.toEqual(refusal('BATON_UNKNOWN_TRANSACTION'));
});

test('a second prepare is answered as the first, once that is durable', async () => {
  const broker = await world.broker({}, { latencyMs: 50 });
  const client = new TestClient(world, broker);
  const id = begin(client, 't');
  await client.send('A', '1', { transactionId: id });
  const both = Promise.all([prepare(client, id), prepare(client, id)]);
  expect(await world.run(both)).toEqual(['prepared', 'prepared']);
});

test('a branch is committed in two phases only after its prepare, and in one phase at any time', async () => {
  const broker = await world.broker();
  const client = new TestClient(world, broker);
  const id = begin(client, 't');
  await client.send('C', '1', { transactionId: id });
  await expect(commit(client, id)).rejects.toEqual(refusal('BATON_INVALID_STATE'));
  await client.commit(id);
  await prepared(client);
  await client.commit(xid('t'));
  expect([await textsOf(client, 'C'), await textsOf(client, 'B')]).toEqual([['1'], ['out']]);
});

test('a branch of which a command failed rolls back at its prepare', async () => {
  const broker = await world.broker();
  const client = new TestClient(world, broker);
  const id = begin(client, 't');
  await client.send('A', '1', { transactionId: id });
  client.connection.send(client.message('temp-queue://gone', 'x', { transactionId: id }));
  await expect(prepare(client, id)).rejects.toEqual(refusal('BATON_TRANSACTION_ROLLED_BACK'));
  expect(keysOf(broker)).toEqual([]);
  expect(await textsOf(client, 'A')).toEqual([]);
});

for (const verdict of ['commit', 'rollback'] as const) {
  test(`a prepared transaction survives two takeovers and then does its ${verdict}`, async () => {
    const first = await world.broker();
    const second = await world.broker();
    const client = new TestClient(world, first);
    for (const text of ['before', 'behind']) await client.send('A', text);
    const id = await prepared(client);
    await takeOver();
    const between = new TestClient(world, second, 'between');
    await takeOver();
    expect([first.role, keysOf(first), between.disconnectReason?.code]).toEqual([
      'active',
      ['t 1 1'],
      'BATON_FENCED',
    ]);
    const other = new TestClient(world, first, 'other');
    const consumer = other.consume('A');
    await world.elapse();
    // The transaction acked the oldest one, `before`.
    expect([consumer.texts, await textsOf(other, 'B')]).toEqual([['behind', 'in'], []]);
    expect(first.destinations()[0]).toMatchObject({ messageCount: 3, inFlightCount: 3 });
    if (verdict === 'commit') await commit(other, id);
    else await other.rollback(id);
    await world.elapse();
    const isCommitted = verdict === 'commit';
    expect(consumer.texts).toEqual(isCommitted ? ['behind', 'in'] : ['behind', 'in', 'before']);
    expect(await textsOf(other, 'B')).toEqual(isCommitted ? ['out'] : []);
    expect(first.destinations()[0]).toMatchObject({ messageCount: isCommitted ? 2 : 3 });
    // The verdict is durable, and nothing of the transaction is left.
    await takeOver();
    expect(keysOf(second)).toEqual([]);
    const last = new TestClient(world, second, 'last');
    expect(await textsOf(last, 'A')).toEqual(
      isCommitted ? ['behind', 'in'] : ['before', 'behind', 'in'],
    );
    expect(await textsOf(last, 'B')).toEqual(isCommitted ? ['out'] : []);
  });
}

test('places that prepared transactions hold are skipped page by page', async () => {
  const first = await world.broker();
  const second = await world.broker({ pageMessages: 2, queueWindowMessages: 16 });
  const client = new TestClient(world, first);
  for (let at = 0; at < 40; at += 1) await client.send('A', String(at));
  const consumer = client.consume('A');
  await world.elapse();
  const id = begin(client, 't');
  const held = [0, 1, 2, 3, 4, 5, 9, 38, 39];
  for (const at of held) {
    const delivery = consumer.deliveries[at];
    await consumer.ack(delivery, delivery, { kind: 'individual', transactionId: id });
  }
  await prepare(client, id);
  await takeOver();
  const other = new TestClient(world, second, 'other');
  const rest = other.consume('A').ackAtOnce();
  await world.elapse(200);
  const expected = Array.from({ length: 40 }, (_, at) => at).filter((at) => !held.includes(at));
  expect(rest.texts).toEqual(expected.map(String));
  await other.rollback(id);
  await world.elapse(200);
  expect(rest.texts.slice(expected.length)).toEqual(held.map(String));
  expect(rest.counts.slice(expected.length)).toEqual(held.map(() => 1));
  expect(second.destinations()[0]).toMatchObject({ messageCount: 0, inFlightCount: 0 });
});

test('a client that came back repeats what it did before the prepare, and nothing happens twice', async () => {
  const first = await world.broker();
  const second = await world.broker();
  const client = new TestClient(world, first);
  const id = begin(client, 't');
  await client.send('B', 'out', { transactionId: id, sequence: 1 });
  await prepare(client, id);
  await takeOver();
  const again = new TestClient(world, second, 'c', true);
  begin(again, 't');
  await again.send('B', 'out', { transactionId: id, sequence: 1 });
  expect(await prepare(again, id)).toBe('prepared');
  await commit(again, id);
  await takeOver();
  // It never saw the answer to its commit.
  const third = new TestClient(world, first, 'c', true);
  begin(third, 't');
  await third.send('B', 'out', { transactionId: id, sequence: 1 });
  expect(await prepare(third, id)).toBe('prepared');
  await commit(third, id);
  expect(await textsOf(third, 'B')).toEqual(['out']);
});

test('sends to topics and to memory are as durable as the prepare', async () => {
  const first = await world.broker();
  const second = await world.broker();
  const client = new TestClient(world, first);
  const id = begin(client, 't');
  const isPersistent = false;
  await client.send('A', 'kept', { transactionId: id, isPersistent });
  await client.send('topic://T', 'heard', { transactionId: id, isPersistent });
  await prepare(client, id);
  await takeOver();
  const other = new TestClient(world, second, 'other');
  const listener = other.consume('topic://T');
  await commit(other, id);
  expect([listener.texts, await textsOf(other, 'A')]).toEqual([['heard'], ['kept']]);
});

test('a commit that finds no room leaves the transaction prepared', async () => {
  const broker = await world.broker({}, { messageBytesMax: 700 });
  const client = new TestClient(world, broker);
  const id = begin(client, 't');
  await client.send('A', 'x'.repeat(300), { transactionId: id });
  await prepare(client, id);
  await expect(commit(client, id)).rejects.toEqual(refusal('BATON_STORE_FULL'));
  expect(keysOf(broker)).toEqual(['t 1 0']);
  await client.rollback(id);
  expect(keysOf(broker)).toEqual([]);
});

test('a prepare that finds no room rolls back, and acks stay with their consumer', async () => {
  const broker = await world.broker({}, { messageBytesMax: 500 });
  const client = new TestClient(world, broker);
  await client.send('A', 'in');
  const consumer = client.consume('A');
  await world.elapse();
  const transactionId = begin(client, 't');
  await client.send('B', 'x'.repeat(500), { transactionId });
  await consumer.ack(consumer.deliveries[0], consumer.deliveries[0], { transactionId });
  await expect(prepare(client, transactionId)).rejects.toEqual(
    refusal('BATON_TRANSACTION_ROLLED_BACK'),
  );
  await consumer.ack(consumer.deliveries[0], consumer.deliveries[0]);
  expect(broker.destinations()[0]?.messageCount).toBe(0);
});

test('"preparedTransactionsMax" bounds what waits for a verdict', async () => {
  const broker = await world.broker({ preparedTransactionsMax: 1 });
  const client = new TestClient(world, broker);
  await prepared(client);
  const id = begin(client, 'second');
  await client.send('B', 'x', { transactionId: id });
  await expect(prepare(client, id)).rejects.toEqual(refusal('BATON_TRANSACTION_ROLLED_BACK'));
});

test('a queue that is removed takes along what a prepared transaction acked in it', async () => {
  const first = await world.broker();
  const second = await world.broker();
  const client = new TestClient(world, first);
  const id = await prepared(client);
  const removed = receipt();
  const { destination } = client.message('A', '');
  client.connection.removeDestination(destination, { isForced: true }, removed);
  await world.run(removed.done);
  await takeOver();
  const other = new TestClient(world, second, 'other');
  await other.send('A', 'of the new queue');
  await commit(other, id);
  expect([await textsOf(other, 'A'), await textsOf(other, 'B')]).toEqual([
    ['of the new queue'],
    ['out'],
  ]);
});

test('an administrator decides what no transaction manager comes back for', async () => {
  const broker = await world.broker();
  const client = new TestClient(world, broker);
  const key = formatTransactionId(await prepared(client));
  await world.run(broker.resolvePrepared(key, 'commit'));
  expect(await textsOf(client, 'B')).toEqual(['out']);
  await expect(broker.resolvePrepared(key, 'rollback')).rejects.toEqual(
    refusal('BATON_UNKNOWN_TRANSACTION'),
  );
});
