import { connectionId, producerId, type Message } from '@batonmq/model';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { receipt, TestClient, TestWorld, type SendOptions } from './test-client.ts';

let world: TestWorld;
beforeEach(() => {
  world = new TestWorld();
});
afterEach(() => world.end());

async function takeOver(): Promise<void> {
  world.space.depose();
  await world.elapse();
}

/** What a queue holds. */
async function textsIn(client: TestClient, queue = 'A'): Promise<readonly string[]> {
  const consumer = client.consume(queue);
  await world.elapse();
  const { texts } = consumer;
  consumer.subscription.close(-1);
  return texts;
}

describe('a bridge that came back', () => {
  /** A message of another broker's producer, as a bridge passes it on under its own producer id. */
  function forwarded(bridge: TestClient, sequence: number): Message {
    const origin = producerId(connectionId('ID:elsewhere'), 1, 1);
    const message = bridge.message('A', String(sequence), { sequence });
    return { ...message, id: { producerId: origin, producerSequence: sequence } };
  }

  async function forward(bridge: TestClient, sequences: readonly number[]): Promise<void> {
    for (const sequence of sequences) {
      const settled = receipt();
      bridge.connection.send(forwarded(bridge, sequence), settled);
      await world.run(settled.done);
    }
  }

  test('passes on what others sent in whatever order, and nothing is taken for repeated', async () => {
    const broker = await world.broker();
    await forward(new TestClient(world, broker, 'bridge'), [7, 3]);
    const bridge = new TestClient(world, broker, 'bridge', true);
    await forward(bridge, [5, 2, 8]);
    expect(await textsIn(bridge)).toEqual(['7', '3', '5', '2', '8']);
  });

  test('does so at the next broker too, and in transactions', async () => {
    const first = await world.broker();
    const second = await world.broker();
    const bridge = new TestClient(world, first, 'bridge');
    const transactionId = bridge.begin(1);
    bridge.connection.send({ ...forwarded(bridge, 7), transactionId });
    await bridge.commit(transactionId);
    await takeOver();
    const back = new TestClient(world, second, 'bridge', true);
    await forward(back, [5]);
    expect(await textsIn(back)).toEqual(['7', '5']);
  });

  test('moves no mark of the producers it forwards for', async () => {
    const first = await world.broker();
    const second = await world.broker();
    await forward(new TestClient(world, first, 'bridge'), [9]);
    await takeOver();
    const producer = producerId(connectionId('ID:elsewhere'), 1, 1);
    const origin = new TestClient(world, second, 'elsewhere', true);
    await origin.send('A', 'its own', { producer, sequence: 4 });
    expect(await textsIn(origin)).toEqual(['9', 'its own']);
  });
});

describe('a send that was refused and is repeated', () => {
  const FULL = { destinationsMax: 1, sendTimeoutMs: 100 } as const;
  const CODE = { code: 'BATON_LIMIT' };

  /** There may be no other queue than A. */
  async function refuse(client: TestClient, sequence: number): Promise<void> {
    await expect(client.send('B', String(sequence), { sequence })).rejects.toMatchObject(CODE);
  }

  test('is stored although a later one is', async () => {
    const broker = await world.broker(FULL);
    const client = new TestClient(world, broker);
    await client.send('A', '1', { sequence: 1 });
    await refuse(client, 2);
    await client.send('A', '3', { sequence: 3 });
    const again = new TestClient(world, broker, 'c', true);
    for (const sequence of [2, 3]) await again.send('A', String(sequence), { sequence });
    expect(await textsIn(again)).toEqual(['1', '3', '2']);
  });

  test('is stored by the next broker, once', async () => {
    const first = await world.broker(FULL);
    const second = await world.broker();
    const client = new TestClient(world, first);
    await client.send('A', '1', { sequence: 1 });
    await refuse(client, 2);
    await client.send('A', '3', { sequence: 3 });
    await takeOver();
    const again = new TestClient(world, second, 'c', true);
    for (const sequence of [2, 3]) await again.send('A', String(sequence), { sequence });
    expect(await textsIn(again)).toEqual(['1', '3', '2']);
  });

  test('is no longer one when it was taken, here and at the next broker', async () => {
    const first = await world.broker(FULL);
    const second = await world.broker();
    const client = new TestClient(world, first);
    await client.send('A', '1', { sequence: 1 });
    await refuse(client, 2);
    await client.send('A', '3', { sequence: 3 });
    const again = new TestClient(world, first, 'c', true);
    await again.send('A', '2', { sequence: 2 });
    await again.send('A', '2', { sequence: 2 });
    await takeOver();
    const next = new TestClient(world, second, 'c', true);
    for (const sequence of [2, 3]) await next.send('A', String(sequence), { sequence });
    expect(await textsIn(next)).toEqual(['1', '3', '2']);
  });

  test('for want of room in the store is stored by the next broker', async () => {
    const first = await world.broker({}, { messageBytesMax: 500 });
    const second = await world.broker();
    const client = new TestClient(world, first);
    const large = client.send('A', 'x'.repeat(600), { sequence: 1 });
    await expect(large).rejects.toMatchObject({ code: 'BATON_STORE_FULL' });
    await client.send('A', '2', { sequence: 2 });
    await takeOver();
    const again = new TestClient(world, second, 'c', true);
    for (const sequence of [1, 2]) await again.send('A', String(sequence), { sequence });
    expect(await textsIn(again)).toEqual(['2', '1']);
  });

  test('is not lost when there are more than are remembered', async () => {
    const first = await world.broker(FULL);
    const second = await world.broker();
    const client = new TestClient(world, first);
    await client.send('A', '1', { sequence: 1 });
    for (let sequence = 2; sequence <= 300; sequence += 1) {
      client.connection.send(client.message('B', 'x', { sequence }));
    }
    await client.send('A', '301', { sequence: 301 });
    await takeOver();
    const again = new TestClient(world, second, 'c', true);
    for (const sequence of [2, 300, 301]) await again.send('A', String(sequence), { sequence });
    expect(await textsIn(again)).toEqual(['1', '301', '2', '300']);
  });
});

