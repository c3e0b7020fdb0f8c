import type { XaTransactionId } from '@batonmq/model';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Broker, BrokerEvent, PolicyEntry } from '../src/index.ts';
import { receipt, TestClient, TestWorld } from './test-client.ts';

const NOT_STORED = { isPersistent: false } as const;

let world: TestWorld;
beforeEach(() => {
  world = new TestWorld();
});
afterEach(() => world.end());

async function withPolicy(policy: Omit<PolicyEntry, 'queue' | 'topic'>) {
  const broker = await world.broker({}, { policies: [{ queue: '>', ...policy }] });
  return { broker, client: new TestClient(world, broker) };
}

async function fill(client: TestClient, queue: string, count: number, isPersistent = true) {
  for (let index = 0; index < count; index += 1) {
    await client.send(queue, String(index), { isPersistent });
  }
}

function countIn(broker: Broker, key: string): number | undefined {
  return broker.destinations().find(({ destination }) => destination.key === key)?.messageCount;
}

describe('a queue that has reached a limit of its policy', () => {
  test.each([
    ['maxMessages', { maxMessages: 10 }, true],
    ['maxMessages', { maxMessages: 10 }, false],
    ['memoryLimit', { memoryLimit: 10 * 1024 }, false],
    ['storeLimit', { storeLimit: 800 }, true],
  ])(
    'holds up a send by "%s" until messages were consumed',
    async (_name, policy, isPersistent) => {
      const { broker, client } = await withPolicy(policy);
      await fill(client, 'A', 10, isPersistent);
      const waiting = receipt();
      client.connection.send(client.message('A', 'waits', { isPersistent }), waiting);
      await world.elapse(10_000);
      expect([waiting.isSettled, countIn(broker, 'queue://A')]).toEqual([false, 10]);
      const consumer = client.consume('A').ackAtOnce();
      await world.run(waiting.done);
      await world.elapse();
      expect(consumer.texts.at(-1)).toBe('waits');
    },
  );

  test('names the destination, the limit and what is used in the error', async () => {
    const { client } = await withPolicy({ maxMessages: 2, sendFailIfNoSpaceAfterTimeout: 500 });
    await fill(client, 'A', 2);
    const before = world.runtime.clock.now();
    await expect(client.send('A', 'x')).rejects.toMatchObject({
      code: 'BATON_LIMIT',
      message:
        'queue://A has no room for a message, which was not taken: "maxMessages" allows 2 messages and 2 are used; it waited 500 ms',
      details: { destination: 'queue://A', limit: 'maxMessages', allowed: 2, used: 2 },
    });
    expect(world.runtime.clock.now() - before).toBeGreaterThanOrEqual(500);
    expect(world.runtime.clock.now() - before).toBeLessThan(1000);
  });

  test('refuses at once with "sendFailIfNoSpace", with a receipt and without', async () => {
    const { broker, client } = await withPolicy({ maxMessages: 2, sendFailIfNoSpace: true });
    await fill(client, 'A', 2);
    const before = world.runtime.clock.now();
    await expect(client.send('A', 'x')).rejects.toMatchObject({ code: 'BATON_LIMIT' });
    client.connection.send(client.message('A', 'y'));
    await world.elapse();
    expect(client.failures.map(({ code }) => code)).toEqual(['BATON_LIMIT']);
    expect([client.isInputPaused, countIn(broker, 'queue://A')]).toEqual([false, 2]);
    expect(world.runtime.clock.now() - before).toBeLessThan(1000);
  });

  test('counts what is in the store from before a takeover', async () => {
    const { broker: first, client } = await withPolicy({ maxMessages: 3 });
    await fill(client, 'A', 3);
    await world.run(first.stop());
    const { client: next } = await withPolicy({ maxMessages: 3, sendFailIfNoSpace: true });
    await expect(next.send('A', 'x')).rejects.toMatchObject({ code: 'BATON_LIMIT' });
  });
});

test('what the broker stores in all is limited by "storeLimitBytes", and freed exactly', async () => {
  const broker = await world.broker({ storeLimitBytes: 2000, sendTimeoutMs: 100 });
  const client = new TestClient(world, broker);
  let refused = 0;
  for (let index = 0; index < 40; index += 1) {
    await client.send(`Q${index % 4}`, 'x').catch(() => (refused += 1));
  }
  expect(refused).toBeGreaterThan(0);
  expect(
    broker.usage().find(({ name }) => name === 'storeLimitBytes')?.percent,
  ).toBeGreaterThanOrEqual(100);
  for (const queue of ['Q0', 'Q1', 'Q2', 'Q3']) client.consume(queue).ackAtOnce();
  await world.elapse();
  expect(broker.usage().find(({ name }) => name === 'storeLimitBytes')?.used).toBe(0);
});

