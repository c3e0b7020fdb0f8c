/** Messages that a prepared transaction acked before a takeover, while the backlog around them is read. */
import type { XaTransactionId } from '@batonmq/model';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ackOf, receipt, TestClient, TestWorld } from './test-client.ts';

const COUNT = 40;
/** Every message of the first page and some of later ones. */
const HELD = [1, 2, 3, 4, 9, 15, 30];
const READ_MS = 50;

let world: TestWorld;
beforeEach(() => {
  world = new TestWorld();
});
afterEach(() => world.end());

const ID: XaTransactionId = {
  kind: 'xa',
  formatId: 86,
  globalTransactionId: Buffer.from('t'),
  branchQualifier: Buffer.from('b'),
};

/** A client at a broker that took over: of the messages 1 to 40 in A a prepared transaction acked some. */
async function takenOver(): Promise<TestClient> {
  const settings = { queueWindowMessages: 16, pageMessages: 4 };
  const options = { latencyMs: 2, readLatencyMs: READ_MS };
  const first = await world.broker(settings, options);
  const second = await world.broker(settings, options);
  const client = new TestClient(world, first);
  for (let number = 1; number <= COUNT; number += 1) await client.send('A', `${number}`);
  const consumer = client.consume('A');
  await world.elapse(2000);
  client.connection.beginTransaction(ID);
  for (const delivery of consumer.deliveries) {
    if (!HELD.includes(Number(consumer.texts[consumer.deliveries.indexOf(delivery)]))) continue;
    const rest = { kind: 'individual', transactionId: ID } as const;
    consumer.subscription.ack(ackOf(undefined, delivery, rest));
  }
  client.connection.prepareTransaction(ID, { settled: () => undefined });
  await world.elapse(100);
  world.space.depose();
  await world.elapse(100);
  return new TestClient(world, second, 'c', true);
}

const VERDICTS = [
  { verdict: 'committed', isCommit: true },
  { verdict: 'rolled back', isCommit: false },
];

describe.each(VERDICTS)('what a prepared transaction acked, which is $verdict', ({ isCommit }) => {
  const wanted = Array.from({ length: COUNT }, (_, index) => index + 1)
    .filter((number) => !isCommit || !HELD.includes(number))
    .map(String);

  function end(client: TestClient): void {
    const { connection } = client;
    if (isCommit) connection.commitPreparedTransaction(ID, receipt());
    else connection.rollbackTransaction(ID, receipt());
  }

  test.each([
    { when: 'before anybody consumes', selector: undefined, pauseMs: undefined },
    { when: 'while the first page is read', selector: undefined, pauseMs: 10 },
    { when: 'while a later page is read', selector: undefined, pauseMs: 2.5 * READ_MS },
    { when: 'while a selector reads', selector: 'kind IS NULL', pauseMs: 10 },
    { when: 'while a selector reads on', selector: 'kind IS NULL', pauseMs: 2.5 * READ_MS },
  ])('$when, is consumed once', async ({ selector, pauseMs }) => {
    const client = await takenOver();
    if (pauseMs === undefined) {
      end(client);
      await world.elapse(1000);
    }
    const consumer = client.consume('A', { selector }).ackAtOnce();
    if (pauseMs !== undefined) {
      await world.elapse(pauseMs);
      end(client);
    }
    await world.elapse(5000);
    expect([...consumer.texts].sort((one, other) => Number(one) - Number(other))).toEqual(wanted);
  });
});
