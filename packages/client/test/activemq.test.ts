import { freePort, startActiveMq, temporaryDirectory, type ActiveMq } from '@batonmq/services';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect, int, type Connection, type ReceivedMessage } from '../src/index.ts';

/** Takes messages until one does not come for a while, and gives their texts. */
async function drain(connection: Connection, queue: string, timeoutMs = 300): Promise<string[]> {
  await using consumer = await connection.createConsumer(queue);
  const texts: string[] = [];
  for (;;) {
    const message = await consumer.receive({ timeoutMs: texts.length === 0 ? 3_000 : timeoutMs });
    if (message === undefined) return texts;
    texts.push(message.text ?? '');
  }
}

describe('against a real ActiveMQ 5.17', () => {
  let broker: ActiveMq;
  let connection: Connection;

  beforeAll(async () => {
    broker = await startActiveMq();
    connection = await connect(`failover:(${broker.uri})`);
  });

  afterAll(async () => {
    await connection.close();
    await broker[Symbol.asyncDispose]();
  });

  test('a consumer is what the name of its destination says', async () => {
    await using plain = await connection.createConsumer('named');
    await using exclusive = await connection.createConsumer('named?consumer.exclusive=true');
    const producer = await connection.createProducer('named');
    await producer.send('one');
    expect((await exclusive.receive({ timeoutMs: 3_000 }))?.text).toBe('one');
    expect(await plain.receive({ timeoutMs: 50 })).toBeUndefined();
  });

  test('a message arrives with its body, header and typed properties', async () => {
    const producer = await connection.createProducer('queue://types');
    const receipt = await producer.send(
      {
        text: 'žluťoučký kůň 🐎',
        properties: { count: 5, ratio: 0.5, name: 'n', yes: true, big: 2n ** 53n, small: int(7) },
        correlationId: 'c-1',
        type: 'kind',
        replyTo: 'topic://answers',
        groupId: 'g',
      },
      { priority: 7, timeToLiveMs: 60_000 },
    );
    await producer.send(new Uint8Array([1, 2, 3]));
    await producer.send({ map: { a: 1, b: [1, 'x'] } });
    await producer.send({ stream: [1, 'two', new Uint8Array([3])] });
    await using consumer = await connection.createConsumer('queue://types');
    const first = await consumer.receive();
    expect(first?.text).toBe('žluťoučký kůň 🐎');
    expect(first?.id).toBe(receipt.messageId);
    expect({ ...first?.properties }).toEqual({
      count: 5,
      ratio: 0.5,
      name: 'n',
      yes: true,
      big: 2n ** 53n,
      small: 7,
    });
    expect(first).toMatchObject({
      correlationId: 'c-1',
      type: 'kind',
      groupId: 'g',
      priority: 7,
      isPersistent: true,
    });
    expect(first?.replyTo?.key).toBe('topic://answers');
    expect([...((await consumer.receive())?.bytes ?? [])]).toEqual([1, 2, 3]);
    expect({ ...(await consumer.receive())?.map }).toEqual({ a: 1, b: [1, 'x'] });
    expect((await consumer.receive())?.stream).toEqual([1, 'two', new Uint8Array([3])]);
  });

  test.each(['tightEncodingEnabled=true&wireFormat.cacheEnabled=true', 'version=6'])(
    'the encoding wireFormat.%s works as well',
    async (options) => {
      await using other = await connect(`${broker.uri}?wireFormat.${options}`);
      const producer = await other.createProducer('queue://encodings');
      for (let index = 0; index < 20; index++) {
        await producer.send({ text: `m${index}`, properties: { index } });
      }
      expect(await drain(other, 'queue://encodings')).toHaveLength(20);
    },
  );

  test('auto: what the loop has finished is gone, what it left early is delivered again', async () => {
    const producer = await connection.createProducer('queue://auto');
    await producer.sendAll(['one', 'two', 'three']);
    {
      await using consumer = await connection.createConsumer('queue://auto');
      for await (const message of consumer) if (message.text === 'two') break;
    }
    expect(await drain(connection, 'queue://auto')).toEqual(['two', 'three']);
  });

  test('client: acknowledging one acknowledges all delivered before it', async () => {
    const producer = await connection.createProducer('queue://client');
    await producer.sendAll(['1', '2', '3', '4', '5', '6', '7', '8']);
    {
      await using consumer = await connection.createConsumer('queue://client', {
        acknowledge: 'client',
        prefetchCount: 2,
      });
      const seen: (ReceivedMessage | undefined)[] = [];
      for (let count = 0; count < 5; count++) seen.push(await consumer.receive());
      await seen[4]?.acknowledge();
      await consumer.receive();
    }
    expect(await drain(connection, 'queue://client')).toEqual(['6', '7', '8']);
  });

  test('individual: only what was acknowledged is gone', async () => {
    const producer = await connection.createProducer('queue://individual');
    await producer.sendAll(['1', '2', '3']);
    {
      await using consumer = await connection.createConsumer('queue://individual', {
        acknowledge: 'individual',
      });
      await consumer.receive();
      const second = await consumer.receive();
      await second?.acknowledge();
    }
    expect(await drain(connection, 'queue://individual')).toEqual(['1', '3']);
  });

  test('a transaction shows nothing before its commit and all of it after', async () => {
    const session = await connection.createSession({ isTransacted: true });
    const producer = await session.createProducer('queue://tx');
    await producer.send('a');
    await producer.send('b');
    await using watcher = await connection.createConsumer('queue://tx');
    expect(await watcher.receive({ timeoutMs: 200 })).toBeUndefined();
    await session.commit();
    expect((await watcher.receive())?.text).toBe('a');
    expect((await watcher.receive())?.text).toBe('b');
    await producer.send('never');
    await session.rollback();
    expect(await watcher.receive({ timeoutMs: 200 })).toBeUndefined();
    await session.close();
  });

  test('a rolled back delivery comes again with a higher count, then to the dead letter queue', async () => {
    const uri = `${broker.uri}?jms.redeliveryPolicy.maximumRedeliveries=1&jms.redeliveryPolicy.initialRedeliveryDelay=0`;
    await using other = await connect(uri);
    const producer = await other.createProducer('queue://poison');
    await producer.sendAll(['bad', 'good']);
    const session = await other.createSession({ isTransacted: true });
    const consumer = await session.createConsumer('queue://poison');
    const counts: (number | undefined)[] = [];
    for (let round = 0; round < 2; round++) {
      const message = await consumer.receive();
      expect(message?.text).toBe('bad');
      counts.push(message?.redeliveryCount);
      await session.rollback();
    }
    expect(counts).toEqual([0, 1]);
    expect((await consumer.receive())?.text).toBe('good');
    await session.commit();
    await session.close();
    expect(await drain(other, 'queue://ActiveMQ.DLQ')).toEqual(['bad']);
  });

  test('prefetch 0 asks for each message', async () => {
    const producer = await connection.createProducer('queue://pull');
    await using consumer = await connection.createConsumer('queue://pull', { prefetchCount: 0 });
    expect(await consumer.receive({ timeoutMs: 0 })).toBeUndefined();
    expect(await consumer.receive({ timeoutMs: 50 })).toBeUndefined();
    await producer.sendAll(['x', 'y']);
    expect((await consumer.receive())?.text).toBe('x');
    expect(consumer.bufferedCount).toBe(0);
    expect((await consumer.receive({ timeoutMs: 0 }))?.text).toBe('y');
  });

  test('a browse shows a queue and leaves it as it is', async () => {
    const producer = await connection.createProducer('queue://browse');
    const sent = Array.from({ length: 300 }, (_, index) => `m${index}`);
    await producer.sendAll(sent);
    const seen: (string | null | undefined)[] = [];
    for await (const message of connection.browse('queue://browse')) seen.push(message.text);
    expect(seen).toEqual(sent);
    expect(await drain(connection, 'queue://browse')).toEqual(sent);
  });

  test('request and reply over a temporary queue', async () => {
    await using server = await connect(broker.uri);
    await using questions = await server.createConsumer('queue://questions');
    questions.listen(async (question) => {
      await server.reply(question, `re: ${question.text ?? ''}`);
    });
    const answers = await Promise.all(
      ['a', 'b', 'c'].map((text) => connection.request('queue://questions', text)),
    );
    expect(answers.map(({ text }) => text)).toEqual(['re: a', 're: b', 're: c']);
    await expect(
      connection.request('queue://nobody', '?', { timeoutMs: 50 }),
    ).rejects.toMatchObject({
      code: 'BATON_TIMEOUT',
    });
  });

  test('topics reach every consumer, selectors choose', async () => {
    await using all = await connection.createConsumer('topic://news');
    await using some = await connection.createConsumer('topic://news', { selector: 'n > 1' });
    const producer = await connection.createProducer('topic://news');
    await producer.send({ text: 'one', properties: { n: 1 } }, { isPersistent: false });
    await producer.send({ text: 'two', properties: { n: 2 } }, { isPersistent: false });
    expect([(await all.receive())?.text, (await all.receive())?.text]).toEqual(['one', 'two']);
    expect((await some.receive())?.text).toBe('two');
  });

  test('a durable subscription keeps what arrives while nobody listens', async () => {
    await using reader = await connect(broker.uri, { clientId: 'reader' });
    const options = { subscriptionName: 'mine' };
    await (await reader.createConsumer('topic://kept', options)).close();
    await (await connection.createProducer('topic://kept')).send('while away');
    const again = await reader.createConsumer('topic://kept', options);
    expect((await again.receive())?.text).toBe('while away');
    await again.close();
    await reader.unsubscribe('mine');
    await expect(reader.unsubscribe('mine')).rejects.toMatchObject({
      code: 'BATON_INVALID_DESTINATION',
    });
  });

  test('refusals come with the code that says what to do', async () => {
    await expect(connection.createConsumer('queue://x', { selector: '((' })).rejects.toMatchObject({
      code: 'BATON_INVALID_SELECTOR',
    });
    await using one = await connect(broker.uri, { clientId: 'unique' });
    await expect(connect(`failover:(${broker.uri})`, { clientId: 'unique' })).rejects.toMatchObject(
      {
        code: 'BATON_INVALID_CLIENT_ID',
      },
    );
    expect(one.status.state).toBe('connected');
  });
});