describe('what makes room is never held up by a full destination', () => {
  const FULL = { maxMessages: 3, sendFailIfNoSpace: true } as const;

  test('an ack, a commit of acks alone, and a removal', async () => {
    const { broker, client } = await withPolicy(FULL);
    await fill(client, 'A', 3);
    const consumer = client.consume('A');
    await world.elapse();
    const transactionId = client.begin(1);
    await consumer.ack(consumer.deliveries[0], consumer.deliveries[0], { transactionId });
    await client.commit(transactionId);
    expect(countIn(broker, 'queue://A')).toBe(2);
    for (const each of consumer.deliveries.slice(1)) await consumer.ack(each, each);
    expect(countIn(broker, 'queue://A')).toBe(0);
    await fill(client, 'B', 3);
    const removed = receipt();
    const { destination } = client.message('B', '');
    client.connection.removeDestination(destination, { isForced: false }, removed);
    await world.run(removed.done);
    expect(countIn(broker, 'queue://B')).toBeUndefined();
  });

  test('a commit that takes as many messages out as it brings', async () => {
    const { broker, client } = await withPolicy(FULL);
    await fill(client, 'A', 3);
    const consumer = client.consume('A', { prefetchCount: 1 });
    await world.elapse();
    const transactionId = client.begin(1);
    await client.send('A', 'answer', { transactionId });
    await consumer.ack(consumer.deliveries[0], consumer.deliveries[0], { transactionId });
    await client.commit(transactionId);
    expect(countIn(broker, 'queue://A')).toBe(3);
  });

  test('acks of its own connection, whose input is paused for its sends', async () => {
    const { client } = await withPolicy({ memoryLimit: 10 * 1024 });
    const consumer = client.consume('A', { prefetchCount: 1 });
    for (let index = 0; index < 11; index += 1) {
      client.connection.send(client.message('A', String(index), NOT_STORED));
    }
    await world.elapse();
    expect([client.isInputPaused, consumer.texts]).toEqual([true, ['0']]);
    await world.elapse(150);
    expect(client.isInputPaused).toBe(false);
    for (let index = 0; index < 11; index += 1) {
      await consumer.ack(consumer.deliveries[index], consumer.deliveries[index]);
      await world.elapse();
    }
    expect([client.isInputPaused, consumer.texts.length, client.failures]).toEqual([false, 11, []]);
  });

  test('no more than twice the limit is taken from a connection that is let on for its acks', async () => {
    const { broker, client } = await withPolicy({ memoryLimit: 10 * 1024 });
    client.consume('A', { prefetchCount: 1 });
    for (let round = 0; round < 100; round += 1) {
      client.connection.send(client.message('A', String(round), NOT_STORED));
      await world.elapse(150);
    }
    expect(countIn(broker, 'queue://A')).toBeLessThanOrEqual(20);
    expect(client.failures.at(-1)).toMatchObject({ code: 'BATON_LIMIT' });
    expect(client.isInputPaused).toBe(false);
  });

  test('consumers and producers of other connections and destinations', async () => {
    const { broker, client } = await withPolicy({ maxMessages: 3 });
    await fill(client, 'A', 3);
    const waiting = receipt();
    client.connection.send(client.message('A', 'waits'), waiting);
    client.connection.send(client.message('A', 'no receipt'));
    const other = new TestClient(world, broker, 'other');
    const elsewhere = other.consume('B').ackAtOnce();
    await other.send('B', 'x');
    await world.elapse();
    expect([waiting.isSettled, elsewhere.texts]).toEqual([false, ['x']]);
    const consumer = other.consume('A').ackAtOnce();
    await world.run(waiting.done);
    await world.elapse();
    expect(consumer.texts).toEqual(['0', '1', '2', 'waits', 'no receipt']);
  });
});

