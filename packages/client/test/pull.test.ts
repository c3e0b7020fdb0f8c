import { command, type Command, type MessagePull } from '@batonmq/openwire';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect, type Connection } from '../src/index.ts';
import { BROKERS, type RunningBroker } from './both-brokers.ts';
import { ScriptedPeer, type PeerConnection } from './scripted-peer.ts';

const isPull = (incoming: Command): incoming is MessagePull => incoming.type === 'MessagePull';

function timeoutsOf(peer: PeerConnection): number[] {
  return peer.received.filter(isPull).map(({ timeout }) => Number(timeout));
}

/** Answers a pull with a message, or with nothing. */
function answer({ consumerId }: MessagePull, peer: PeerConnection, sequence?: number): void {
  const producerId = command('ProducerId', { connectionId: 'ID:other', sessionId: 1, value: 1 });
  const messageId = command('MessageId', { producerId, producerSequenceId: sequence ?? 0 });
  const message =
    sequence === undefined
      ? null
      : command('ActiveMQMessage', {
          producerId,
          messageId,
          destination: command('ActiveMQQueue', { physicalName: 'q' }),
        });
  peer.send(command('MessageDispatch', { consumerId, destination: null, message }));
}

async function pulling(uri: string): Promise<{
  connection: Connection;
  consumer: Awaited<ReturnType<Connection['createConsumer']>>;
}> {
  const connection = await connect(uri);
  return {
    connection,
    consumer: await connection.createConsumer('queue://q', { prefetchCount: 0 }),
  };
}

describe('a consumer without a window', () => {
  test('tells the broker how long it waits: not at all, a time, for ever', async () => {
    await using peer = await ScriptedPeer.start();
    const { connection, consumer } = await pulling(peer.uri);
    await using link = connection;
    const broker = await peer.connection(0);
    const none = consumer.receive({ timeoutMs: 0 });
    answer(await broker.first('MessagePull'), broker);
    expect(await none).toBeUndefined();
    const timed = consumer.receive({ timeoutMs: 60_000 });
    answer(await broker.first('MessagePull', 1), broker, 1);
    expect(await timed).toBeDefined();
    const waiting = consumer.receive({ timeoutMs: -1 });
    answer(await broker.first('MessagePull', 2), broker, 2);
    expect(await waiting).toBeDefined();
    expect(timeoutsOf(broker)).toEqual([-1, 60_000, 0]);
    expect(link.status.state).toBe('connected');
  });

  test('asks again for the next who waits', async () => {
    await using peer = await ScriptedPeer.start();
    const { connection, consumer } = await pulling(peer.uri);
    await using link = connection;
    const broker = await peer.connection(0);
    const both = [consumer.receive({ timeoutMs: -1 }), consumer.receive({ timeoutMs: 60_000 })];
    answer(await broker.first('MessagePull'), broker, 1);
    answer(await broker.first('MessagePull', 1), broker, 2);
    expect((await Promise.all(both)).map((message) => message?.id)).toEqual([
      'ID:other:1:1:1',
      'ID:other:1:1:2',
    ]);
    expect(link.status.state).toBe('connected');
  });

  test('takes back what it asked for when nobody waits any more', async () => {
    await using peer = await ScriptedPeer.start();
    const { connection, consumer } = await pulling(peer.uri);
    await using link = connection;
    const broker = await peer.connection(0);
    const stop = new AbortController();
    const aborted = consumer.receive({ timeoutMs: -1, signal: stop.signal });
    await broker.first('MessagePull');
    stop.abort();
    await expect(aborted).rejects.toMatchObject({ name: 'AbortError' });
    const end = await broker.first('MessagePull', 1);
    const next = consumer.receive({ timeoutMs: 60_000 });
    const pull = await broker.first('MessagePull', 2);
    // The end of the first pull, which the second one must not take for its own.
    answer(end, broker);
    answer(pull, broker, 1);
    expect(await next).toBeDefined();
    expect(timeoutsOf(broker).slice(0, 2)).toEqual([0, -1]);
    expect(link.status.state).toBe('connected');
  });

  test('asks the next broker for no longer than is left of its time', async () => {
    await using peer = await ScriptedPeer.start();
    const { connection, consumer } = await pulling(`failover:(${peer.uri})`);
    await using link = connection;
    const first = await peer.connection(0);
    const message = consumer.receive({ timeoutMs: 60_000 });
    await first.first('MessagePull');
    first.cut();
    const second = await peer.connection(1);
    const pull = await second.first('MessagePull');
    const leftMs = Number(pull.timeout);
    expect(leftMs).toBeGreaterThan(30_000);
    expect(leftMs).toBeLessThan(60_000);
    answer(pull, second, 1);
    expect(await message).toBeDefined();
    expect(link.status.state).toBe('connected');
  });

  test('that nobody waits at asks the next broker for nothing', async () => {
    await using peer = await ScriptedPeer.start();
    const { connection, consumer } = await pulling(`failover:(${peer.uri})`);
    await using link = connection;
    const first = await peer.connection(0);
    const none = consumer.receive({ timeoutMs: 0 });
    answer(await first.first('MessagePull'), first);
    await none;
    const resumed = new Promise((resolve) => link.on('resumed', resolve));
    first.cut();
    await resumed;
    const second = await peer.connection(1);
    // Whatever belongs to the replay comes before this.
    await link.createProducer('queue://q');
    expect(timeoutsOf(second)).toEqual([]);
  });

  test('whose window the broker takes away asks for each message from then on', async () => {
    await using peer = await ScriptedPeer.start();
    await using connection = await connect(peer.uri);
    const consumer = await connection.createConsumer('queue://q', { prefetchCount: 5 });
    const broker = await peer.connection(0);
    const waiting = consumer.receive({ timeoutMs: -1 });
    const { consumerId } = consumer.info;
    broker.send(command('ConsumerControl', { consumerId, prefetch: 0 }));
    answer(await broker.first('MessagePull'), broker, 1);
    expect(await waiting).toBeDefined();
  });
});

