import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TCPWrapper } from '@stomp/tcp-wrapper';
import { beforeAll, expect, test } from 'vitest';
import { compileJava, runJava, startBatonMq, temporaryDirectory } from '@batonmq/services';
import { BrokerPair } from '../src/broker-pair.ts';
import { messagesOf, settled, stompHeaders, stompJsClient } from './stomp-js-client.ts';

const SOURCE = fileURLToPath(new URL('../java/JmsAdvisories.java', import.meta.url));

/** The same that the program gives to an ActiveMQ of its own; that has no advisory for dispatched messages. */
const POLICIES = `
policies:
  - queue: 'told.>'
    advisoryForConsumed: true
    advisoryForDelivery: true
    advisoryForDispatched: true
    advisoryForSlowConsumers: true
    sendAdvisoryIfNoConsumers: true
  - topic: 'told.>'
    advisoryForConsumed: true
    advisoryForDelivery: true
    advisoryForDispatched: true
    advisoryForDiscardingMessages: true
    sendAdvisoryIfNoConsumers: true
    pendingMessageLimitStrategy: { type: constant, limit: 1 }
  - topic: 'slow.>'
    advisoryForSlowConsumers: true
  - queue: 'whole.>'
    advisoryForDelivery: true
    includeBodyForAdvisory: true
  - queue: 'full.>'
    memoryLimit: 20000
    advisoryForFastProducers: true
    advisoryWhenFull: true
`;

/** The names of the scenarios, as the program has them, with the number of advisories that ActiveMQ sends. */
const SCENARIOS = [
  ['master', 1],
  ['master, to everything', 1],
  ['connection', 4],
  ['connection, replayed', 2],
  ['destinations', 4],
  ['temporary destinations', 4],
  ['temporary destinations, replayed', 1],
  ['consumers of a queue', 4],
  ['consumers, replayed', 1],
  ['consumers of a topic', 2],
  ['a wildcard consumer', 3],
  ['a browser', 2],
  ['a durable subscription', 3],
  ['producers', 4],
  ['producers, replayed', 1],
  ['an expired message of a queue', 1],
  ['a dead letter', 1],
  ['a message of a queue', 2],
  ['a message of a topic', 1],
  ['a message with its body', 1],
  ['a message nobody tells of', 0],
  ['nobody consumes', 3],
  ['a slow consumer of a topic', 1],
  ['a message a slow consumer loses', 2],
  ['a full queue', 2],
  ['an advisory consumer', 0],
] as const;

/** docs/reference/activemq-differences.md says in what. */
const OURS_ALONE = [
  ['an expired message of a topic', 'Expired.Topic.e.two'],
  ['a slow consumer of a queue', 'SlowConsumer.Queue.told.slow'],
] as const;

/** What the program says of each scenario, in order, without the scenario. */
async function advisoriesAt(target: string): Promise<ReadonlyMap<string, readonly string[]>> {
  const told = new Map<string, string[]>();
  await using run = runJava(await compileJava(SOURCE), [target], {
    onLine: (line) => {
      const end = line.indexOf(' | ');
      if (end < 0) return;
      const scenario = line.slice(0, end);
      told.set(scenario, [...(told.get(scenario) ?? []), line.slice(end + 3)]);
    },
  });
  await run.exited;
  return told;
}

async function oursAt(): Promise<ReadonlyMap<string, readonly string[]>> {
  await using directory = await temporaryDirectory();
  const config = join(directory.path, 'batonmq.yaml');
  await writeFile(config, POLICIES);
  await using broker = await startBatonMq({ name: 'broker', store: 'memory:', config });
  await broker.becomes('active');
  return await advisoriesAt(broker.uri);
}

let ours: ReadonlyMap<string, readonly string[]>;
let theirs: ReadonlyMap<string, readonly string[]>;

beforeAll(async () => {
  theirs = await advisoriesAt('activemq');
  ours = await oursAt();
}, 180_000);

test.each(SCENARIOS)(
  'what the Java client hears of %s is what ActiveMQ tells',
  (scenario, count) => {
    const control = theirs.get(scenario) ?? [];
    expect(control).toHaveLength(count);
    expect(shared(ours.get(scenario) ?? [])).toEqual(shared(control));
  },
);

test.each(OURS_ALONE)('%s is told of, although ActiveMQ 5.17 does not', (scenario, topic) => {
  expect(theirs.get(scenario) ?? []).toEqual([]);
  expect((ours.get(scenario) ?? []).map((line) => line.split(' | ')[0])).toEqual([topic]);
});

test('a composite consumer is told of where ActiveMQ does, with the consumers of all its parts', () => {
  const [line = ''] = ours.get('a composite consumer') ?? [];
  expect(line).toContain('consumerCount=Integer 2');
  const uncounted = line.replace('consumerCount=Integer 2', 'consumerCount=Integer 0');
  expect([uncounted]).toEqual(theirs.get('a composite consumer'));
});

test('a message that goes to a consumer is told of with the consumer', () => {
  const dispatched = (scenario: string): readonly string[] =>
    (ours.get(scenario) ?? []).filter((line) => line.startsWith('MessageDispatched'));
  for (const kind of ['queue', 'topic']) {
    expect(dispatched(`a message of a ${kind}`)).toEqual([
      expect.stringContaining('{consumerId=String ID, '),
    ]);
  }
});

test('a client that fails over is told who serves now', async () => {
  await using directory = await temporaryDirectory();
  await using pair = await BrokerPair.start({ directory: directory.path });
  await using watching = runJava(await compileJava(SOURCE), ['master', pair.uri]);
  const serving = (): Promise<unknown> => watching.line(new RegExp(`^master ${pair.active.name}$`));
  await expect(serving()).resolves.toBeDefined();
  await pair.killActive();
  await expect(serving()).resolves.toBeDefined();
}, 60_000);

test('a STOMP client reads the properties of an advisory as headers; its body is empty', async () => {
  await using broker = await startBatonMq({ name: 'broker', store: 'memory:' });
  await broker.becomes('active');
  const client = await stompJsClient(() => new TCPWrapper('127.0.0.1', broker.port));
  const topic = '/topic/ActiveMQ.Advisory.Consumer.Queue.seen';
  const coming = messagesOf(client, topic, 1);
  await settled(client, (receipt) => {
    client.subscribe('/queue/seen', () => undefined, stompHeaders({ receipt }));
  });
  const [advisory] = await coming;
  expect(advisory?.body).toBe('');
  expect(advisory?.headers).toMatchObject({
    destination: topic,
    type: 'Advisory',
    consumerCount: '1',
    originBrokerName: 'broker',
  });
  await client.deactivate();
}, 60_000);

/** Without what the other cannot tell, and with the usage that each names in its own way. */
function shared(lines: readonly string[]): readonly string[] {
  return lines
    .filter((line) => !line.startsWith('MessageDispatched'))
    .map((line) => line.replace(/usageCount=Long \d+, usageName=String [^}]+/, 'usage'));
}