describe('a transaction that sends to a full destination', () => {
  test('waits with its commit, and only with that', async () => {
    const { broker, client } = await withPolicy({ maxMessages: 2 });
    await fill(client, 'A', 2);
    const transactionId = client.begin(1);
    await client.send('A', 'in transaction', { transactionId });
    const committed = client.commit(transactionId);
    await world.elapse(1000);
    const key = `TX:${client.connection.connectionId}:1`;
    expect([countIn(broker, 'queue://A'), broker.transactionOutcome(key)]).toEqual([2, 'open']);
    const consumer = client.consume('A').ackAtOnce();
    await committed;
    await world.elapse();
    expect(consumer.texts).toEqual(['0', '1', 'in transaction']);
  });

  test('is rolled back when it waited for too long, and at once with "sendFailIfNoSpace"', async () => {
    for (const policy of [
      { maxMessages: 2, sendFailIfNoSpaceAfterTimeout: 200 },
      { maxMessages: 2, sendFailIfNoSpace: true },
    ]) {
      const inner = new TestWorld();
      const broker = await inner.broker({}, { policies: [{ queue: '>', ...policy }] });
      const client = new TestClient(inner, broker);
      await fill(client, 'A', 2);
      const transactionId = client.begin(1);
      await client.send('A', 'x', { transactionId });
      await expect(client.commit(transactionId)).rejects.toMatchObject({
        code: 'BATON_TRANSACTION_ROLLED_BACK',
        details: { reason: 'BATON_LIMIT' },
      });
      expect(countIn(broker, 'queue://A')).toBe(2);
      await inner.end();
    }
  });

  test('is rolled back, its acks undone, when its connection closes while it waits', async () => {
    const { broker, client } = await withPolicy({ maxMessages: 2 });
    await fill(client, 'A', 2);
    await client.send('B', 'consumed');
    const consumer = client.consume('B');
    await world.elapse();
    const transactionId = client.begin(1);
    await consumer.ack(consumer.deliveries[0], consumer.deliveries[0], { transactionId });
    await client.send('A', 'x', { transactionId });
    client.connection.commitTransaction(transactionId, receipt());
    await world.elapse();
    client.connection.close(-2);
    await world.elapse(60_000);
    expect([countIn(broker, 'queue://A'), countIn(broker, 'queue://B')]).toEqual([2, 1]);
    const again = new TestClient(world, broker, 'again').consume('B');
    await world.elapse();
    expect(again.texts).toEqual(['consumed']);
  });
});

describe('a branch of a distributed transaction that sends to a full queue', () => {
  const ID: XaTransactionId = {
    kind: 'xa',
    formatId: 1,
    globalTransactionId: Buffer.from('g'),
    branchQualifier: Buffer.from('b'),
  };

  test('waits with its prepare; its verdict is never held up', async () => {
    const { broker, client } = await withPolicy({ maxMessages: 2 });
    await fill(client, 'A', 2);
    client.connection.beginTransaction(ID);
    await client.send('A', 'x', { transactionId: ID });
    const outcomes: unknown[] = [];
    client.connection.prepareTransaction(ID, { settled: (outcome) => outcomes.push(outcome) });
    await world.elapse(1000);
    expect(outcomes).toEqual([]);
    const consumer = client.consume('A').ackAtOnce();
    await world.elapse();
    expect(outcomes).toEqual(['prepared']);
    consumer.subscription.close(-1);
    await fill(client, 'A', 2);
    const committed = receipt();
    client.connection.commitPreparedTransaction(ID, committed);
    await world.run(committed.done);
    expect(countIn(broker, 'queue://A')).toBe(3);
  });

  test('is rolled back with "sendFailIfNoSpace", prepared or committed in one phase', async () => {
    const { client } = await withPolicy({ maxMessages: 2, sendFailIfNoSpace: true });
    await fill(client, 'A', 2);
    client.connection.beginTransaction(ID);
    await client.send('A', 'x', { transactionId: ID });
    const outcomes: unknown[] = [];
    client.connection.prepareTransaction(ID, { settled: (outcome) => outcomes.push(outcome) });
    await world.elapse();
    expect(outcomes).toMatchObject([{ code: 'BATON_TRANSACTION_ROLLED_BACK' }]);
    client.connection.beginTransaction(ID);
    await client.send('A', 'x', { transactionId: ID });
    await expect(client.commit(ID)).rejects.toMatchObject({
      code: 'BATON_TRANSACTION_ROLLED_BACK',
    });
  });
});

