import { producerId } from '@batonmq/model';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Broker, BrokerEvent } from '../src/index.ts';
import { receipt, TestClient, TestWorld } from './test-client.ts';

let world: TestWorld;
beforeEach(() => {
  world = new TestWorld();
});
afterEach(() => world.end());

function rolesOf(broker: Broker): string[] {
  const roles: string[] = [];
  broker.on('role-changed', (event: Extract<BrokerEvent, { type: 'role-changed' }>) => {
    roles.push(`${event.to}:${String(event.epoch)}`);
  });
  return roles;
}

test('a standby refuses clients and becomes active with a greater epoch', async () => {
  const first = await world.broker();
  const second = await world.broker();
  const roles = rolesOf(second);
  expect([first.role, second.role]).toEqual(['active', 'standby']);
  expect(() => new TestClient(world, second)).toThrow(
    expect.objectContaining({ code: 'BATON_NOT_ACTIVE' }),
  );
  world.space.depose();
  await world.elapse();
  expect(roles).toEqual(['acquiring:2', 'recovering:2', 'active:2']);
  expect(second.epoch).toBe(2);
});

test('messages that were answered are served by the broker that takes over', async () => {
  const first = await world.broker();
  const second = await world.broker();
  const client = new TestClient(world, first);
  for (const text of ['one', 'two', 'three']) await client.send('A', text);
  world.space.depose();
  await world.elapse();
  const consumer = new TestClient(world, second).consume('A');
  await world.elapse();
  expect(consumer.texts).toEqual(['one', 'two', 'three']);
});

test('a broker that loses the lease sends its clients away and gets in line again', async () => {
  const first = await world.broker();
  await world.broker();
  const client = new TestClient(world, first);
  const roles = rolesOf(first);
  world.space.depose();
  await world.elapse();
  expect(client.disconnectReason?.code).toBe('BATON_FENCED');
  expect(roles).toEqual(['fenced:1', 'standby:undefined']);
  world.space.depose();
  await world.elapse();
  expect([first.role, first.epoch]).toEqual(['active', 3]);
});

test('a broker that was paused answers nobody once a newer epoch exists', async () => {
  const first = await world.broker();
  const second = await world.broker();
  const client = new TestClient(world, first);
  world.space.depose('unaware');
  await world.elapse(0);
  const settled = receipt();
  client.connection.send(client.message('A', 'late'), settled);
  await world.elapse();
  expect([settled.isSettled, client.disconnectReason?.code]).toEqual([false, 'BATON_FENCED']);
  const consumer = new TestClient(world, second).consume('A');
  await world.elapse();
  expect(consumer.texts).toEqual([]);
});

test('what is on its way when the lease is lost is not answered', async () => {
  const first = await world.broker();
  await world.broker();
  const client = new TestClient(world, first);
  const settled = receipt();
  client.connection.send(client.message('A', 'x'), settled);
  world.space.depose();
  await world.elapse();
  expect(settled.isSettled).toBe(false);
});

test('a re-sent message is stored once, also after it was consumed', async () => {
  const first = await world.broker();
  const second = await world.broker();
  const client = new TestClient(world, first);
  await client.send('A', '1', { sequence: 1 });
  await client.send('A', '2', { sequence: 2 });
  const consumer = client.consume('A');
  await world.elapse();
  await consumer.ack(consumer.deliveries[0], consumer.deliveries[0]);
  world.space.depose();
  await world.elapse();
  const again = new TestClient(world, second, 'c', true);
  await again.send('A', '1', { sequence: 1 });
  await again.send('A', '2', { sequence: 2 });
  await again.send('A', '3', { sequence: 3 });
  const next = again.consume('A');
  await world.elapse();
  expect(next.texts).toEqual(['2', '3']);
});

test('a re-sent message is answered only when the first copy is durable', async () => {
  const broker = await world.broker();
  const old = new TestClient(world, broker);
  old.connection.send(old.message('A', '1', { sequence: 1 }));
  const again = new TestClient(world, broker, 'c', true);
  const settled = receipt();
  again.connection.send(again.message('A', '1', { sequence: 1 }), settled);
  expect(settled.isSettled).toBe(false);
  await world.run(settled.done);
  const consumer = again.consume('A');
  await world.elapse();
  expect(consumer.texts).toEqual(['1']);
});

test('a re-sent message whose first copy found no room fails too', async () => {
  const broker = await world.broker({}, { messageBytesMax: 100 });
  const old = new TestClient(world, broker);
  old.connection.send(old.message('A', 'x'.repeat(200), { sequence: 1 }));
  const again = new TestClient(world, broker, 'c', true);
  const sent = again.send('A', 'x'.repeat(200), { sequence: 1 });
  await expect(sent).rejects.toMatchObject({ code: 'BATON_STORE_FULL' });
});

test('a producer that did not reconnect may count from one again', async () => {
  const broker = await world.broker();
  const client = new TestClient(world, broker);
  await client.send('A', '1', { sequence: 1 });
  await client.send('A', '2', { sequence: 1 });
  const consumer = client.consume('A');
  await world.elapse();
  expect(consumer.texts).toEqual(['1', '2']);
});

