import { memoryStore } from '@batonmq/store-memory';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Broker, VirtualDestination } from '../src/index.ts';
import { TestClient, TestWorld, type TestConsumer } from './test-client.ts';

let world: TestWorld;
beforeEach(() => {
  world = new TestWorld();
});
afterEach(() => world.end());

function withVirtual(...virtualDestinations: VirtualDestination[]): Promise<Broker> {
  return world.broker({}, { virtualDestinations });
}

function seen({ deliveries, texts }: TestConsumer): unknown[] {
  return deliveries.map(({ message }, index) => [
    texts[index],
    message.destination.key,
    message.originalDestination?.key,
  ]);
}

test('what is sent to a virtual topic is in the queue of each application, and with its listeners', async () => {
  const client = new TestClient(world, await world.broker());
  const billing = client.consume('Consumer.billing.VirtualTopic.Orders');
  const audit = client.consume('Consumer.audit.VirtualTopic.Orders');
  const other = client.consume('Consumer.audit.VirtualTopic.Others');
  const live = client.consume('topic://VirtualTopic.Orders');
  await client.send('topic://VirtualTopic.Orders', 'one');
  await world.elapse();
  const topic = 'topic://VirtualTopic.Orders';
  expect(seen(billing)).toEqual([['one', 'queue://Consumer.billing.VirtualTopic.Orders', topic]]);
  expect(seen(audit)).toEqual([['one', 'queue://Consumer.audit.VirtualTopic.Orders', topic]]);
  expect(seen(live)).toEqual([['one', topic, undefined]]);
  expect(seen(other)).toEqual([]);
});

test('a queue that is declared gets messages before its first consumer came, also after a takeover', async () => {
  const first = await world.broker();
  const second = await world.broker();
  const queue = await world.run(first.declareVirtualTopicQueue('VirtualTopic.A', 'later'));
  expect(queue.key).toBe('queue://Consumer.later.VirtualTopic.A');
  world.space.depose();
  await world.elapse();
  const client = new TestClient(world, second);
  await client.send('topic://VirtualTopic.A', 'one');
  const consumer = client.consume('Consumer.later.VirtualTopic.A');
  await world.elapse();
  expect(consumer.texts).toEqual(['one']);
});

test('an application that consumed once gets what is sent while it is away, also after a takeover', async () => {
  const first = await world.broker();
  const second = await world.broker();
  new TestClient(world, first).consume('Consumer.away.VirtualTopic.A');
  await world.elapse();
  world.space.depose();
  await world.elapse();
  const client = new TestClient(world, second);
  await client.send('topic://VirtualTopic.A', 'one');
  const consumer = client.consume('Consumer.away.VirtualTopic.A');
  await world.elapse();
  expect(consumer.texts).toEqual(['one']);
});

test('queues that the configuration names are there before anybody asks', async () => {
  const broker = await withVirtual({
    type: 'virtualTopic',
    queues: ['Consumer.a.VirtualTopic.X'],
  });
  expect(broker.destinations().map(({ destination }) => destination.key)).toEqual([
    'queue://Consumer.a.VirtualTopic.X',
  ]);
});

test('prefix, postfix and name of virtual topics are free; an entry replaces the default', async () => {
  const client = new TestClient(
    world,
    await withVirtual({ type: 'virtualTopic', name: 'events.*', prefix: 'at.*.', postfix: '.in' }),
  );
  const own = client.consume('at.me.events.x.in');
  const standard = client.consume('Consumer.me.VirtualTopic.x');
  await client.send('topic://events.x', 'one');
  await client.send('topic://VirtualTopic.x', 'two');
  await world.elapse();
  expect([own.texts, standard.texts]).toEqual([['one'], []]);
});