describe('a queue with "producerFlowControl: false"', () => {
  const PAGING = { memoryLimit: 10 * 1024, producerFlowControl: false } as const;

  test('stores what finds no memory, and keeps the order', async () => {
    const { broker, client } = await withPolicy(PAGING);
    await fill(client, 'A', 100, false);
    expect(client.pauseCount).toBe(0);
    const memory = broker.destinations()[0]?.limits.find(({ name }) => name === 'memoryLimit');
    expect(memory?.percent).toBe(100);
    const consumer = client.consume('A', { prefetchCount: 5 }).ackAtOnce();
    for (let index = 100; index < 150; index += 1) {
      client.connection.send(client.message('A', String(index), NOT_STORED));
      await world.elapse(1);
    }
    await world.elapse(1000);
    expect(consumer.texts).toEqual(Array.from({ length: 150 }, (_, index) => String(index)));
    expect(consumer.deliveries.every(({ message }) => !message.isPersistent)).toBe(true);
  });

  test('keeps the order of what is behind its window too', async () => {
    const broker = await world.broker(
      { queueWindowMessages: 16 },
      { policies: [{ queue: '>', ...PAGING }], latencyMs: 5, readLatencyMs: 5 },
    );
    const client = new TestClient(world, broker);
    const expected = Array.from({ length: 200 }, (_, index) => String(index));
    for (const text of expected.slice(0, 120)) {
      client.connection.send(client.message('A', text, NOT_STORED));
    }
    await world.elapse(100);
    const consumer = client.consume('A', { prefetchCount: 3 }).ackAtOnce();
    for (const text of expected.slice(120)) {
      client.connection.send(client.message('A', text, NOT_STORED));
      await world.elapse(3);
    }
    await world.elapse(5000);
    expect(consumer.texts).toEqual(expected);
  });

  test('holds senders up all the same when "tempLimitBytes" is full', async () => {
    const policies = [{ queue: '>', ...PAGING, sendFailIfNoSpaceAfterTimeout: 100 }];
    const broker = await world.broker({ tempLimitBytes: 1000 }, { policies });
    const client = new TestClient(world, broker);
    await fill(client, 'A', 11, false);
    const flood = async (): Promise<void> => {
      for (let index = 0; index < 30; index += 1) await client.send('A', 'x', NOT_STORED);
    };
    await expect(flood()).rejects.toMatchObject({ details: { limit: 'tempLimitBytes' } });
    client.consume('A').ackAtOnce();
    await world.elapse();
    expect(broker.usage().find(({ name }) => name === 'tempLimitBytes')?.used).toBe(0);
  });

  test('lets what it stored come back after a takeover', async () => {
    const { broker: first, client } = await withPolicy(PAGING);
    await fill(client, 'A', 20, false);
    await world.run(first.stop());
    const { client: next } = await withPolicy(PAGING);
    const consumer = next.consume('A').ackAtOnce();
    await world.elapse();
    expect(consumer.texts).toEqual(Array.from({ length: 10 }, (_, index) => String(index + 10)));
  });

  test('does not store what goes to a temporary queue', async () => {
    const { client } = await withPolicy(PAGING);
    const { destination } = client.message(`temp-queue://${client.connection.connectionId}:1`, '');
    client.connection.addDestination(destination);
    await fill(client, destination.key, 10, false);
    const waiting = receipt();
    client.connection.send(client.message(destination.key, 'x', NOT_STORED), waiting);
    await world.elapse(1000);
    expect(waiting.isSettled).toBe(false);
  });
});

test('watchers hear once that a destination is full and a producer blocked, and that it is over', async () => {
  const { broker, client } = await withPolicy({ maxMessages: 2 });
  const heard: BrokerEvent[] = [];
  for (const type of [
    'destination-full',
    'destination-relieved',
    'producer-blocked',
    'producer-unblocked',
  ] as const) {
    broker.on(type, (event) => heard.push(event));
  }
  await fill(client, 'A', 2);
  const waiting = [receipt(), receipt()];
  for (const each of waiting) client.connection.send(client.message('A', 'x'), each);
  const { connectionId } = client.connection;
  const limit = { name: 'maxMessages', limit: 2, used: 2, percent: 100 };
  expect(heard).toMatchObject([
    { type: 'destination-full', destination: { key: 'queue://A' }, limit },
    {
      ...{ type: 'producer-blocked', destination: { key: 'queue://A' }, limit },
      ...{ connectionId, producerId: { key: client.producer.key } },
    },
  ]);
  client.consume('A').ackAtOnce();
  for (const each of waiting) await world.run(each.done);
  await world.elapse();
  expect(
    heard
      .slice(2)
      .map(({ type }) => type)
      .sort(),
  ).toEqual(['destination-relieved', 'producer-unblocked']);
});
