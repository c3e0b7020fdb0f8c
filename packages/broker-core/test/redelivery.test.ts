import { afterEach, beforeEach, expect, test } from 'vitest';
import { LAST_DELIVERED_UNKNOWN, type RedeliveryPolicy } from '../src/index.ts';
import {
  ackOf,
  TestClient,
  TestWorld,
  type TestBrokerOptions,
  type TestConsumer,
} from './test-client.ts';

let world: TestWorld;
beforeEach(() => {
  world = new TestWorld();
});
afterEach(() => world.end());

const POLICY: RedeliveryPolicy = {
  initialRedeliveryDelay: 100,
  maximumRedeliveries: 2,
  useExponentialBackOff: true,
  backOffMultiplier: 2,
};

function redelivering(policy: RedeliveryPolicy = POLICY): TestBrokerOptions {
  return { policies: [{ queue: 'A', redeliveryPolicy: policy }] };
}

interface Rejecting {
  readonly consumer: TestConsumer;
  /** The redelivery counts, as they were then. */
  readonly counts: number[];
  readonly times: number[];
}

/** A consumer that rejects what it gets, and when it got each. */
function rejecting(client: TestClient): Rejecting {
  const consumer = client.consume('A');
  const times: number[] = [];
  const counts: number[] = [];
  consumer.onDelivery = (delivery) => {
    times.push(world.runtime.clock.now());
    counts.push(delivery.redeliveryCount);
    void consumer.ack(delivery, delivery, { kind: 'poison', cause: 'no good' });
  };
  return { consumer, counts, times };
}

async function lettersOf(client: TestClient): Promise<readonly string[]> {
  const letters = client.consume('ActiveMQ.DLQ');
  await world.elapse();
  letters.subscription.close(-1);
  return letters.texts;
}

test('without a policy a rejected message is a dead letter at once', async () => {
  const client = new TestClient(world, await world.broker());
  const { counts } = rejecting(client);
  await client.send('A', 'one');
  await world.elapse();
  expect(counts).toEqual([0]);
  expect(await lettersOf(client)).toEqual(['one']);
});

test.each([true, false])(
  'a rejected message comes back after its delay, which grows, and then is a dead letter (persistent: %s)',
  async (isPersistent) => {
    const policy = { type: 'shared', processNonPersistent: true } as const;
    const broker = await world.broker(
      {},
      { policies: [{ queue: 'A', redeliveryPolicy: POLICY, deadLetterStrategy: policy }] },
    );
    const client = new TestClient(world, broker);
    const { consumer, counts, times } = rejecting(client);
    await client.send('A', 'one', { isPersistent });
    await world.elapse(1000);
    expect(consumer.deliveries.at(-1)?.redeliveryDelay).toBe(200);
    const [first = 0, second = 0, third = 0] = times;
    expect(counts).toEqual([0, 1, 2]);
    expect([second - first, third - second]).toEqual([
      expect.closeTo(100, -1),
      expect.closeTo(200, -1),
    ]);
    expect(await lettersOf(client)).toEqual(['one']);
  },
);

test('a message that waits for its redelivery holds nobody up, and comes back to its place', async () => {
  const client = new TestClient(world, await world.broker({}, redelivering()));
  const consumer = client.consume('A', { prefetchCount: 1 });
  for (const text of ['one', 'two', 'three']) await client.send('A', text);
  await world.elapse();
  const [one] = consumer.deliveries;
  await consumer.ack(one, one, { kind: 'poison' });
  const [, two] = consumer.deliveries;
  await world.elapse(200);
  await consumer.ack(two, two);
  expect(consumer.texts).toEqual(['one', 'two', 'one']);
});

test('a group waits for its message that waits for its redelivery, and holds up no other', async () => {
  const client = new TestClient(world, await world.broker({}, redelivering()));
  const owner = client.consume('A', { prefetchCount: 1 });
  for (const [text, groupId] of ['g1', 'g2', 'h1', 'h2'].map((each) => [each, each[0]] as const)) {
    await client.send('A', text, { groupId });
    await world.elapse(1);
  }
  const [first] = owner.deliveries;
  await owner.ack(first, first, { kind: 'poison' });
  await world.elapse(1);
  owner.ackAtOnce();
  await owner.ack(owner.deliveries[1], owner.deliveries[1]);
  await world.elapse(50);
  expect(owner.texts).toEqual(['g1', 'h1', 'h2']);
  await world.elapse(100);
  expect(owner.texts).toEqual(['g1', 'h1', 'h2', 'g1', 'g2']);
});

