import { decodeProperties } from '@batonmq/message-content';
import { command, type ConsumerInfo, type WireMessage } from '@batonmq/openwire';
import { createMemorySpace } from '@batonmq/store-memory';
import { afterEach, expect, test } from 'vitest';
import { startBroker, type LiveBroker } from './live-broker.ts';
import { TestSession } from './session.ts';

const started: LiveBroker[] = [];
afterEach(async () => {
  for (const broker of started.splice(0)) await broker.stop();
});

async function start(...options: Parameters<typeof startBroker>): Promise<LiveBroker> {
  const broker = await startBroker(...options);
  started.push(broker);
  return broker;
}

async function listener(broker: LiveBroker, topics: string): Promise<TestSession> {
  const session = await TestSession.open(await broker.connect(), 'ID:listener:1');
  const physicalName = `ActiveMQ.Advisory.${topics}`;
  await session.consume('', { destination: { type: 'ActiveMQTopic', physicalName } });
  return session;
}

async function nextAdvisory(session: TestSession): Promise<WireMessage> {
  const { message } = await session.client.next('MessageDispatch');
  if (message === null) throw new Error('a dispatch of nothing');
  return message;
}

/** What the advisories say that came so far, as `topic property`. */
async function toldOf(session: TestSession, property: string): Promise<readonly string[]> {
  await session.client.roundTrip();
  return session.client.inbox.splice(0).flatMap((each) => {
    if (each.type !== 'MessageDispatch' || each.message === null) return [];
    const name = each.message.destination?.physicalName ?? '';
    return [
      `${name.replace('ActiveMQ.Advisory.', '')} ${String(propertyOf(each.message, property))}`,
    ];
  });
}

function propertyOf(message: WireMessage, name: string): unknown {
  const value = decodeProperties(message.marshalledProperties).get(name);
  return value !== undefined && 'value' in value ? value.value : undefined;
}

const durable = (client: TestSession): Promise<ConsumerInfo> =>
  client.consume('', {
    destination: { type: 'ActiveMQTopic', physicalName: 'T' },
    subscriptionName: 's',
  });

test('the broker that takes over tells that it serves, and counts the durable subscriptions it found', async () => {
  const space = createMemorySpace();
  const first = await start({}, undefined, { name: 'first', space });
  expect(
    propertyOf(await nextAdvisory(await listener(first, 'MasterBroker')), 'originBrokerName'),
  ).toBe('first');
  await durable(await TestSession.open(await first.connect()));
  const taking = start({}, undefined, { name: 'second', space });
  await first.stop();
  const second = await taking;
  const watcher = await listener(second, 'MasterBroker,ActiveMQ.Advisory.Consumer.>');
  const master = await nextAdvisory(watcher);
  expect([master.destination?.physicalName, master.targetConsumerId, master.dataStructure]).toEqual(
    ['ActiveMQ.Advisory.MasterBroker', null, null],
  );
  expect(propertyOf(master, 'originBrokerName')).toBe('second');
  const client = await TestSession.open(await second.connect());
  const info = await durable(client);
  expect(await toldOf(watcher, 'consumerCount')).toEqual(['Consumer.Topic.T 1']);
  client.send(command('RemoveInfo', { objectId: info.consumerId }));
  await client.client.roundTrip();
  const connectionId = { type: 'ConnectionId', value: client.connectionId } as const;
  await client.request(
    command('RemoveSubscriptionInfo', { connectionId, subscriptionName: 's', clientId: 'c' }),
  );
  expect(await toldOf(watcher, 'consumerCount')).toEqual([
    'Consumer.Topic.T 1',
    'Consumer.Topic.T 0',
  ]);
});

test('a consumer of several destinations counts at each of them, and has a topic for itself', async () => {
  const broker = await start();
  const watcher = await listener(broker, 'Consumer.>');
  const client = await TestSession.open(await broker.connect());
  await client.consume('a.one,b.two');
  await client.consume('a.>');
  await client.consume('a.one');
  expect(await toldOf(watcher, 'consumerCount')).toEqual([
    'Consumer.Queue.a.one&sbquo;b.two 2',
    'Consumer.Queue.a.> 2',
    'Consumer.Queue.a.one 3',
  ]);
  const late = await listener(broker, 'Consumer.Queue.a.one');
  expect(await toldOf(late, 'consumerCount')).toEqual(['Consumer.Queue.a.one 3']);
});

test('no advisory is made that nobody gets', async () => {
  const everything = { advisoryForDelivery: true, advisoryForConsumed: true };
  const broker = await start({}, undefined, { policies: [{ queue: '>', ...everything }] });
  const client = await TestSession.open(await broker.connect());
  const message = await client.produce();
  for (let count = 0; count < 20; count += 1) await client.request(message('A'));
  const listening = await listener(broker, 'MessageDelivered.Queue.A');
  await client.request(message('A'));
  const advisory = await nextAdvisory(listening);
  // The ids of advisories count those that were made.
  expect(advisory.messageId?.producerSequenceId).toBe(1);
});