test('a fan-out stores its body once', async () => {
  const broker = await world.broker();
  for (const name of ['a', 'b', 'c']) {
    await world.run(broker.declareVirtualTopicQueue('VirtualTopic.A', name));
  }
  const store = memoryStore({ space: world.space });
  const client = new TestClient(world, broker);
  await client.send('topic://VirtualTopic.A', 'x'.repeat(1000));
  const inspection = await store.create(world.runtime).inspect();
  expect(inspection.messageCount).toBe(3);
  expect(inspection.liveBytes).toBeLessThan(2000);
});

test.each([true, false])(
  'a crash in the middle of a fan-out leaves it in all queues or in none (written: %s)',
  async (isWritten) => {
    const first = await world.broker({}, { latencyMs: 10 });
    const second = await world.broker();
    for (const name of ['a', 'b']) {
      await world.run(first.declareVirtualTopicQueue('VirtualTopic.A', name));
    }
    const client = new TestClient(world, first);
    client.connection.send(client.message('topic://VirtualTopic.A', 'one'));
    if (isWritten) await world.elapse(30);
    world.space.depose();
    await world.elapse();
    const later = new TestClient(world, second);
    const consumers = ['a', 'b'].map((name) => later.consume(`Consumer.${name}.VirtualTopic.A`));
    await world.elapse();
    const expected = isWritten ? ['one'] : [];
    expect(consumers.map(({ texts }) => texts)).toEqual([expected, expected]);
  },
);

test('a composite queue passes its messages on, and keeps them only if told to', async () => {
  const client = new TestClient(
    world,
    await withVirtual(
      { type: 'compositeQueue', name: 'in', forwardTo: ['a', 'topic://t'] },
      { type: 'compositeQueue', name: 'both.>', forwardTo: ['queue://a'], forwardOnly: false },
    ),
  );
  const into = client.consume('in');
  const a = client.consume('a');
  const t = client.consume('topic://t');
  const both = client.consume('both.x');
  await client.send('in', 'one');
  await client.send('both.x', 'two');
  await world.elapse();
  expect(seen(a)).toEqual([
    ['one', 'queue://a', 'queue://in'],
    ['two', 'queue://a', 'queue://both.x'],
  ]);
  expect([into.texts, t.texts, both.texts]).toEqual([[], ['one'], ['two']]);
});

test('a message that reaches a queue in several ways is there once', async () => {
  const client = new TestClient(
    world,
    await withVirtual(
      { type: 'compositeTopic', name: 'all', forwardTo: ['queue://a', 'queue://via'] },
      { type: 'compositeQueue', name: 'via', forwardTo: ['queue://a'] },
    ),
  );
  const a = client.consume('a');
  await client.send('topic://all,queue://a', 'one');
  await world.elapse();
  expect(a.texts).toEqual(['one']);
});

test('a composite may pass on to a virtual topic', async () => {
  const client = new TestClient(
    world,
    await withVirtual({
      type: 'compositeQueue',
      name: 'in',
      forwardTo: ['topic://VirtualTopic.A'],
    }),
  );
  const consumer = client.consume('Consumer.x.VirtualTopic.A');
  await client.send('in', 'one');
  await world.elapse();
  expect(seen(consumer)).toEqual([
    ['one', 'queue://Consumer.x.VirtualTopic.A', 'topic://VirtualTopic.A'],
  ]);
});

test('a filtered destination gets what its selector lets through', async () => {
  const client = new TestClient(
    world,
    await withVirtual({
      type: 'compositeQueue',
      name: 'in',
      forwardTo: [
        { queue: 'odd', selector: "kind = 'odd'" },
        { topic: 'even', selector: "kind <> 'odd' AND JMSDestination = 'queue://in'" },
        { queue: 'all' },
      ],
    }),
  );
  const [odd, even, all] = ['odd', 'topic://even', 'all'].map((from) => client.consume(from));
  await client.send('in', '1', { properties: { kind: 'odd' } });
  await client.send('in', '2', { properties: { kind: 'even' } });
  await client.send('in', '3');
  await world.elapse();
  expect([odd?.texts, even?.texts, all?.texts]).toEqual([['1'], ['2'], ['1', '2', '3']]);
});

