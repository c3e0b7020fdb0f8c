import { destination } from '@batonmq/model';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Broker, VirtualTopic } from '../src/index.ts';
import { receipt, TestClient, TestWorld, type TestConsumer } from './test-client.ts';

const TOPIC = 'topic://VirtualTopic.A';
const QUEUE = 'Consumer.x.VirtualTopic.A';
const EU = "region = 'eu'";
const US = "region = 'us'";
const NO_SINK = {
  deliver: () => undefined,
  exhausted: () => undefined,
  ended: () => undefined,
  isCongested: false,
};

let world: TestWorld;
beforeEach(() => {
  world = new TestWorld();
});
afterEach(() => world.end());

function aware(options: Partial<VirtualTopic> = {}): Promise<Broker> {
  const virtual: VirtualTopic = { type: 'virtualTopic', selectorAware: true, ...options };
  return world.broker({}, { virtualDestinations: [virtual] });
}

async function sendRegions(client: TestClient, ...regions: string[]): Promise<void> {
  for (const region of regions) await client.send(TOPIC, region, { properties: { region } });
}

function countIn(broker: Broker, queue: string): number | undefined {
  return broker.destinations().find((status) => status.destination.name === queue)?.messageCount;
}

async function left(client: TestClient, consumer: TestConsumer): Promise<void> {
  consumer.subscription.close(0);
  await world.elapse();
  expect(client.failures).toEqual([]);
}

test('a queue gets what one of its consumers wants, and no more', async () => {
  const broker = await aware();
  const client = new TestClient(world, broker);
  const eu = client.consume(QUEUE, { selector: EU });
  const us = client.consume('Consumer.y.VirtualTopic.A', { selector: US });
  await sendRegions(client, 'eu', 'us', 'asia');
  await world.elapse();
  expect([eu.texts, us.texts]).toEqual([['eu'], ['us']]);
  expect(countIn(broker, QUEUE)).toBe(1);
});

test('a consumer without a selector brings everything', async () => {
  const broker = await aware();
  const client = new TestClient(world, broker);
  client.consume(QUEUE, { selector: EU });
  const all = client.consume(QUEUE);
  await sendRegions(client, 'us', 'asia');
  await world.elapse();
  expect(all.texts).toEqual(['us', 'asia']);
});

test('a wildcard consumer of the queues counts with its selector', async () => {
  const broker = await aware();
  const client = new TestClient(world, broker);
  client.consume(QUEUE, { selector: EU });
  const wild = client.consume('Consumer.*.VirtualTopic.>', { selector: US });
  await sendRegions(client, 'us', 'asia');
  await world.elapse();
  expect(wild.texts).toEqual(['us']);
});

test('what a consumer wanted is kept for it while it is away, also after a takeover', async () => {
  const first = await aware();
  const second = await aware();
  const client = new TestClient(world, first);
  await left(client, client.consume(QUEUE, { selector: EU }));
  await sendRegions(client, 'us', 'eu');
  world.space.depose();
  await world.elapse();
  const later = new TestClient(world, second);
  await sendRegions(later, 'asia', 'eu');
  expect(countIn(second, QUEUE)).toBe(2);
  const back = later.consume(QUEUE, { selector: EU });
  await world.elapse();
  expect(back.texts).toEqual(['eu', 'eu']);
});

test('a consumer is answered when the store has what it wants', async () => {
  const virtual: VirtualTopic = { type: 'virtualTopic', selectorAware: true };
  const first = await world.broker({}, { latencyMs: 10, virtualDestinations: [virtual] });
  const second = await aware();
  const answered = receipt();
  const { connection } = new TestClient(world, first);
  connection.subscribe(
    {
      consumerKey: 'ID:c:1:1',
      destination: destination('queue', QUEUE),
      prefetchCount: 1,
      selector: EU,
      isBrowser: false,
      isNoLocal: false,
      isExclusive: false,
      isRetroactive: false,
      priority: 0,
      sink: NO_SINK,
    },
    answered,
  );
  await world.elapse(5);
  expect(answered.isSettled).toBe(false);
  await world.run(answered.done);
  world.space.depose();
  await world.elapse();
  await sendRegions(new TestClient(world, second), 'us', 'eu');
  expect(countIn(second, QUEUE)).toBe(1);
});

test('a queue that was declared and had no consumer yet gets everything', async () => {
  const broker = await aware({ queues: [QUEUE] });
  const client = new TestClient(world, broker);
  await sendRegions(client, 'us', 'eu');
  const consumer = client.consume(QUEUE, { selector: EU });
  await sendRegions(client, 'us');
  await world.elapse();
  expect([consumer.texts, countIn(broker, QUEUE)]).toEqual([['eu'], 2]);
});

