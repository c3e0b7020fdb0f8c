import { freePort } from '@batonmq/services';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connect, type Connection } from '../src/index.ts';
import { startBroker, type TestBroker } from './test-broker.ts';

let broker: TestBroker;
let connection: Connection;

beforeAll(async () => {
  const port = await freePort();
  broker = await startBroker(port);
  connection = await connect(`tcp://127.0.0.1:${port}`, { sendWindowCount: 1 });
});

afterAll(async () => {
  await connection.close();
  await broker[Symbol.asyncDispose]();
});

async function received(queue: string): Promise<readonly (string | undefined)[]> {
  await using consumer = await connection.createConsumer(queue);
  const texts: (string | undefined)[] = [];
  for (;;) {
    const message = await consumer.receive({ timeoutMs: 300 });
    if (message === undefined) return texts;
    texts.push(message.text ?? undefined);
  }
}

test('a commit does not overtake its sends that wait in line', async () => {
  const other = await connection.createProducer('queue://other');
  const session = await connection.createSession({ isTransacted: true });
  const producer = await session.createProducer('queue://committed');
  void other.send('fills the window');
  const sends = ['1', '2', '3'].map((text) => producer.send(text));
  await session.commit();
  await Promise.all(sends);
  expect(await received('queue://committed')).toEqual(['1', '2', '3']);
  await session.close();
});

test('a rollback takes back the sends that wait in line', async () => {
  const other = await connection.createProducer('queue://other');
  const session = await connection.createSession({ isTransacted: true });
  const producer = await session.createProducer('queue://rolled.back');
  void other.send('fills the window');
  const sends = ['1', '2', '3'].map((text) => producer.send(text));
  await session.rollback();
  await Promise.allSettled(sends);
  await producer.send('4');
  await session.commit();
  expect(await received('queue://rolled.back')).toEqual(['4']);
  await session.close();
});

test('a producer that is closed still sends what waits in line', async () => {
  const producer = await connection.createProducer('queue://closed');
  const sends = ['1', '2', '3'].map((text) => producer.send(text));
  await producer.close();
  await Promise.all(sends);
  expect(await received('queue://closed')).toEqual(['1', '2', '3']);
});

test('a session that is closed still sends what waits in line', async () => {
  const session = await connection.createSession();
  const producer = await session.createProducer('queue://closed.session');
  const sends = ['1', '2', '3'].map((text) => producer.send(text));
  await session.close();
  await Promise.all(sends);
  expect(await received('queue://closed.session')).toEqual(['1', '2', '3']);
});
