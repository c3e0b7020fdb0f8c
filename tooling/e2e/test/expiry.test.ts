import { setTimeout } from 'node:timers/promises';
import { connect, type Connection } from '@batonmq/client';
import { temporaryDirectory } from '@batonmq/services';
import { expect, test } from 'vitest';
import { BrokerPair } from '../src/broker-pair.ts';

/** More than the window of a queue, so that most are in the store alone. */
const MESSAGE_COUNT = 3000;
const TIME_TO_LIVE_MS = 4000;
const SILENCE_MS = 1500;

async function receivedFrom(connection: Connection, queue: string): Promise<readonly string[]> {
  const consumer = await connection.createConsumer(queue);
  const ids: string[] = [];
  for (;;) {
    const message = await consumer.receive({ timeoutMs: SILENCE_MS });
    if (message === undefined) break;
    ids.push(message.id);
  }
  await consumer.close();
  return ids;
}

test('what expires while brokers are killed is a dead letter once, with nobody consuming from its queue', async () => {
  await using directory = await temporaryDirectory();
  await using pair = await BrokerPair.start({ directory: directory.path });
  await using connection = await connect(pair.uri);
  const producer = await connection.createProducer('queue://DYING');
  const sentAt = performance.now();
  await Promise.all(
    Array.from({ length: MESSAGE_COUNT }, (_, index) =>
      producer.send(String(index), index % 3 === 0 ? {} : { timeToLiveMs: TIME_TO_LIVE_MS }),
    ),
  );
  await pair.killActive();
  await pair.restartStandby();
  // The next kill comes while the expired ones are being moved.
  await producer.send('lives');
  const leftMs = Math.max(0, TIME_TO_LIVE_MS - (performance.now() - sentAt));
  await setTimeout(leftMs + 1000);
  await pair.killActive();
  await producer.send('lives');
  const letters = new Set<string>();
  let letterCount = 0;
  while (letterCount < (MESSAGE_COUNT * 2) / 3) {
    const ids = await receivedFrom(connection, 'queue://ActiveMQ.DLQ');
    expect(ids.length).toBeGreaterThan(0);
    letterCount += ids.length;
    for (const id of ids) letters.add(id);
  }
  const living = await receivedFrom(connection, 'queue://DYING');
  expect([letterCount, letters.size, living.length]).toEqual([2000, 2000, 1002]);
}, 120_000);
