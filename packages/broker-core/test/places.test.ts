import { parseDestination, producerId } from '@batonmq/model';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Broker, PolicyEntry } from '../src/index.ts';
import { TestClient, TestWorld } from './test-client.ts';

let world: TestWorld;
beforeEach(() => {
  world = new TestWorld();
});
afterEach(() => world.end());

async function withPolicies(...policies: PolicyEntry[]) {
  const broker = await world.broker({}, { policies });
  return { broker, client: new TestClient(world, broker) };
}

function keys(broker: Broker): string[] {
  return broker.destinations().map(({ destination }) => destination.key);
}

describe('"maxConsumers"', () => {
  test.each(['queue://A', 'topic://A'])(
    'refuses one more consumer of %s, until one leaves',
    async (key) => {
      const { client } = await withPolicies(
        { queue: '>', maxConsumers: 2 },
        { topic: '>', maxConsumers: 2 },
      );
      const first = client.consume(key);
      client.consume(key);
      expect(() => client.consume(key)).toThrow(
        expect.objectContaining({
          code: 'BATON_LIMIT',
          details: { destination: key, limit: 'maxConsumers', allowed: 2, used: 2 },
        }),
      );
      first.subscription.close(-1);
      client.consume(key);
    },
  );

  test('counts durable subscribers, and refuses one more', async () => {
    const { client } = await withPolicies({ topic: '>', maxConsumers: 1 });
    client.consume('topic://A', { subscriptionName: 'one' });
    await world.elapse();
    expect(() => client.consume('topic://A', { subscriptionName: 'two' })).toThrow(
      expect.objectContaining({ code: 'BATON_LIMIT' }),
    );
  });

  test('passes consumers of a wildcard over, and lets them in when there is a place', async () => {
    const { client } = await withPolicies({ queue: 'A.1', maxConsumers: 1 });
    const first = client.consume('A.1').ackAtOnce();
    const wildcard = client.consume('A.*').ackAtOnce();
    await client.send('A.1', 'for the first');
    await client.send('A.2', 'elsewhere');
    await world.elapse();
    expect([first.texts, wildcard.texts]).toEqual([['for the first'], ['elsewhere']]);
    first.subscription.close(-1);
    await client.send('A.1', 'now');
    await world.elapse();
    expect(wildcard.texts).toEqual(['elsewhere', 'now']);
  });
});

describe('"maxProducers"', () => {
  test('refuses one more producer, whether it names the queue or sends there, until one leaves', async () => {
    const { broker, client } = await withPolicies({ queue: 'A', maxProducers: 1 });
    const named = producerId(client.connection.connectionId, 1, 2);
    client.connection.addProducer({
      producerId: named,
      destination: parseDestination('queue://A'),
    });
    const other = new TestClient(world, broker, 'other');
    await expect(other.send('A', 'x')).rejects.toMatchObject({
      code: 'BATON_LIMIT',
      details: { destination: 'queue://A', limit: 'maxProducers', allowed: 1, used: 1 },
    });
    const transactionId = other.begin(1);
    await expect(other.send('A', 'x', { transactionId })).rejects.toMatchObject({
      code: 'BATON_LIMIT',
    });
    client.connection.removeProducer(named);
    await other.send('A', 'x');
    await expect(client.send('A', 'x')).rejects.toMatchObject({ code: 'BATON_LIMIT' });
    other.connection.close(-1);
    await client.send('A', 'x');
  });
});

