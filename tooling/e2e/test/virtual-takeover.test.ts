import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect, type Connection } from '@batonmq/client';
import { temporaryDirectory } from '@batonmq/services';
import { expect, test } from 'vitest';
import { BrokerPair } from '../src/broker-pair.ts';

const QUEUES = ['a', 'b', 'c'].map((name) => `Consumer.${name}.VirtualTopic.Orders`);
const AWARE_QUEUE = 'Consumer.a.AWARE.Orders';

const SETTINGS = `
virtualDestinations:
  - { type: virtualTopic, queues: [${QUEUES.join(', ')}] }
  - { type: virtualTopic, name: AWARE.>, selectorAware: true }
`;

/** On their way together, so that some are when the broker dies. */
const SENDS_AT_A_TIME = 50;
const ANSWERED_BEFORE_KILL = 300;
/** Longer than anything takes to arrive that is there. */
const EMPTY_AFTER_MS = 1000;

async function startPair(directory: string, files: string): Promise<BrokerPair> {
  const config = join(files, 'batonmq.yaml');
  await writeFile(config, SETTINGS);
  return BrokerPair.start({ directory, config });
}

async function received(connection: Connection, queue: string): Promise<readonly string[]> {
  const session = await connection.createSession();
  const consumer = await session.createConsumer(`queue://${queue}`);
  const texts: string[] = [];
  for (;;) {
    const message = await consumer.receive({ timeoutMs: EMPTY_AFTER_MS });
    if (message === undefined) return texts;
    texts.push(message.text ?? '');
    await message.acknowledge();
  }
}

test('a kill in the middle of sends leaves each message in all queues of its virtual topic or in none', async () => {
  await using directory = await temporaryDirectory();
  await using files = await temporaryDirectory();
  await using pair = await startPair(directory.path, files.path);
  // Without failover: what was not answered is not sent again.
  const sender = await connect(pair.active.uri);
  const producer = await sender.createProducer('topic://VirtualTopic.Orders');
  const answered: string[] = [];
  let sentCount = 0;
  let killed: Promise<unknown> | undefined;
  const sendUntilKilled = async (): Promise<void> => {
    for (;;) {
      sentCount += 1;
      const text = String(sentCount);
      await producer.send(text);
      answered.push(text);
      if (answered.length === ANSWERED_BEFORE_KILL) killed = pair.killActive();
    }
  };
  await Promise.allSettled(Array.from({ length: SENDS_AT_A_TIME }, sendUntilKilled));
  await killed;
  await using receiver = await connect(pair.uri);
  const [first = [], ...others] = await Promise.all(
    QUEUES.map((queue) => received(receiver, queue)),
  );
  for (const other of others) expect(other).toEqual(first);
  expect(first).toEqual(expect.arrayContaining(answered));
  expect(new Set(first).size).toBe(first.length);
}, 60_000);

test('what a consumer that is away wanted of a selector-aware topic is known after a kill', async () => {
  await using directory = await temporaryDirectory();
  await using files = await temporaryDirectory();
  await using pair = await startPair(directory.path, files.path);
  await using connection = await connect(pair.uri);
  const session = await connection.createSession();
  const selector = "region = 'eu'";
  const consumer = await session.createConsumer(`queue://${AWARE_QUEUE}`, { selector });
  await consumer.close();
  await pair.killActive();
  const producer = await session.createProducer('topic://AWARE.Orders');
  for (const region of ['us', 'eu', 'asia', 'eu']) {
    await producer.send({ text: region, properties: { region } });
  }
  expect(await received(connection, AWARE_QUEUE)).toEqual(['eu', 'eu']);
}, 60_000);