describe('of what an earlier broker took, a repeated send', () => {
  /** Each test sends 1 where nothing is stored, and 2 where it is, and loses both answers. */
  async function repeatAt(to: string, options: SendOptions = {}): Promise<readonly string[]> {
    const first = await world.broker();
    const second = await world.broker();
    const old = new TestClient(world, first);
    old.connection.addDestination(old.message(to, '').destination);
    await old.send(to, '1', { sequence: 1, ...options });
    await old.send('A', '2', { sequence: 2 });
    await takeOver();
    const client = new TestClient(world, second, 'c', true);
    client.connection.addDestination(client.message(to, '').destination);
    const consumer = client.consume(to);
    await client.send(to, '1', { sequence: 1, ...options });
    await client.send('A', '2', { sequence: 2 });
    expect(await textsIn(client)).toEqual(['2']);
    return consumer.texts;
  }

  test('to a temporary queue is delivered', async () => {
    expect(await repeatAt('temp-queue://ID:c:1')).toEqual(['1']);
  });

  test('to a topic without durable subscriptions is delivered', async () => {
    expect(await repeatAt('topic://T')).toEqual(['1']);
  });

  test('to a temporary queue that is gone is refused', async () => {
    const first = await world.broker();
    const second = await world.broker();
    const old = new TestClient(world, first);
    const gone = 'temp-queue://ID:c:1';
    old.connection.addDestination(old.message(gone, '').destination);
    await old.send(gone, '1', { sequence: 1 });
    await old.send('A', '2', { sequence: 2 });
    await takeOver();
    const client = new TestClient(world, second, 'c', true);
    await expect(client.send(gone, '1', { sequence: 1 })).rejects.toMatchObject({
      code: 'BATON_INVALID_DESTINATION',
    });
  });
});

test('to the same broker, a repeated send to a topic is delivered once', async () => {
  const broker = await world.broker();
  const consumer = new TestClient(world, broker, 'reader').consume('topic://T');
  const old = new TestClient(world, broker);
  await old.send('topic://T', '1', { sequence: 1 });
  await old.send('A', '2', { sequence: 2 });
  const again = new TestClient(world, broker, 'c', true);
  await again.send('topic://T', '1', { sequence: 1 });
  expect(consumer.texts).toEqual(['1']);
});

test('a transaction that is repeated as a whole after its commit takes effect once', async () => {
  const first = await world.broker();
  const second = await world.broker();
  const work = async (client: TestClient): Promise<void> => {
    const transactionId = client.begin(1);
    for (const sequence of [1, 2]) {
      client.connection.send(client.message('A', String(sequence), { sequence, transactionId }));
    }
    await client.commit(transactionId);
  };
  await work(new TestClient(world, first));
  await takeOver();
  const again = new TestClient(world, second, 'c', true);
  await work(again);
  expect(await textsIn(again)).toEqual(['1', '2']);
});
