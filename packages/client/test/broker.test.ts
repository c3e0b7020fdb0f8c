import { BrokerError } from '@batonmq/model';
import { createMemorySpace } from '@batonmq/store-memory';
import { freePort, freePorts } from '@batonmq/services';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect, type Connection } from '../src/index.ts';
import { CuttingProxy, type Direction } from './cutting-proxy.ts';
import { startBroker, TestBroker } from './test-broker.ts';

/** The texts in a queue, oldest first, which is empty afterwards. */
async function drain(connection: Connection, queue: string, count: number): Promise<string[]> {
  await using consumer = await connection.createConsumer(queue);
  const texts: string[] = [];
  for (let index = 0; index < count; index++) {
    texts.push((await consumer.receive({ timeoutMs: 2_000 }))?.text ?? 'missing');
  }
  const surplus = await consumer.receive({ timeoutMs: 20 });
  if (surplus !== undefined) texts.push(`surplus: ${surplus.text ?? ''}`);
  return texts;
}

describe('cut at any point, a client of BatonMQ loses nothing and repeats nothing', () => {
  const TEXTS = Array.from({ length: 6 }, (_, index) => `m${index}`);
  const POINTS = 40;
  let port: number;
  let broker: TestBroker;
  let direct: Connection;
  let runs = 0;

  beforeAll(async () => {
    port = await freePort();
    broker = await startBroker(port);
    direct = await connect(`tcp://127.0.0.1:${port}`);
  });

  afterAll(async () => {
    await direct.close();
    await broker[Symbol.asyncDispose]();
  });

  /** Sends, commits a transaction, and says what the client was told about each. */
  async function work(proxy: CuttingProxy, queue: string): Promise<{ isCommitted: boolean }> {
    await using connection = await connect(`failover:(${proxy.uri})`);
    const producer = await connection.createProducer(queue);
    const session = await connection.createSession({ isTransacted: true });
    const inTransaction = await session.createProducer(`${queue}.tx`);
    const sends = TEXTS.map((text) => producer.send(text));
    await inTransaction.send('t1');
    await inTransaction.send('t2');
    const commit = session.commit().then(
      () => true,
      (error: unknown) => {
        if (error instanceof BrokerError && error.code === 'BATON_TRANSACTION_ROLLED_BACK')
          return false;
        throw error;
      },
    );
    await Promise.all(sends);
    return { isCommitted: await commit };
  }

  async function check(cut?: { direction: Direction; afterBytes: number }): Promise<CuttingProxy> {
    const queue = `queue://cut.${runs++}`;
    await using proxy = await CuttingProxy.start(port, cut);
    const { isCommitted } = await work(proxy, queue);
    expect(await drain(direct, queue, TEXTS.length), JSON.stringify(cut)).toEqual(TEXTS);
    const transacted = isCommitted ? ['t1', 't2'] : [];
    expect(await drain(direct, `${queue}.tx`, transacted.length), JSON.stringify(cut)).toEqual(
      transacted,
    );
    if (cut !== undefined) expect(proxy.connectionCount).toBeGreaterThan(1);
    return proxy;
  }

  test.each<Direction>(['to-broker', 'to-client'])(
    '%s',
    async (direction) => {
      const { passed } = await check();
      // Closing takes the last bytes; a cut there is not one of the work's.
      const bytes = passed[direction] * 0.85;
      for (let point = 1; point <= POINTS; point++) {
        await check({ direction, afterBytes: Math.ceil((bytes * point) / POINTS) });
      }
    },
    60_000,
  );
});

describe('two brokers in line for one store', () => {
  test('clients move to the next one within a few tens of milliseconds of its listening', async () => {
    const [first, second] = (await freePorts(2)) as [number, number];
    const space = createMemorySpace();
    await using active = new TestBroker(space, 'active', first);
    await using standby = new TestBroker(space, 'standby', second);
    await active.start();
    await active.listening;
    await standby.start();
    await using connection = await connect(
      `failover:(tcp://127.0.0.1:${first},tcp://127.0.0.1:${second})`,
    );
    const resumedAt = new Promise<number>((resolve) => {
      connection.on('resumed', () => {
        resolve(performance.now());
      });
    });
    const producer = await connection.createProducer('queue://takeover');
    const consumer = await connection.createConsumer('queue://takeover', { acknowledge: 'client' });
    await producer.send('before');
    const before = await consumer.receive();
    expect(before?.text).toBe('before');

    const gone = active.vanish();
    const during = producer.send('during');
    await standby.listening;
    const listeningAt = performance.now();
    await gone;
    // Eager reconnects are at most 20 ms apart; the rest is room for a busy machine.
    expect((await resumedAt) - listeningAt).toBeLessThan(150);
    await during;
    expect(before?.isStale).toBe(true);
    const again = await consumer.receive();
    expect([again?.text, again?.isRedelivered]).toEqual(['before', true]);
    const last = await consumer.receive();
    expect(last?.text).toBe('during');
    await last?.acknowledge();
    expect(await consumer.receive({ timeoutMs: 20 })).toBeUndefined();
  });
});