describe.each(BROKERS)('without a window at $name', ({ start }) => {
  let broker: RunningBroker;
  let connection: Connection;

  beforeAll(async () => {
    broker = await start();
    connection = await connect(broker.uri, { clientId: 'pulls' });
  });

  afterAll(async () => {
    await connection.close();
    await broker.stop();
  });

  test('the consumer takes no message but those it was asked for', async () => {
    const producer = await connection.createProducer('queue://fair');
    await using first = await connection.createConsumer('queue://fair', { prefetchCount: 0 });
    await using second = await connection.createConsumer('queue://fair', { prefetchCount: 0 });
    await producer.sendAll(['1', '2', '3']);
    expect((await first.receive())?.text).toBe('1');
    expect((await second.receive())?.text).toBe('2');
    expect((await second.receive())?.text).toBe('3');
    expect(await first.receive({ timeoutMs: 0 })).toBeUndefined();
  });

  test('a receive that was aborted takes no message', async () => {
    const producer = await connection.createProducer('queue://aborted');
    await using gone = await connection.createConsumer('queue://aborted', { prefetchCount: 0 });
    const stop = new AbortController();
    const aborted = gone.receive({ timeoutMs: -1, signal: stop.signal });
    stop.abort();
    await expect(aborted).rejects.toMatchObject({ name: 'AbortError' });
    // Answered after the pull that takes the first one back.
    await gone.receive({ timeoutMs: 0 });
    await producer.send('for the other');
    await using other = await connection.createConsumer('queue://aborted', { prefetchCount: 0 });
    expect((await other.receive({ timeoutMs: 2_000 }))?.text).toBe('for the other');
  });

  test('a loop, several receives at once and a listener get every message', async () => {
    const producer = await connection.createProducer('queue://loop');
    await producer.sendAll(['1', '2', '3', '4', '5', '6']);
    await using consumer = await connection.createConsumer('queue://loop', { prefetchCount: 0 });
    const texts: (string | null | undefined)[] = [];
    for await (const { text } of consumer) if (texts.push(text) === 2) break;
    // The one in hand when the loop was left comes again.
    const received = await Promise.all([consumer.receive(), consumer.receive()]);
    texts.push(...received.map((message) => message?.text));
    const listened = new Promise<void>((resolve) => {
      const stop = consumer.listen(({ text }) => {
        if (texts.push(text) < 7) return;
        stop();
        resolve();
      });
    });
    await listened;
    expect(texts).toEqual(['1', '2', '2', '3', '4', '5', '6']);
  });

  test('wildcards and lists of queues', async () => {
    const options = { prefetchCount: 0 };
    await using wildcard = await connection.createConsumer('queue://wild.>', options);
    expect(await wildcard.receive({ timeoutMs: 0 })).toBeUndefined();
    await (await connection.createProducer('queue://wild.new')).send('w');
    expect((await wildcard.receive())?.text).toBe('w');
    await using both = await connection.createConsumer('queue://both.a,both.b', options);
    for (const name of ['a', 'b']) {
      await (await connection.createProducer(`queue://both.${name}`)).send(name);
    }
    const texts = [(await both.receive())?.text, (await both.receive())?.text];
    expect(texts.sort()).toEqual(['a', 'b']);
    expect(await both.receive({ timeoutMs: 0 })).toBeUndefined();
  });

  test('a durable subscription', async () => {
    const options = { subscriptionName: 'pulled', prefetchCount: 0 };
    await (await connection.createConsumer('topic://pulled', options)).close();
    await (await connection.createProducer('topic://pulled')).sendAll(['1', '2']);
    await using consumer = await connection.createConsumer('topic://pulled', options);
    expect((await consumer.receive())?.text).toBe('1');
    expect(consumer.bufferedCount).toBe(0);
    expect((await consumer.receive({ timeoutMs: 0 }))?.text).toBe('2');
    expect(await consumer.receive({ timeoutMs: 100 })).toBeUndefined();
  });

  test('what a rollback gives back is received again, before what follows', async () => {
    await using other = await connect(
      `${broker.uri}?jms.redeliveryPolicy.initialRedeliveryDelay=20`,
    );
    await (await other.createProducer('queue://rolled')).sendAll(['1', '2']);
    const session = await other.createSession({ isTransacted: true });
    const consumer = await session.createConsumer('queue://rolled', { prefetchCount: 0 });
    expect((await consumer.receive())?.text).toBe('1');
    await session.rollback();
    const again = await consumer.receive();
    expect([again?.text, again?.redeliveryCount]).toEqual(['1', 1]);
    expect((await consumer.receive())?.text).toBe('2');
    await session.commit();
    await session.close();
  });
});
