import { parseDestination } from '@batonmq/model';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LAST_DELIVERED_UNKNOWN, type BrokerEvent } from '../src/index.ts';
import { receipt, TestClient, TestWorld } from './test-client.ts';

let world: TestWorld;
beforeEach(() => {
  world = new TestWorld();
});
afterEach(() => world.end());

describe('a composite send', () => {
  test('reaches each part once, marked with where it was sent', async () => {
    const broker = await world.broker();
    const client = new TestClient(world, broker);
    const [a, b, t] = ['A', 'B', 'topic://T'].map((name) => client.consume(name));
    await client.send('queue://A,B,topic://T,A', 'x');
    expect([a?.texts, b?.texts, t?.texts]).toEqual([['x'], ['x'], ['x']]);
    expect(b?.deliveries[0]).toMatchObject({
      destination: { key: 'queue://B' },
      message: {
        destination: { key: 'queue://B' },
        originalDestination: { key: 'queue://A,B,topic://T,A' },
      },
    });
  });

  test('is in all of its queues after a takeover, and its body once in the store', async () => {
    const first = await world.broker();
    const second = await world.broker({}, { name: 'second' });
    await new TestClient(world, first).send('queue://A,B', 'x'.repeat(10_000));
    world.space.depose();
    await world.elapse();
    const client = new TestClient(world, second);
    const [a, b] = [client.consume('A'), client.consume('B')];
    await world.elapse();
    expect([a.texts, b.texts]).toEqual([['x'.repeat(10_000)], ['x'.repeat(10_000)]]);
    expect(a.deliveries[0]?.message.originalDestination?.key).toBe('queue://A,B');
  });

  test('has no effect if one part does not exist', async () => {
    const broker = await world.broker();
    const client = new TestClient(world, broker);
    const consumer = client.consume('A');
    const sent = client.send('queue://A,temp-queue://gone:1', 'x');
    await expect(sent).rejects.toMatchObject({ code: 'BATON_INVALID_DESTINATION' });
    expect(consumer.texts).toEqual([]);
  });
});

describe('a wildcard consumer', () => {
  test('gets what is sent to destinations there are and to those that come', async () => {
    const broker = await world.broker();
    const client = new TestClient(world, broker);
    await client.send('A.B', 'before');
    const consumer = client.consume('A.>', { prefetchCount: 2 });
    await world.elapse();
    await client.send('A.C.D', 'after');
    await client.send('B.C', 'elsewhere');
    expect(consumer.deliveries.map(({ destination }) => destination.name)).toEqual([
      'A.B',
      'A.C.D',
    ]);
    // One window over all of its queues.
    await client.send('A.E', 'third');
    expect(consumer.texts).toEqual(['before', 'after']);
    await consumer.ack(consumer.deliveries[0], consumer.deliveries[0]);
    expect(consumer.texts).toEqual(['before', 'after', 'third']);
  });

  test('of topics gets them too', async () => {
    const client = new TestClient(world, await world.broker());
    const consumer = client.consume('topic://A.*');
    await client.send('topic://A.B', '1');
    await client.send('topic://A.B.C', '2');
    expect(consumer.texts).toEqual(['1']);
  });

  test('a message cannot be sent to a wildcard', async () => {
    const client = new TestClient(world, await world.broker());
    await expect(client.send('A.*', 'x')).rejects.toMatchObject({
      code: 'BATON_INVALID_DESTINATION',
    });
  });
});