test.each([true, false])(
  'sendWhenNotMatched keeps what goes nowhere else, and that alone (forwardOnly: %s)',
  async (forwardOnly) => {
    const client = new TestClient(
      world,
      await withVirtual({
        type: 'compositeQueue',
        name: 'in',
        forwardTo: [{ queue: 'odd', selector: "kind = 'odd'" }],
        forwardOnly,
        sendWhenNotMatched: true,
      }),
    );
    const into = client.consume('in');
    const odd = client.consume('odd');
    await client.send('in', '1', { properties: { kind: 'odd' } });
    await client.send('in', '2');
    await world.elapse();
    expect([into.texts, odd.texts]).toEqual([['2'], ['1']]);
  },
);

test('a message that no selector of a composite lets through is taken and answered', async () => {
  const broker = await withVirtual({
    type: 'compositeQueue',
    name: 'in',
    forwardTo: [{ queue: 'odd', selector: "kind = 'odd'" }],
  });
  await new TestClient(world, broker).send('in', '1');
  expect(broker.destinations().map(({ messageCount }) => messageCount)).toEqual([0]);
});

test('mirrored queues show what is sent to them on a topic, and what is mirrored is not mirrored again', async () => {
  const broker = await withVirtual({ type: 'mirroredQueues' });
  const client = new TestClient(world, broker);
  const queue = client.consume('Q');
  const mirror = client.consume('topic://VirtualTopic.Mirror.Q');
  const stored = client.consume('Consumer.m.VirtualTopic.Mirror.Q');
  await client.send('Q', 'one');
  await world.elapse();
  expect([queue.texts, mirror.texts, stored.texts]).toEqual([['one'], ['one'], ['one']]);
  expect(
    broker
      .destinations()
      .map(({ destination }) => destination.key)
      .sort(),
  ).toEqual([
    'queue://Consumer.m.VirtualTopic.Mirror.Q',
    'queue://Q',
    'topic://VirtualTopic.Mirror.Q',
  ]);
});

test('a re-sent message to a virtual topic is in its queues once', async () => {
  const first = await world.broker();
  const second = await world.broker();
  await world.run(first.declareVirtualTopicQueue('VirtualTopic.A', 'x'));
  await new TestClient(world, first).send('topic://VirtualTopic.A', 'one', { sequence: 1 });
  world.space.depose();
  await world.elapse();
  const again = new TestClient(world, second, 'c', true);
  await again.send('topic://VirtualTopic.A', 'one', { sequence: 1 });
  const consumer = again.consume('Consumer.x.VirtualTopic.A');
  await world.elapse();
  expect(consumer.texts).toEqual(['one']);
});

test('a topic that is none, or a name that cannot be part of one, gets no queue', async () => {
  const broker = await world.broker();
  for (const [topic, consumer] of [
    ['Orders', 'a'],
    ['VirtualTopic.A', 'a.b'],
    ['VirtualTopic.A', '*'],
  ] as const) {
    await expect(broker.declareVirtualTopicQueue(topic, consumer)).rejects.toMatchObject({
      code: 'BATON_INVALID_DESTINATION',
    });
  }
});

test.each<[string, VirtualDestination[]]>([
  [
    '[0].forwardTo[0] leads back to a: queue://a',
    [{ type: 'compositeQueue', name: 'a', forwardTo: ['a'] }],
  ],
  [
    '[0].forwardTo[0] leads back to a: topic://b -> queue://a; [1].forwardTo[0] leads back to b: queue://a -> topic://b',
    [
      { type: 'compositeQueue', name: 'a', forwardTo: ['topic://b'] },
      { type: 'compositeTopic', name: 'b', forwardTo: ['a'] },
    ],
  ],
  [
    '[0].forwardTo[0] leads back to Consumer.x.>: topic://VirtualTopic.A -> queue://Consumer.*.VirtualTopic.A',
    [{ type: 'compositeQueue', name: 'Consumer.x.>', forwardTo: ['topic://VirtualTopic.A'] }],
  ],
  [
    '[1].forwardTo[0] leads back to VirtualTopic.Mirror.>: queue://all -> topic://VirtualTopic.Mirror.all',
    [
      { type: 'mirroredQueues' },
      { type: 'compositeTopic', name: 'VirtualTopic.Mirror.>', forwardTo: ['all'] },
    ],
  ],
])('a loop is found at load: %s', async (problem, virtualDestinations) => {
  await expect(world.broker({}, { virtualDestinations })).rejects.toMatchObject({
    code: 'BATON_INVALID_OPTION',
    message: `Wrong virtual destinations: ${problem}`,
  });
});