describe('"maxDestinations"', () => {
  test('refuses one more destination below its pattern, and only there', async () => {
    const { broker, client } = await withPolicies({ queue: 'A.>', maxDestinations: 2 });
    await client.send('A.1', 'x');
    await client.send('A.2', 'x');
    await expect(client.send('A.3', 'x')).rejects.toMatchObject({
      code: 'BATON_LIMIT',
      details: { destination: 'queue://A.3', limit: 'maxDestinations', allowed: 2, used: 2 },
    });
    await client.send('B', 'x');
    client.connection.removeDestination(parseDestination('queue://A.1'), { isForced: true });
    await client.send('A.3', 'x');
    expect(keys(broker).sort()).toEqual(['queue://A.2', 'queue://A.3', 'queue://B']);
  });

  test('counts what was there before a takeover', async () => {
    const policy: PolicyEntry = { queue: '>', maxDestinations: 1 };
    const { broker: first, client } = await withPolicies(policy);
    await client.send('A', 'x');
    await world.run(first.stop());
    const { client: next } = await withPolicies(policy);
    await expect(next.send('B', 'x')).rejects.toMatchObject({ code: 'BATON_LIMIT' });
  });

  test('of a more specific entry is in force in place of a wider one', async () => {
    const { client } = await withPolicies(
      { queue: '>', maxDestinations: 0 },
      { queue: 'A.>', maxDestinations: -1 },
    );
    await client.send('A.1', 'x');
    await expect(client.send('B', 'x')).rejects.toMatchObject({ code: 'BATON_LIMIT' });
  });
});

describe('"gcInactiveDestinations"', () => {
  const GC = { gcInactiveDestinations: true, inactiveTimeoutBeforeGC: 1000 } as const;

  test('removes a queue and a topic that nobody used for the time, not before', async () => {
    const { broker, client } = await withPolicies({ queue: '>', ...GC }, { topic: '>', ...GC });
    const consumer = client.consume('A').ackAtOnce();
    await client.send('A', 'x');
    await client.send('topic://T', 'x');
    await world.elapse();
    consumer.subscription.close(-1);
    await world.elapse(900);
    expect(keys(broker)).toEqual(['queue://A', 'topic://T']);
    await world.elapse(2000);
    expect(keys(broker)).toEqual([]);
    await client.send('A', 'again');
    expect(broker.destinations()[0]?.messageCount).toBe(1);
  });

  test('leaves what is not empty, and what has consumers, durable subscribers or producers', async () => {
    const { broker, client } = await withPolicies({ queue: '>', ...GC }, { topic: '>', ...GC });
    await client.send('full', 'x');
    client.consume('consumed');
    client.consume('topic://heard');
    const durable = client.consume('topic://collected', { subscriptionName: 's' });
    await world.elapse();
    durable.subscription.close(-1);
    const named = producerId(client.connection.connectionId, 1, 2);
    const destination = parseDestination('queue://produced');
    client.connection.addProducer({ producerId: named, destination });
    const temporary = parseDestination(`temp-queue://${client.connection.connectionId}:1`);
    client.connection.addDestination(temporary);
    const before = keys(broker);
    expect(before.length).toBe(6);
    await world.elapse(10_000);
    expect(keys(broker)).toEqual(before);
    client.connection.removeProducer(named);
    await world.elapse(3000);
    expect(keys(broker)).not.toContain('queue://produced');
  });

  test('leaves what its policy does not name', async () => {
    const { broker, client } = await withPolicies({ queue: 'A', ...GC });
    client.connection.addDestination(parseDestination('queue://B'));
    await world.elapse(10_000);
    expect(keys(broker)).toEqual(['queue://B']);
  });

  test('loses no message that comes in the turn of a removal, nor one on its way to a slow store', async () => {
    const policies = [{ queue: '>', ...GC }];
    const broker = await world.broker({}, { policies, latencyMs: 1700 });
    const client = new TestClient(world, broker);
    client.connection.addDestination(parseDestination('queue://A'));
    let accepted = 0;
    for (let index = 0; index < 50; index += 1) {
      // Sends come at ever other moments of the time after which the queue goes.
      await world.elapse(1000 + index * 37);
      await client.send('A', String(index));
      accepted += 1;
      const consumer = client.consume('A').ackAtOnce();
      await world.elapse(2000);
      expect(consumer.texts).toEqual([String(index)]);
      consumer.subscription.close(-1);
    }
    expect(accepted).toBe(50);
  });
});
