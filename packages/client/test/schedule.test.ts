import { freePort } from '@batonmq/services';
import { expect, test } from 'vitest';
import { connect } from '../src/index.ts';
import { startBroker } from './test-broker.ts';

test('a broker delivers a message by the schedule it was sent with', async () => {
  const port = await freePort();
  await using broker = await startBroker(port);
  await broker.listening;
  await using connection = await connect(`tcp://127.0.0.1:${port}`);
  const producer = await connection.createProducer('A', { schedule: { delayMs: 300 } });
  await using consumer = await connection.createConsumer('A');
  await producer.send('later');
  await producer.send('sooner', { schedule: { periodMs: 50, repeatCount: 1 } });
  const texts: (string | null | undefined)[] = [];
  while (texts.length < 3) texts.push((await consumer.receive({ timeoutMs: 5_000 }))?.text);
  expect(texts).toEqual(['sooner', 'sooner', 'later']);
});
