import { afterAll, beforeAll, expect, test } from 'vitest';
import { startBroker, type LiveBroker } from './live-broker.ts';
import type { RawClient } from './raw-client.ts';

let broker: LiveBroker;

beforeAll(async () => {
  broker = await startBroker(
    {},
    {
      policies: [
        { queue: 'BLOCK.>', maxMessages: 2 },
        { queue: 'FAIL.>', maxMessages: 2, sendFailIfNoSpace: true },
        { queue: 'ONE.>', maxConsumers: 1 },
      ],
    },
  );
});

afterAll(async () => {
  await broker.stop();
});

async function fill(client: RawClient, queue: string): Promise<void> {
  for (const body of ['0', '1']) {
    await client.sendSettled('SEND', { destination: queue, persistent: 'true' }, body);
  }
}

async function consume(queue: string, count: number): Promise<string[]> {
  const client = await broker.connect();
  client.send('SUBSCRIBE', { id: 's', destination: queue });
  const bodies: string[] = [];
  while (bodies.length < count) bodies.push((await client.next('MESSAGE')).body.toString());
  await client.sendSettled('UNSUBSCRIBE', { id: 's' });
  return bodies;
}

test('the RECEIPT of a SEND to a full queue comes when there is room', async () => {
  const client = await broker.connect();
  await fill(client, '/queue/BLOCK.A');
  const headers = { destination: '/queue/BLOCK.A', persistent: 'true', receipt: 'waits' };
  client.send('SEND', headers, '2');
  // The receipt of what comes after it overtakes it: the connection is not blocked.
  await client.sendSettled('SEND', { destination: '/queue/elsewhere' }, 'x');
  expect(await consume('/queue/BLOCK.A', 3)).toEqual(['0', '1', '2']);
  expect((await client.next('RECEIPT')).headers['receipt-id']).toBe('waits');
});

test.each([{ receipt: 'r' }, {}])(
  'a SEND to a queue that lets nobody wait is an ERROR, with %j',
  async (headers) => {
    const client = await broker.connect();
    const queue = `/queue/FAIL.${'receipt' in headers ? 'A' : 'B'}`;
    await fill(client, queue);
    client.send('SEND', { destination: queue, persistent: 'true', ...headers }, '2');
    const error = (await client.next('ERROR')).body.toString();
    expect(error).toMatch(
      /queue:\/\/FAIL\.. has no room .*"maxMessages" allows 2 .*\[BATON_LIMIT\]/,
    );
    expect(await consume(queue, 2)).toEqual(['0', '1']);
  },
);

test('a COMMIT of sends to a full queue that lets nobody wait is an ERROR, and none is seen', async () => {
  const client = await broker.connect();
  await fill(client, '/queue/FAIL.TX');
  client.send('BEGIN', { transaction: 't' });
  const headers = { destination: '/queue/FAIL.TX', persistent: 'true', transaction: 't' };
  await client.sendSettled('SEND', headers, '2');
  client.send('COMMIT', { transaction: 't', receipt: 'r' });
  expect((await client.next('ERROR')).body.toString()).toContain('[BATON_TRANSACTION_ROLLED_BACK]');
  expect(await consume('/queue/FAIL.TX', 2)).toEqual(['0', '1']);
});

test('a SUBSCRIBE beyond "maxConsumers" is an ERROR', async () => {
  const first = await broker.connect();
  await first.sendSettled('SUBSCRIBE', { id: 's', destination: '/queue/ONE.A' });
  const second = await broker.connect();
  second.send('SUBSCRIBE', { id: 's', destination: '/queue/ONE.A' });
  expect((await second.next('ERROR')).body.toString()).toMatch(/"maxConsumers".*\[BATON_LIMIT\]/);
});