test('what came later to a group waits for what its consumer, gone now, had of it', async () => {
  const client = new TestClient(world, await world.broker({}, redelivering()));
  const leaving = client.consume('A', { prefetchCount: 2 });
  for (const text of ['1', '2', '3', '4']) await client.send('A', text, { groupId: 'g' });
  const next = client.consume('A').ackAtOnce();
  // It saw the first only.
  leaving.subscription.close(leaving.deliveries[0]?.brokerSequence ?? 0);
  await world.elapse(50);
  expect(next.texts).toEqual([]);
  await world.elapse(100);
  expect(next.texts).toEqual(['1', '2', '3', '4']);
});

test('a group whose message expires while it waits for its redelivery goes on', async () => {
  const delay = { ...POLICY, initialRedeliveryDelay: 120_000 };
  const client = new TestClient(world, await world.broker({}, redelivering(delay)));
  const consumer = client.consume('A', { prefetchCount: 1 });
  const expiration = world.runtime.clock.wallTime() + 1000;
  await client.send('A', '1', { groupId: 'g', expiration });
  await client.send('A', '2', { groupId: 'g' });
  await world.elapse(1);
  await consumer.ack(consumer.deliveries[0], consumer.deliveries[0], { kind: 'poison' });
  await world.elapse(500);
  expect(consumer.texts).toEqual(['1']);
  await world.elapse(60_000);
  expect(consumer.texts).toEqual(['1', '2']);
});

test('after a takeover a group waits for its message that owes a delay, longer than for its owner', async () => {
  const first = await world.broker({}, redelivering());
  const second = await world.broker({ messageGroupOwnerWaitMs: 30 }, redelivering());
  const client = new TestClient(world, first);
  const owner = client.consume('A', { prefetchCount: 1 });
  for (const text of ['1', '2']) await client.send('A', text, { groupId: 'g' });
  await world.elapse(1);
  await owner.ack(owner.deliveries[0], owner.deliveries[0], { kind: 'poison' });
  await world.elapse(10);
  world.space.depose();
  await world.elapse(10);
  const next = new TestClient(world, second, 'next').consume('A').ackAtOnce();
  await world.elapse(70);
  expect(next.texts).toEqual([]);
  await world.elapse(100);
  expect(next.texts).toEqual(['1', '2']);
});

test.each([
  { what: 'an exclusive consumer', options: { isExclusive: true }, policy: {} },
  { what: 'strict order', options: {}, policy: { strictOrderDispatch: true } },
])(
  'with $what others pass a message by that waits for its redelivery',
  async ({ options, policy }) => {
    const broker = await world.broker(
      {},
      { policies: [{ queue: 'A', redeliveryPolicy: POLICY, ...policy }] },
    );
    const client = new TestClient(world, broker);
    const consumer = client.consume('A', { prefetchCount: 1, ...options });
    for (const text of ['1', '2', '3']) await client.send('A', text);
    const [first] = consumer.deliveries;
    await consumer.ack(first, first, { kind: 'poison' });
    consumer.ackAtOnce();
    await consumer.ack(consumer.deliveries[1], consumer.deliveries[1]);
    await world.elapse(200);
    expect(consumer.texts).toEqual(['1', '2', '3', '1']);
  },
);

test('a message whose consumer went away is redelivered with a delay, and dies after the last', async () => {
  const broker = await world.broker({}, redelivering({ ...POLICY, maximumRedeliveries: 1 }));
  const client = new TestClient(world, broker);
  await client.send('A', 'one');
  for (const count of [0, 1]) {
    const consumer = client.consume('A');
    await world.elapse(50);
    expect(consumer.counts).toEqual(count === 0 ? [0] : []);
    await world.elapse(150);
    expect(consumer.counts).toEqual([count]);
    consumer.subscription.close(-2);
  }
  await world.elapse();
  const letters = client.consume('ActiveMQ.DLQ');
  await world.elapse();
  expect(letters.deliveries[0]?.message.deadLetter?.cause).toBe('Delivered 2 times without an ack');
});

test('what its consumer never saw comes back at once and is not counted', async () => {
  const client = new TestClient(world, await world.broker({}, redelivering()));
  await client.send('A', 'one');
  const first = client.consume('A');
  await world.elapse();
  first.subscription.close(-1);
  const second = client.consume('A');
  await world.elapse();
  expect(second.counts).toEqual([0]);
});

test('counts survive a takeover, and the delay is waited for anew', async () => {
  const first = await world.broker({}, redelivering());
  const second = await world.broker({}, redelivering());
  const { counts } = rejecting(new TestClient(world, first));
  await new TestClient(world, first, 'sender').send('A', 'one');
  await world.elapse(150);
  expect(counts).toEqual([0, 1]);
  world.space.depose();
  await world.elapse();
  const client = new TestClient(world, second);
  const after = rejecting(client);
  await world.elapse(150);
  expect(after.counts).toEqual([]);
  await world.elapse(100);
  expect(after.counts).toEqual([2]);
  expect(await lettersOf(client)).toEqual(['one']);
});