test('failover: across kill -9 and restart, no answered send is lost and none is stored twice', async () => {
  await using directory = await temporaryDirectory();
  const port = await freePort();
  let broker = await startActiveMq({ port, directory: directory.path });
  try {
    await using connection = await connect(`failover:(tcp://127.0.0.1:${port})`, {
      sendTimeoutMs: 60_000,
      requestTimeoutMs: 60_000,
    });
    const happened: string[] = [];
    connection.on('interrupted', () => happened.push('interrupted'));
    connection.on('resumed', () => happened.push('resumed'));
    const producer = await connection.createProducer('queue://survive');
    const transacted = await connection.createSession({ isTransacted: true });
    const inTransaction = await transacted.createProducer('queue://survive');
    await inTransaction.send('t1');

    const answered: string[] = [];
    const send = async (text: string): Promise<void> => {
      await producer.send(text);
      answered.push(text);
    };
    const sends = Array.from({ length: 200 }, (_, index) => send(`m${index}`));
    await sends[20];
    await broker.kill();
    broker = await startActiveMq({ port, directory: directory.path });
    await Promise.all(sends);
    // Begun before the kill: its sends are replayed.
    await inTransaction.send('t2');
    await transacted.commit();
    expect(happened).toEqual(['interrupted', 'resumed']);

    const texts = await drain(connection, 'queue://survive');
    expect(new Set(texts)).toEqual(new Set([...answered, 't1', 't2']));
    expect(texts).toHaveLength(answered.length + 2);
    const plain = texts.filter((text) => text.startsWith('m'));
    expect(plain).toEqual(answered);
  } finally {
    await broker[Symbol.asyncDispose]();
  }
}, 120_000);
