import { isBrokerError, parseDestination } from '@batonmq/model';
import { createMemorySpace, memoryStore } from '@batonmq/store-memory';
import type { Lease, StorePlugin } from '@batonmq/store-spi';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createBroker, type Broker } from '../src/index.ts';
import { receipt, TestClient, TestWorld } from './test-client.ts';

const LATENCY_MS = 100;
const NOT_STORED = { isPersistent: false } as const;

let world: TestWorld;
beforeEach(() => {
  world = new TestWorld();
});
afterEach(() => world.end());

/** A broker whose leases `wrap` changes. */
async function brokerWith(wrap: (lease: Lease) => Partial<Lease>): Promise<Broker> {
  const plugin = memoryStore({ space: createMemorySpace() });
  const store: StorePlugin = {
    ...plugin,
    create: (components) => {
      const inner = plugin.create(components);
      return {
        manifest: inner.manifest,
        acquire: async (options) => {
          const lease = await inner.acquire(options);
          return {
            epoch: lease.epoch,
            lost: lease.lost,
            recover: (visitor) => lease.recover(visitor),
            append: (batch) => lease.append(batch),
            read: (destination, from, limits) => lease.read(destination, from, limits),
            release: () => lease.release(),
            ...wrap(lease),
          };
        },
        inspect: () => inner.inspect(),
        close: () => inner.close(),
      };
    },
  };
  const broker = createBroker({ name: 'wrapped', store, components: world.runtime });
  await world.run(broker.start());
  await world.elapse();
  return broker;
}

test('an open transaction that is sent again is whole, whatever else its producer had stored', async () => {
  const broker = await world.broker();
  const old = new TestClient(world, broker);
  const first = old.begin(1);
  await old.send('A', 'in the transaction', { sequence: 1, transactionId: first });
  await old.send('A', 'outside', { sequence: 2 });
  const again = new TestClient(world, broker, 'c', true);
  const second = again.begin(1);
  await again.send('A', 'in the transaction', { sequence: 1, transactionId: second });
  await again.commit(second);
  const consumer = again.consume('A');
  await world.elapse();
  expect(consumer.texts).toEqual(['outside', 'in the transaction']);
});

test('a committed transaction that is sent again is stored once', async () => {
  const first = await world.broker();
  const second = await world.broker();
  const old = new TestClient(world, first);
  await old.send('A', 'x', { sequence: 1, transactionId: old.begin(1) });
  await old.commit({ kind: 'local', connectionId: old.connection.connectionId, value: 1 });
  world.space.depose();
  await world.elapse();
  const again = new TestClient(world, second, 'c', true);
  const transactionId = again.begin(1);
  await again.send('A', 'x', { sequence: 1, transactionId });
  await again.commit(transactionId);
  const consumer = again.consume('A');
  await world.elapse();
  expect(consumer.texts).toEqual(['x']);
});

test('a refused message is not taken for stored because a later one found room', async () => {
  const broker = await world.broker({}, { messageBytesMax: 1000, latencyMs: LATENCY_MS });
  const old = new TestClient(world, broker);
  const refused = receipt();
  const stored = receipt();
  old.connection.send(old.message('A', 'x'.repeat(1200), { sequence: 1 }), refused);
  await world.elapse(1);
  old.connection.send(old.message('A', 'y', { sequence: 2 }), stored);
  await expect(world.run(refused.done)).rejects.toMatchObject({ code: 'BATON_STORE_FULL' });
  await world.run(stored.done);
  const again = new TestClient(world, broker, 'c', true);
  // The disk has room by now: a smaller message stands for that.
  await again.send('A', 'x', { sequence: 1 });
  await again.send('A', 'y', { sequence: 2 });
  const consumer = again.consume('A');
  await world.elapse(LATENCY_MS);
  expect(consumer.texts).toEqual(['y', 'x']);
});