test('of "producerMarksMax" producers the marks of those last used are kept', async () => {
  const first = await world.broker({ producerMarksMax: 4 });
  const second = await world.broker();
  for (const name of ['1', '2', '3', '4', '5', '6', '7']) {
    await new TestClient(world, first, name).send('A', name, { sequence: 1 });
  }
  world.space.depose();
  await world.elapse();
  for (const name of ['1', '6', '7']) {
    await new TestClient(world, second, name, true).send('A', `${name} again`, { sequence: 1 });
  }
  const consumer = new TestClient(world, second, 'c').consume('A');
  await world.elapse();
  expect(consumer.texts).toEqual(['1', '2', '3', '4', '5', '6', '7', '1 again']);
});

test('producers that cannot repeat a send push out nobody’s mark', async () => {
  const first = await world.broker({ producerMarksMax: 4 });
  const second = await world.broker();
  await new TestClient(world, first, 'repeats').send('A', 'once', { sequence: 1 });
  for (const name of ['1', '2', '3', '4', '5', '6', '7']) {
    const client = new TestClient(world, first, name);
    const producer = producerId(client.connection.connectionId, 1, 2);
    client.connection.addProducer({ producerId: producer, canRepeatSends: false });
    await client.send('A', name, { producer, sequence: 1 });
  }
  world.space.depose();
  await world.elapse();
  await new TestClient(world, second, 'repeats', true).send('A', 'again', { sequence: 1 });
  const consumer = new TestClient(world, second, 'c').consume('A');
  await world.elapse();
  expect(consumer.texts).toEqual(['once', '1', '2', '3', '4', '5', '6', '7']);
});

test('a connection of the same id takes over: the old one goes and its messages come back', async () => {
  const broker = await world.broker();
  const old = new TestClient(world, broker);
  await old.send('A', '1');
  old.consume('A');
  await world.elapse();
  const consumer = new TestClient(world, broker, 'c', true).consume('A');
  await world.elapse();
  expect(old.disconnectReason?.code).toBe('BATON_CLOSED');
  expect([consumer.texts, consumer.counts]).toEqual([['1'], [1]]);
});

test('a client id is used by one live connection', async () => {
  const broker = await world.broker();
  const client = new TestClient(world, broker);
  const connect = (): unknown =>
    broker.connect({
      ...{ remoteAddress: '127.0.0.1:2', protocol: 'test', isReconnect: false },
      connectionId: client.message('A', 'x').id.producerId.key as never,
      clientId: 'c',
      control: {
        failed: () => undefined,
        pauseInput: () => undefined,
        resumeInput: () => undefined,
        disconnect: () => undefined,
      },
    });
  expect(connect).toThrow(expect.objectContaining({ code: 'BATON_INVALID_CLIENT_ID' }));
  client.connection.close(-2);
  expect(connect).not.toThrow();
});

test('a broker that stops settles what is on its way and hands over at once', async () => {
  const first = await world.broker();
  const second = await world.broker();
  const client = new TestClient(world, first);
  await client.send('A', 'unacked');
  client.consume('A');
  await world.elapse();
  const settled = receipt();
  client.connection.send(client.message('A', 'last'), settled);
  await world.run(first.stop());
  expect(settled.isSettled).toBe(true);
  expect(client.disconnectReason?.code).toBe('BATON_NOT_ACTIVE');
  await world.elapse(0);
  expect([first.role, second.role]).toEqual(['stopped', 'active']);
  const consumer = new TestClient(world, second).consume('A');
  await world.elapse();
  expect([consumer.texts, consumer.counts]).toEqual([
    ['unacked', 'last'],
    [1, 0],
  ]);
  const late = receipt();
  client.connection.send(client.message('A', 'too late'), late);
  await world.elapse();
  expect(late.isSettled).toBe(false);
});

test('acks nobody waits for are in the store after "ackDelayMs"', async () => {
  const first = await world.broker({ ackDelayMs: 7 });
  const second = await world.broker();
  const client = new TestClient(world, first);
  await client.send('A', '1');
  client.consume('A').ackAtOnce();
  await world.elapse(10);
  world.space.depose();
  await world.elapse();
  expect(second.destinations()[0]?.messageCount).toBe(0);
});

test('a full store refuses messages and still takes acks', async () => {
  const broker = await world.broker({}, { messageBytesMax: 500 });
  const standby = await world.broker();
  const client = new TestClient(world, broker);
  await client.send('A', 'x'.repeat(200));
  const consumer = client.consume('A');
  await world.elapse();
  // In one turn, so in one batch: the ack must not share the fate of the message.
  const acked = consumer.ack(consumer.deliveries[0], consumer.deliveries[0]);
  const sent = client.send('B', 'x'.repeat(400));
  await expect(sent).rejects.toMatchObject({ code: 'BATON_STORE_FULL' });
  await acked;
  await client.send('B', 'y'.repeat(200));
  client.connection.send(client.message('B', 'z'.repeat(400)));
  await world.elapse();
  expect(client.failures.map(({ code }) => code)).toEqual(['BATON_STORE_FULL']);
  world.space.depose();
  await world.elapse();
  expect(standby.destinations().map(({ messageCount }) => messageCount)).toEqual([0, 1]);
});