describe('a temporary queue', () => {
  const target = parseDestination('temp-queue://ID:c:1');

  test('lives in memory as long as its connection', async () => {
    const broker = await world.broker();
    const [client, other] = [new TestClient(world, broker), new TestClient(world, broker, 'other')];
    client.connection.addDestination(target);
    const consumer = client.consume(target.key);
    await other.send(target.key, 'reply');
    expect(consumer.texts).toEqual(['reply']);
    client.connection.close(LAST_DELIVERED_UNKNOWN);
    await expect(other.send(target.key, 'too late')).rejects.toMatchObject({
      code: 'BATON_INVALID_DESTINATION',
      details: { destination: target.key },
    });
    expect(broker.destinations()).toEqual([]);
  });

  test('is consumed from by its own connection only', async () => {
    const broker = await world.broker();
    new TestClient(world, broker).connection.addDestination(target);
    const other = new TestClient(world, broker, 'other');
    expect(() => other.consume(target.key)).toThrow(
      expect.objectContaining({ code: 'BATON_INVALID_DESTINATION' }),
    );
  });
});

describe('removing a destination', () => {
  test('is refused while it has consumers, unless forced; they are told', async () => {
    const broker = await world.broker();
    const client = new TestClient(world, broker);
    await client.send('A', 'x');
    const consumer = client.consume('A');
    const remove = (isForced: boolean): Promise<void> => {
      const settled = receipt();
      client.connection.removeDestination(parseDestination('A'), { isForced }, settled);
      return world.run(settled.done);
    };
    await expect(remove(false)).rejects.toMatchObject({ code: 'BATON_INVALID_STATE' });
    await remove(true);
    expect(consumer.endReason?.code).toBe('BATON_INVALID_DESTINATION');
    expect(broker.destinations()).toEqual([]);
    // What it held does not come back with a new one of that name, nor does an ack disturb that.
    await client.send('A', 'new');
    const again = client.consume('A');
    await world.elapse();
    expect(again.texts).toEqual(['new']);
  });

  test('is remembered after a takeover', async () => {
    const first = await world.broker();
    const second = await world.broker();
    const client = new TestClient(world, first);
    await client.send('A', 'x');
    client.connection.send(client.message('A', 'in the same turn'));
    const settled = receipt();
    client.connection.removeDestination(parseDestination('A'), { isForced: false }, settled);
    await world.run(settled.done);
    world.space.depose();
    await world.elapse();
    expect(second.destinations()).toEqual([]);
  });

  test('that does not exist succeeds', async () => {
    const client = new TestClient(world, await world.broker());
    const settled = receipt();
    client.connection.removeDestination(parseDestination('A'), { isForced: false }, settled);
    await expect(world.run(settled.done)).resolves.toBeUndefined();
  });
});

test('an added queue is there after a takeover, though nothing was ever sent to it', async () => {
  const first = await world.broker();
  const second = await world.broker();
  const settled = receipt();
  new TestClient(world, first).connection.addDestination(parseDestination('A'), settled);
  await world.run(settled.done);
  world.space.depose();
  await world.elapse();
  expect(second.destinations().map(({ destination }) => destination.key)).toEqual(['queue://A']);
});

test('there are at most "destinationsMax"', async () => {
  const client = new TestClient(world, await world.broker({ destinationsMax: 1 }));
  await client.send('A', 'x');
  await expect(client.send('B', 'x')).rejects.toMatchObject({ code: 'BATON_LIMIT' });
});

test('events tell of connections, destinations and consumers', async () => {
  const broker = await world.broker();
  const seen: string[] = [];
  for (const type of [
    'connection-added',
    'destination-added',
    'consumer-added',
    'consumer-removed',
    'destination-removed',
    'connection-removed',
  ] as const) {
    broker.on(type, (event: BrokerEvent) => seen.push(event.type));
  }
  broker.on('connection-added', () => {
    throw new Error('a watcher that fails');
  });
  const client = new TestClient(world, broker);
  client.connection.addDestination(parseDestination('temp-queue://ID:c:1'));
  client.consume('temp-queue://ID:c:1');
  client.connection.close(LAST_DELIVERED_UNKNOWN);
  expect(seen).toEqual([
    'connection-added',
    'destination-added',
    'consumer-added',
    'consumer-removed',
    'destination-removed',
    'connection-removed',
  ]);
});