test('what looks like a loop and is none is taken', async () => {
  await withVirtual(
    { type: 'mirroredQueues' },
    { type: 'compositeTopic', name: 'VirtualTopic.Mirror.a', forwardTo: ['b'] },
    {
      type: 'compositeQueue',
      name: 'Consumer.x.VirtualTopic.A',
      forwardTo: ['topic://VirtualTopic.B'],
    },
  );
});

const COMPOSITE = { type: 'compositeQueue', name: 'in', forwardTo: ['a'] };

test.each<[RegExp, unknown]>([
  [/\[0\]\.type must be one of virtualTopic/, { type: 'other' }],
  [/\[0\]\.forwardTo is missing/, { type: 'compositeQueue', name: 'a' }],
  [
    /\[0\]\.forwardTo\[0\] must be one concrete/,
    { type: 'compositeQueue', name: 'a', forwardTo: ['b.>'] },
  ],
  [
    /\[0\]\.transactedSend has no meaning here: a fan-out is always atomic/,
    { type: 'virtualTopic', transactedSend: false },
  ],
  [/\[0\]\.concurrentSend has no meaning here/, { type: 'virtualTopic', concurrentSend: true }],
  [
    /\[0\]\.dropOnResourceLimit has no meaning here/,
    { type: 'virtualTopic', dropOnResourceLimit: true },
  ],
  [/\[0\]\.local has no meaning here/, { type: 'virtualTopic', local: true }],
  [
    /\[0\]\.setOriginalDestination has no meaning here: a message names/,
    { type: 'virtualTopic', setOriginalDestination: false },
  ],
  [/\[0\]\.copyMessage has no meaning here/, { type: 'mirroredQueues', copyMessage: false }],
  [
    /\[0\]\.singleSelectorPerDestination has no meaning without "selectorAware: true"/,
    { type: 'virtualTopic', singleSelectorPerDestination: true },
  ],
  [/\[0\]\.name may have > as its last level only/, { type: 'virtualTopic', name: 'a.>.b' }],
  [/\[0\]\.name must be one name or pattern/, { ...COMPOSITE, name: 'a,b' }],
  [/\[0\]\.prefix may not hold , > or \?/, { type: 'virtualTopic', prefix: 'a,' }],
  [/\[0\] names one topic, without \*/, { type: 'mirroredQueues', prefix: 'mirror.*.' }],
  [/\[0\]\.forwardTo\[0\] must name a queue or a topic/, { ...COMPOSITE, forwardTo: [{}] }],
  [
    /\[0\]\.forwardTo\[0\] must name a queue or a topic/,
    { ...COMPOSITE, forwardTo: [{ queue: 'a', topic: 'b' }] },
  ],
  [
    /\[0\]\.forwardTo\[0\]\.topic must be one concrete/,
    { ...COMPOSITE, forwardTo: [{ topic: 'b.*' }] },
  ],
  [
    /\[0\]\.forwardTo\[1\]\.selector is no selector: /,
    { ...COMPOSITE, forwardTo: ['b', { queue: 'b', selector: 'odd =' }] },
  ],
  [/\[0\]\.queues\[0\] is no queue of a topic/, { type: 'virtualTopic', queues: ['x'] }],
])('wrong entries are refused: %s', async (problem, entry) => {
  await expect(withVirtual(entry as VirtualDestination)).rejects.toThrow(problem);
});