test('the mark of a message that was dropped does not cover one refused with it', async () => {
  const settings = { areExpiredDeadLettered: false };
  const first = await world.broker(settings, { messageBytesMax: 500 });
  const second = await world.broker();
  const old = new TestClient(world, first);
  old.connection.send(old.message('A', 'expired', { sequence: 1, expiration: 1 }));
  const refused = old.send('A', 'x'.repeat(600), { sequence: 2 });
  await expect(refused).rejects.toMatchObject({ code: 'BATON_STORE_FULL' });
  await old.send('B', 'y', { producer: old.producer, sequence: 0 });
  world.space.depose();
  await world.elapse();
  const again = new TestClient(world, second, 'c', true);
  await again.send('A', 'x', { sequence: 2 });
  const consumer = again.consume('A');
  await world.elapse();
  expect(consumer.texts).toEqual(['x']);
});

test('a consumer whose names overlap gets each message once and leaves nothing behind', async () => {
  const broker = await world.broker();
  const client = new TestClient(world, broker);
  await client.send('A.B', '1');
  const consumer = client.consume('queue://A.B,A.*');
  await world.elapse();
  expect([consumer.texts, broker.destinations()[0]?.consumerCount]).toEqual([['1'], 1]);
  consumer.subscription.close(-1);
  expect(broker.destinations()[0]?.consumerCount).toBe(0);
});

test('a dead letter finds its queue although there may be no more destinations', async () => {
  const broker = await world.broker({ destinationsMax: 1, expiryScanIntervalMs: 100 });
  const client = new TestClient(world, broker);
  const expiration = world.runtime.clock.wallTime() + 50;
  await client.send('A', 'mortal', { expiration });
  await client.send('A', 'immortal');
  await world.elapse(200);
  const consumer = client.consume('A');
  await world.elapse();
  expect(consumer.texts).toEqual(['immortal']);
  expect(broker.destinations().map(({ messageCount }) => messageCount)).toEqual([1, 1]);
});

test('the store is never handed more than "writeBytesMax" at once', async () => {
  let pendingBytes = 0;
  let worst = 0;
  const broker = await brokerWith((lease) => ({
    append: async (batch) => {
      const bytes = batch
        .flatMap((record) => (record.type === 'message-added' ? record.payload : []))
        .reduce((sum, { length }) => sum + length, 0);
      pendingBytes += bytes;
      worst = Math.max(worst, pendingBytes);
      await new Promise<void>((resolve) => {
        world.runtime.clock.setTimer(LATENCY_MS, resolve);
      });
      pendingBytes -= bytes;
      await lease.append(batch);
    },
  }));
  const order: number[] = [];
  const clients = [1, 2, 3, 4, 5, 6].map((number) => new TestClient(world, broker, `c${number}`));
  const megabytes = 'x'.repeat(20 * 2 ** 20);
  clients.forEach((client, index) => {
    const settled = { settled: () => void order.push(index) };
    client.connection.send(client.message('A', megabytes), settled);
  });
  await world.elapse(LATENCY_MS * 10);
  expect(worst).toBeLessThanOrEqual(64 * 2 ** 20);
  expect(order).toEqual([0, 1, 2, 3, 4, 5]);
  await world.run(broker.stop());
});

test('a stored message that cannot be decoded stops its queue and nothing else', async () => {
  let isBroken = false;
  const broker = await brokerWith((lease) => ({
    read: async (destination, from, limits) => {
      const page = await lease.read(destination, from, limits);
      if (!isBroken) return page;
      return page.map((stored) => ({ ...stored, payload: Buffer.from([255, 255, 255]) }));
    },
  }));
  const client = new TestClient(world, broker);
  for (let index = 0; index < 9000; index += 1) {
    client.connection.send(client.message('A', String(index)));
  }
  await world.elapse();
  isBroken = true;
  const consumer = client.consume('A', { prefetchCount: 20_000 });
  const browser = client.consume('A', { isBrowser: true, prefetchCount: 20_000 });
  await world.elapse();
  expect(consumer.texts.length).toBe(8192);
  expect(browser.exhaustedCount).toBe(1);
  isBroken = false;
  await world.elapse(2000);
  expect(consumer.texts.length).toBe(9000);
  await world.run(broker.stop());
});