test('a message that expires while it waits is a dead letter by then', async () => {
  const broker = await world.broker(
    { expiryScanIntervalMs: 50 },
    redelivering({ ...POLICY, initialRedeliveryDelay: 100_000 }),
  );
  const client = new TestClient(world, broker);
  const { counts } = rejecting(client);
  await client.send('A', 'one', { expiration: world.runtime.clock.wallTime() + 500 });
  await world.elapse(1000);
  expect(counts).toEqual([0]);
  expect(await lettersOf(client)).toEqual(['one']);
});

test('messages that wait for their redelivery are counted and shown to browsers', async () => {
  const broker = await world.broker({}, redelivering());
  const client = new TestClient(world, broker);
  const { consumer } = rejecting(client);
  await client.send('A', 'one');
  await world.elapse();
  consumer.subscription.close(-1);
  expect(
    broker.destinations().find(({ destination }) => destination.name === 'A')?.messageCount,
  ).toBe(1);
  const browser = client.consume('A', { isBrowser: true });
  await world.elapse();
  expect(browser.texts).toEqual(['one']);
});

test('a queue gives out nothing more while very many wait for their redelivery', async () => {
  const broker = await world.broker(
    { queueWindowMessages: 16 },
    redelivering({ ...POLICY, initialRedeliveryDelay: 10_000 }),
  );
  const client = new TestClient(world, broker);
  const consumer = client.consume('A', { prefetchCount: 1 });
  consumer.onDelivery = (delivery) => {
    void consumer.ack(delivery, delivery, { kind: 'poison' });
  };
  for (let index = 0; index < 40; index += 1) await client.send('A', String(index));
  await world.elapse(1000);
  expect(consumer.deliveries.length).toBeLessThan(20);
  await world.elapse(100_000);
  expect(new Set(consumer.texts).size).toBe(40);
});

/** Lets a consumer get what there is and be lost, as often as said. */
async function loseConsumers(client: TestClient, times: number): Promise<void> {
  for (let time = 0; time < times; time += 1) {
    const consumer = client.consume('A');
    await world.elapse(1000);
    consumer.subscription.close(LAST_DELIVERED_UNKNOWN);
    await world.elapse();
  }
}

test('no message becomes a dead letter for having been in the buffers of consumers that were lost', async () => {
  const client = new TestClient(world, await world.broker({}, redelivering()));
  await client.send('A', 'poison');
  const counts: number[] = [];
  for (let time = 0; time < 4; time += 1) {
    const consumer = client.consume('A');
    let isStuck = false;
    consumer.onDelivery = (delivery) => {
      isStuck ||= consumer.texts.at(-1) === 'poison';
      counts.push(delivery.redeliveryCount);
      if (!isStuck) consumer.subscription.ack(ackOf(delivery, delivery));
    };
    await world.elapse(1000);
    for (const text of ['one', 'two']) await client.send('A', `${text} of ${time}`);
    consumer.subscription.close(LAST_DELIVERED_UNKNOWN);
  }
  expect(await lettersOf(client)).toEqual(['poison']);
  // Nothing but the poison was seen more than once.
  expect(counts.filter((count) => count > 1)).toEqual([2]);
});

test('what a lost consumer said it had passed on counts, and the message after it', async () => {
  const client = new TestClient(world, await world.broker());
  for (const text of ['1', '2', '3', '4']) await client.send('A', text);
  for (const expected of [
    [0, 0, 0, 0],
    [1, 1, 1, 1],
    [2, 2, 2, 1],
  ]) {
    const consumer = client.consume('A');
    await world.elapse();
    expect(consumer.counts).toEqual(expected);
    const [first, second] = consumer.deliveries;
    await consumer.ack(first, second, { kind: 'delivered', messageCount: 2 });
    consumer.subscription.close(LAST_DELIVERED_UNKNOWN);
  }
});

test('a consumer that pulls has seen all it asked for', async () => {
  const client = new TestClient(world, await world.broker());
  for (const text of ['1', '2']) await client.send('A', text);
  for (const expected of [
    [0, 0],
    [1, 1],
    [2, 2],
  ]) {
    const consumer = client.consume('A', { prefetchCount: 0 });
    for (let pulled = 0; pulled < 2; pulled += 1) {
      consumer.subscription.pull(0);
      await world.elapse();
    }
    expect(consumer.counts).toEqual(expected);
    consumer.subscription.close(LAST_DELIVERED_UNKNOWN);
  }
});

test('a message that was perhaps seen is marked as redelivered after a takeover too', async () => {
  const first = await world.broker();
  const second = await world.broker();
  const client = new TestClient(world, first);
  for (const text of ['1', '2']) await client.send('A', text);
  await loseConsumers(client, 3);
  world.space.depose();
  await world.elapse();
  const consumer = new TestClient(world, second).consume('A');
  await world.elapse();
  expect(consumer.counts).toEqual([3, 1]);
});