test('a browser counts for nothing', async () => {
  const broker = await aware();
  const client = new TestClient(world, broker);
  client.consume(QUEUE, { selector: EU });
  client.consume(QUEUE, { selector: US, isBrowser: true });
  await sendRegions(client, 'us');
  expect(countIn(broker, QUEUE)).toBe(0);
});

test('a queue that is removed is forgotten with its selectors, also by the store', async () => {
  const first = await aware();
  const second = await aware();
  const client = new TestClient(world, first);
  await left(client, client.consume(QUEUE, { selector: EU }));
  client.connection.removeDestination(destination('queue', QUEUE), { isForced: false });
  await world.elapse();
  world.space.depose();
  await world.elapse();
  await world.run(second.declareVirtualTopicQueue('VirtualTopic.A', 'x'));
  await sendRegions(new TestClient(world, second), 'us');
  expect(countIn(second, QUEUE)).toBe(1);
});

test('without selectorAware, selectors that were stored mean nothing', async () => {
  const first = await aware();
  const second = await world.broker();
  const client = new TestClient(world, first);
  await left(client, client.consume(QUEUE, { selector: EU }));
  world.space.depose();
  await world.elapse();
  await sendRegions(new TestClient(world, second), 'us');
  expect(countIn(second, QUEUE)).toBe(1);
});

test('of a topic that is selector-aware in one entry and not in another, a queue gets everything', async () => {
  const broker = await world.broker(
    {},
    {
      virtualDestinations: [
        { type: 'virtualTopic', selectorAware: true },
        { type: 'virtualTopic', name: 'VirtualTopic.A' },
      ],
    },
  );
  const client = new TestClient(world, broker);
  client.consume(QUEUE, { selector: EU });
  await sendRegions(client, 'us');
  expect(countIn(broker, QUEUE)).toBe(1);
});

test('with one selector per destination, a new one takes the place of one whose consumer is away', async () => {
  const broker = await aware({ singleSelectorPerDestination: true });
  const client = new TestClient(world, broker);
  await left(client, client.consume(QUEUE, { selector: EU }));
  const us = client.consume(QUEUE, { selector: US });
  await sendRegions(client, 'eu', 'us');
  await world.elapse();
  expect([us.texts, countIn(broker, QUEUE)]).toEqual([['us'], 1]);
});

test('with one selector per destination, those whose consumers are there count beside it', async () => {
  const broker = await aware({ singleSelectorPerDestination: true });
  const client = new TestClient(world, broker);
  const eu = client.consume(QUEUE, { selector: EU });
  const us = client.consume(QUEUE, { selector: US });
  await sendRegions(client, 'eu', 'us');
  await world.elapse();
  expect([eu.texts, us.texts]).toEqual([['eu'], ['us']]);
});

test('with one selector per destination, a consumer without one counts while it is there', async () => {
  const broker = await aware({ singleSelectorPerDestination: true });
  const client = new TestClient(world, broker);
  await left(client, client.consume(QUEUE, { selector: EU }));
  const all = client.consume(QUEUE, { prefetchCount: 0 });
  await sendRegions(client, 'us');
  expect(countIn(broker, QUEUE)).toBe(1);
  await left(client, all);
  await sendRegions(client, 'us', 'eu');
  expect(countIn(broker, QUEUE)).toBe(2);
});

test('with one selector per destination, a takeover forgets none whose consumer was there', async () => {
  const first = await aware({ singleSelectorPerDestination: true });
  const second = await aware({ singleSelectorPerDestination: true });
  const client = new TestClient(world, first);
  client.consume(QUEUE, { selector: EU });
  client.consume(QUEUE, { selector: US });
  await world.elapse();
  world.space.depose();
  await world.elapse();
  const later = new TestClient(world, second);
  later.consume(QUEUE, { selector: US });
  await sendRegions(later, 'eu', 'us', 'asia');
  expect(countIn(second, QUEUE)).toBe(2);
});

test('the messages of a composite send count by the place they pass', async () => {
  const broker = await aware();
  const client = new TestClient(world, broker);
  const here = client.consume(QUEUE, { selector: "JMSDestination = 'topic://VirtualTopic.A'" });
  const list = client.consume('Consumer.y.VirtualTopic.A', {
    selector: "JMSDestination LIKE '%,%'",
  });
  await client.send('topic://VirtualTopic.A,topic://VirtualTopic.B', 'x');
  await world.elapse();
  expect([here.texts, list.texts]).toEqual([['x'], []]);
});

test('more than 100 different selectors bring everything', async () => {
  const broker = await aware();
  const client = new TestClient(world, broker);
  for (let number = 0; number < 100; number += 1) {
    await left(client, client.consume(QUEUE, { selector: `number = ${number}` }));
  }
  await sendRegions(client, 'eu');
  expect(countIn(broker, QUEUE)).toBe(0);
  await left(client, client.consume(QUEUE, { selector: 'number = 100' }));
  await sendRegions(client, 'eu');
  expect(countIn(broker, QUEUE)).toBe(1);
});