test('slow consumers of several topics do not hold up senders for ever', async () => {
  const settings = {
    memoryLimitBytes: 2 ** 20,
    destinationMemoryLimitBytes: 2 ** 20,
    slowConsumerBacklogMessages: 1,
    slowConsumerTimeoutMs: 5000,
  };
  const broker = await world.broker(settings);
  const client = new TestClient(world, broker);
  for (const name of ['1', '2', '3', '4']) client.consume(`topic://${name}`, { prefetchCount: 1 });
  await world.elapse();
  for (let index = 0; index < 300; index += 1) {
    for (const name of ['1', '2', '3', '4']) {
      client.connection.send(client.message(`topic://${name}`, String(index), NOT_STORED));
    }
  }
  await world.elapse();
  expect(client.isInputPaused).toBe(true);
  await world.elapse(20_000);
  expect(client.isInputPaused).toBe(false);
});

test('a topic consumer that stops after it took something is slow all the same', async () => {
  const settings = { destinationMemoryLimitBytes: 20 * 1024, slowConsumerBacklogMessages: 1 };
  const broker = await world.broker(settings);
  const client = new TestClient(world, broker);
  const consumer = client.consume('topic://T', { prefetchCount: 1 });
  await world.elapse();
  for (let index = 0; index < 30; index += 1) {
    client.connection.send(client.message('topic://T', String(index), NOT_STORED));
  }
  await world.elapse(100);
  await consumer.ack(consumer.deliveries[0], consumer.deliveries[0]);
  await world.elapse(20_000);
  expect(client.isInputPaused).toBe(false);
});

test('a connection that waits for room without a receipt still gets its acks through', async () => {
  const broker = await world.broker({ destinationMemoryLimitBytes: 10 * 1024 });
  const client = new TestClient(world, broker);
  for (let index = 0; index < 12; index += 1) {
    client.connection.send(client.message('A', String(index), NOT_STORED));
  }
  await world.elapse();
  expect(client.isInputPaused).toBe(true);
  await world.elapse(31_000);
  expect(client.isInputPaused).toBe(false);
  // What it sends on top is refused, or memory would grow with each turn.
  const before = broker.destinations()[0]?.messageCount;
  client.connection.send(client.message('A', 'more', NOT_STORED));
  await world.elapse();
  expect(broker.destinations()[0]?.messageCount).toBe(before);
  expect(client.failures.map(({ code }) => code)).toEqual(['BATON_LIMIT']);
});

test('open transactions of all connections together have a limit', async () => {
  const broker = await world.broker({ memoryLimitBytes: 2 ** 20 });
  const failures: unknown[] = [];
  const clients = [1, 2, 3, 4, 5].map((number) => new TestClient(world, broker, `c${number}`));
  for (const client of clients) {
    const transactionId = client.begin(1);
    for (let index = 0; index < 3; index += 1) {
      const text = 'x'.repeat(100 * 1024);
      await client.send('A', text, { transactionId }).catch((error: unknown) => {
        failures.push(isBrokerError(error) && error.code);
      });
    }
  }
  expect(new Set(failures)).toEqual(new Set(['BATON_LIMIT']));
  for (const client of clients) client.connection.close(-1);
  const client = new TestClient(world, broker);
  const transactionId = client.begin(1);
  await client.send('A', 'x'.repeat(200 * 1024), { transactionId });
});

test('acks that found no room with a message may come after their queue is gone', async () => {
  const broker = await world.broker({}, { messageBytesMax: 500, latencyMs: LATENCY_MS });
  const client = new TestClient(world, broker);
  await client.send('A', 'x'.repeat(200));
  const consumer = client.consume('A');
  await world.elapse();
  const acked = consumer.ack(consumer.deliveries[0], consumer.deliveries[0]);
  const sent = client.send('B', 'x'.repeat(600));
  const removed = receipt();
  client.connection.removeDestination(parseDestination('A'), { isForced: true }, removed);
  await expect(sent).rejects.toMatchObject({ code: 'BATON_STORE_FULL' });
  await acked;
  await world.run(removed.done);
  await client.send('B', 'y');
  expect([broker.role, client.disconnectReason]).toEqual(['active', undefined]);
});
