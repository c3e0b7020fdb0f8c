import { command, type Command, type WireMessage } from '@batonmq/openwire';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect, type Connection } from '../src/index.ts';
import { BROKERS, type RunningBroker } from './both-brokers.ts';
import { ScriptedPeer, type PeerConnection } from './scripted-peer.ts';

/** What a message of this text counts for in windows: 4 bytes of length before it, and 1024 for its header. */
const TEXT = 'x'.repeat(996);
const MESSAGE_BYTES = 1024 + 4 + TEXT.length;

const isSend = (incoming: Command): incoming is WireMessage =>
  incoming.type === 'ActiveMQTextMessage';

function accept(peer: PeerConnection, message: WireMessage, size = MESSAGE_BYTES): void {
  peer.send(command('ProducerAck', { producerId: message.producerId, size }));
}

function numbersOf(peer: PeerConnection): number[] {
  return peer.received
    .filter(isSend)
    .map(({ messageId }) => Number(messageId?.producerSequenceId ?? 0));
}

describe('a producer window', () => {
  test('bounds the bytes that the broker has not accepted, and keeps the order', async () => {
    await using peer = await ScriptedPeer.start();
    await using connection = await connect(
      `${peer.uri}?jms.useAsyncSend=true&jms.producerWindowSize=${3 * MESSAGE_BYTES}`,
    );
    const producer = await connection.createProducer('queue://q');
    const link = await peer.connection(0);
    expect(await link.first('ProducerInfo')).toMatchObject({ windowSize: 3 * MESSAGE_BYTES });
    const all = producer.sendAll(Array.from({ length: 10 }, () => TEXT));
    for (let index = 0; index < 10; index++) {
      const message = await link.first('ActiveMQTextMessage', index);
      expect(message.responseRequired).toBe(false);
      expect(numbersOf(link).length - index).toBeLessThanOrEqual(3);
      accept(link, message);
    }
    await all;
    expect(numbersOf(link)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  test('may be set for one producer, in its options or the name of its destination', async () => {
    await using peer = await ScriptedPeer.start();
    await using connection = await connect(`${peer.uri}?jms.producerWindowSize=5000`);
    await connection.createProducer('queue://q', { windowBytes: 6_000 });
    await connection.createProducer('queue://q?producer.windowSize=7000');
    await connection.createProducer('queue://q', { windowBytes: 0 });
    const link = await peer.connection(0);
    const infos = await Promise.all([0, 1, 2].map((skip) => link.first('ProducerInfo', skip)));
    expect(infos.map(({ windowSize }) => windowSize)).toEqual([6_000, 7_000, 0]);
    expect(infos[1]?.destination?.physicalName).toBe('q');
    await expect(connection.createProducer('queue://q', { windowBytes: -1 })).rejects.toMatchObject(
      { code: 'BATON_INVALID_OPTION' },
    );
  });

  test('takes no room for sends that are answered, which keep their place in the line', async () => {
    await using peer = await ScriptedPeer.start();
    await using connection = await connect(peer.uri);
    const producer = await connection.createProducer('queue://q', { windowBytes: MESSAGE_BYTES });
    const link = await peer.connection(0);
    const sends = [false, false, true].map((isPersistent) => producer.send(TEXT, { isPersistent }));
    const first = await link.first('ActiveMQTextMessage');
    await connection.createSession();
    await link.first('SessionInfo', 1);
    expect(numbersOf(link)).toEqual([1]);
    accept(link, first);
    await Promise.all(sends);
    expect(numbersOf(link)).toEqual([1, 2, 3]);
  });

  test('holds a commit back until the sends before it went out', async () => {
    await using peer = await ScriptedPeer.start();
    await using connection = await connect(peer.uri);
    const session = await connection.createSession({ isTransacted: true });
    const producer = await session.createProducer('queue://q', { windowBytes: MESSAGE_BYTES });
    const link = await peer.connection(0);
    const sends = [producer.send(TEXT), producer.send(TEXT)];
    const committed = session.commit();
    accept(link, await link.first('ActiveMQTextMessage'));
    await Promise.all([...sends, committed]);
    expect(link.types.slice(-4)).toEqual([
      'TransactionInfo',
      'ActiveMQTextMessage',
      'ActiveMQTextMessage',
      'TransactionInfo',
    ]);
  });

  test('is empty after a reconnect: what the old broker had not accepted holds nothing up', async () => {
    await using peer = await ScriptedPeer.start();
    await using connection = await connect(`failover:(${peer.uri})`);
    const producer = await connection.createProducer('queue://q', {
      windowBytes: MESSAGE_BYTES,
      isPersistent: false,
    });
    const sends = [producer.send(TEXT), producer.send(TEXT)];
    const first = await peer.connection(0);
    await first.first('ActiveMQTextMessage');
    first.cut();
    await (await peer.connection(1)).first('ActiveMQTextMessage');
    await Promise.all(sends);
    expect(numbersOf(await peer.connection(1))).toEqual([2]);
  });

  test('says that a send had no room in time', async () => {
    await using peer = await ScriptedPeer.start();
    await using connection = await connect(peer.uri, { sendTimeoutMs: 50 });
    const producer = await connection.createProducer('queue://q', {
      windowBytes: MESSAGE_BYTES,
      isPersistent: false,
    });
    await producer.send(TEXT);
    await expect(producer.send(TEXT)).rejects.toMatchObject({ code: 'BATON_LIMIT' });
  });

  test('does not belong in the name that one send gives', async () => {
    await using peer = await ScriptedPeer.start();
    await using connection = await connect(peer.uri);
    const producer = await connection.createProducer();
    await expect(producer.send('queue://q?producer.windowSize=5', TEXT)).rejects.toMatchObject({
      code: 'BATON_INVALID_OPTION',
    });
  });
});

describe.each(BROKERS)('with a producer window at $name', ({ start }) => {
  let broker: RunningBroker;
  let connection: Connection;

  beforeAll(async () => {
    broker = await start();
    connection = await connect(
      `${broker.uri}?jms.useAsyncSend=true&jms.producerWindowSize=${4 * MESSAGE_BYTES}`,
    );
  });

  afterAll(async () => {
    await connection.close();
    await broker.stop();
  });

  test.each([true, false])(
    'every message arrives, persistent or not (%s)',
    async (isPersistent) => {
      const queue = `queue://windowed.${isPersistent}`;
      const producer = await connection.createProducer(queue, { isPersistent });
      const texts = Array.from({ length: 500 }, (_, index) => String(index));
      await producer.sendAll(texts);
      await using consumer = await connection.createConsumer(queue);
      const received: (string | null | undefined)[] = [];
      while (received.length < texts.length) received.push((await consumer.receive())?.text);
      expect(received).toEqual(texts);
    },
  );

  test('a transaction larger than the window is committed', async () => {
    const session = await connection.createSession({ isTransacted: true });
    const producer = await session.createProducer('queue://windowed.committed');
    const sends = Array.from({ length: 20 }, (_, index) => producer.send(String(index)));
    await session.commit();
    await Promise.all(sends);
    await session.close();
    await using consumer = await connection.createConsumer('queue://windowed.committed');
    for (let index = 0; index < 20; index++) {
      expect((await consumer.receive())?.text).toBe(String(index));
    }
  });
});