describe('every kind of work at a BatonMQ broker', () => {
  let broker: TestBroker;
  let connection: Connection;

  beforeAll(async () => {
    const port = await freePort();
    broker = await startBroker(port);
    connection = await connect(`failover:(tcp://127.0.0.1:${port})`);
  });

  afterAll(async () => {
    await connection.close();
    await broker[Symbol.asyncDispose]();
  });

  test('request and reply', async () => {
    await using questions = await connection.createConsumer('queue://questions');
    questions.listen(async (question) => {
      await connection.reply(question, `re: ${question.text ?? ''}`);
    });
    const answer = await connection.request('queue://questions', 'a');
    expect(answer.text).toBe('re: a');
  });

  test('browsing takes nothing away', async () => {
    const producer = await connection.createProducer('queue://browse');
    await producer.sendAll(['1', '2', '3']);
    const seen: unknown[] = [];
    for await (const { text } of connection.browse('queue://browse')) seen.push(text);
    expect(seen).toEqual(['1', '2', '3']);
    expect(await drain(connection, 'queue://browse', 3)).toEqual(['1', '2', '3']);
  });

  test('a loop over many messages acks them all', async () => {
    const texts = Array.from({ length: 5_000 }, (_, index) => `m${index}`);
    const producer = await connection.createProducer('queue://many');
    await producer.sendAll(texts);
    for (const [acknowledge, from] of [
      ['auto', 0],
      ['dups-ok', 2_500],
    ] as const) {
      const seen: unknown[] = [];
      const consumer = await connection.createConsumer('queue://many', {
        acknowledge,
        prefetchCount: 100,
      });
      for await (const message of consumer) {
        seen.push(message.text);
        if (seen.length < 2_500) continue;
        // Leaving the loop gives the last one back unless it is acknowledged.
        await message.acknowledge();
        break;
      }
      await consumer.close();
      expect(seen).toEqual(texts.slice(from, from + 2_500));
    }
    expect(await drain(connection, 'queue://many', 0)).toEqual([]);
  });

  test('a durable subscription keeps what arrives while nobody listens, until it is given up', async () => {
    const { uri } = connection.status;
    await using reader = await connect(uri ?? '', { clientId: 'reader' });
    const options = { subscriptionName: 'mine' };
    const consumer = await reader.createConsumer('topic://kept.>', options);
    await expect(reader.createConsumer('topic://kept.>', options)).rejects.toMatchObject({
      code: 'BATON_INVALID_STATE',
    });
    await expect(reader.unsubscribe('mine')).rejects.toMatchObject({ code: 'BATON_INVALID_STATE' });
    await consumer.close();
    await (await connection.createProducer('topic://kept.1')).send('while away');
    const again = await reader.createConsumer('topic://kept.>', options);
    const message = await again.receive();
    expect([message?.text, message?.destination?.key]).toEqual(['while away', 'topic://kept.1']);
    await again.close();
    await reader.unsubscribe('mine');
    await expect(reader.unsubscribe('mine')).rejects.toMatchObject({
      code: 'BATON_INVALID_DESTINATION',
    });
  });

  test('a failing listener gets its message again, then the dead letter queue does', async () => {
    const { uri } = connection.status;
    await using other = await connect(
      `${uri ?? ''}?jms.redeliveryPolicy.maximumRedeliveries=1&jms.redeliveryPolicy.initialRedeliveryDelay=0`,
    );
    const errors: Error[] = [];
    other.on('error', ({ error }) => errors.push(error));
    const producer = await other.createProducer('queue://bad');
    await using consumer = await other.createConsumer('queue://bad');
    consumer.listen(() => {
      throw new Error('cannot');
    });
    await producer.send('x');
    await using dead = await other.createConsumer('queue://ActiveMQ.DLQ');
    expect((await dead.receive())?.text).toBe('x');
    expect(errors.map(({ message }) => message)).toEqual(['cannot', 'cannot']);
  });
});
