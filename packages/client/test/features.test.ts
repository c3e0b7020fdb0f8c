import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect, type Connection, type Consumer } from '../src/index.ts';
import { BROKERS, type RunningBroker } from './both-brokers.ts';

/** Long enough to see that nothing comes. */
const SILENCE_MS = 150;

async function texts(consumer: Consumer): Promise<readonly (string | null | undefined)[]> {
  const received: (string | null | undefined)[] = [];
  for (;;) {
    const timeoutMs = received.length === 0 ? 2_000 : SILENCE_MS;
    const message = await consumer.receive({ timeoutMs });
    if (message === undefined) return received;
    received.push(message.text);
  }
}

describe.each(BROKERS)('at $name', ({ start }) => {
  let broker: RunningBroker;
  let connection: Connection;

  beforeAll(async () => {
    broker = await start();
    connection = await connect(broker.uri, { clientId: 'features' });
  });

  afterAll(async () => {
    await connection.close();
    await broker.stop();
  });

  test('an exclusive consumer gets everything', async () => {
    await using plain = await connection.createConsumer('queue://exclusive');
    const options = { isExclusive: true };
    await using exclusive = await connection.createConsumer('queue://exclusive', options);
    await (await connection.createProducer('queue://exclusive')).sendAll(['1', '2', '3']);
    expect(await texts(exclusive)).toEqual(['1', '2', '3']);
    expect(plain.bufferedCount).toBe(0);
  });

  test('a consumer of higher priority goes first', async () => {
    await using lower = await connection.createConsumer('queue://priority', { priority: -5 });
    await using higher = await connection.createConsumer('queue://priority', { priority: 5 });
    await (await connection.createProducer('queue://priority')).sendAll(['1', '2', '3']);
    expect(await texts(higher)).toEqual(['1', '2', '3']);
    expect(lower.bufferedCount).toBe(0);
  });

  test('noLocal leaves out what the own connection sends', async () => {
    await using other = await connect(broker.uri);
    await using deaf = await connection.createConsumer('topic://local', { noLocal: true });
    await using hearing = await connection.createConsumer('topic://local');
    await (await connection.createProducer('topic://local')).send('own');
    await (await other.createProducer('topic://local')).send('foreign');
    expect(await texts(deaf)).toEqual(['foreign']);
    expect(await texts(hearing)).toEqual(['own', 'foreign']);
  });

  test('a group stays with one consumer, which sees when it begins', async () => {
    await using first = await connection.createConsumer('queue://groups');
    await using second = await connection.createConsumer('queue://groups');
    const producer = await connection.createProducer('queue://groups');
    for (const [index, text] of ['1', '2', '3'].entries()) {
      await producer.send({ text, groupId: 'g', groupSequence: index + 1 });
    }
    const early = await first.receive({ timeoutMs: SILENCE_MS });
    const owner = early === undefined ? second : first;
    const begin = early ?? (await second.receive());
    const group = { groupId: 'g', groupSequence: 1, isFirstForConsumer: true };
    expect(begin).toMatchObject({ text: '1', ...group });
    expect(await owner.receive()).toMatchObject({ text: '2', isFirstForConsumer: false });
    expect(await texts(owner)).toEqual(['3']);
  });

  test('a durable subscription keeps what its selector wants, also without its consumer', async () => {
    const options = { subscriptionName: 'reds', selector: "colour = 'red'" };
    await (await connection.createConsumer('topic://colours', options)).close();
    const producer = await connection.createProducer('topic://colours');
    for (const colour of ['red', 'blue', 'red']) {
      await producer.send({ text: colour, properties: { colour } });
    }
    const consumer = await connection.createConsumer('topic://colours', options);
    expect(await texts(consumer)).toEqual(['red', 'red']);
    await consumer.close();
    await connection.unsubscribe('reds');
  });

  test('a temporary topic reaches its consumers and ends when it is deleted', async () => {
    const topic = await connection.createTemporaryTopic();
    const one = await connection.createConsumer(topic);
    const two = await connection.createConsumer(topic);
    await using other = await connect(broker.uri);
    await (await other.createProducer(topic)).send('to both', { isPersistent: false });
    expect(await texts(one)).toEqual(['to both']);
    expect(await texts(two)).toEqual(['to both']);
    await one.close();
    await two.close();
    await connection.deleteTemporary(topic);
    await expect(connection.deleteTemporary(topic)).rejects.toMatchObject({
      code: 'BATON_INVALID_DESTINATION',
    });
  });

  test('an answer over a temporary queue of another connection', async () => {
    const replyTo = await connection.createTemporaryQueue();
    await using answers = await connection.createConsumer(replyTo);
    await using other = await connect(broker.uri);
    await using questions = await other.createConsumer('queue://asked');
    const producer = await connection.createProducer('queue://asked');
    await producer.send({ text: 'why?', replyTo, correlationId: 'c' });
    const question = await questions.receive();
    if (question === undefined) throw new Error('no question');
    await other.reply(question, 'because');
    expect(await answers.receive()).toMatchObject({ text: 'because', correlationId: 'c' });
  });

  test('an answer to who is gone is refused', async () => {
    const asking = await connect(broker.uri);
    const replyTo = await asking.createTemporaryQueue();
    await (await asking.createProducer('queue://gone')).send({ text: 'why?', replyTo });
    await asking.close();
    await using questions = await connection.createConsumer('queue://gone');
    const question = await questions.receive();
    if (question === undefined) throw new Error('no question');
    await expect(connection.reply(question, 'late')).rejects.toMatchObject({
      code: 'BATON_INVALID_DESTINATION',
    });
  });
});
