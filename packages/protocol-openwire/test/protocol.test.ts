import { BrokerError } from '@batonmq/model';
import { decodeProperties, decodeText } from '@batonmq/message-content';
import {
  command,
  createWireFormat,
  TRANSACTION_TYPE,
  type Command,
  type TransactionInfo,
} from '@batonmq/openwire';
import { nodeRuntime } from '@batonmq/runtime/node';
import { createMemorySpace, memoryStore } from '@batonmq/store-memory';
import { dial } from '@batonmq/transport';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { startBroker, type LiveBroker } from './live-broker.ts';
import { TestSession } from './session.ts';

let live: LiveBroker;
beforeEach(async () => {
  live = await startBroker();
});
afterEach(() => live.stop());

const QUEUE = 'A';

function exceptionOf(reply: Command): string {
  if (reply.type !== 'ExceptionResponse') throw new Error(`the reply is a ${reply.type}`);
  const { className = '', message = '' } = reply.exception ?? {};
  return `${className}: ${message ?? ''}`;
}

/** A command for the one XA branch of these tests. */
function xaCommand(session: TestSession, transactionType: number): TransactionInfo {
  return command('TransactionInfo', {
    connectionId: { type: 'ConnectionId', value: session.connectionId },
    transactionId: command('XATransactionId', {
      formatId: 1,
      globalTransactionId: Buffer.from([1, 2]),
      branchQualifier: Buffer.from([3]),
    }),
    transactionType,
  });
}

/** Sends bytes as they are; resolves when the broker has closed the connection. */
async function sendRaw(...pieces: Uint8Array[]): Promise<void> {
  const connection = await dial(live.uri);
  await new Promise<void>((resolve) => {
    connection.start({
      take: () => pieces.splice(0),
      received: () => undefined,
      drained: () => undefined,
      closed: () => {
        resolve();
      },
    });
    connection.requestFlush();
  });
}

describe('negotiation', () => {
  test('prefers loose and uncached, and says it is BatonMQ', async () => {
    const client = await live.connect({ tightEncodingEnabled: true, cacheEnabled: true });
    expect(client.theirPreferences).toMatchObject({
      version: 12,
      tightEncoding: false,
      cacheEnabled: false,
      maxFrameSize: 104_857_600,
      maxInactivityDurationMs: 30_000,
      providerName: 'BatonMQ',
    });
  });

  test.each([1, 2, 3, 5, 6, 9, 10, 11])(
    'serves version %i, tight and cached where the broker offers it',
    async (version) => {
      await live.stop();
      live = await startBroker({ isTightEncodingOffered: true, isCacheOffered: true });
      const client = await live.connect({
        version,
        tightEncodingEnabled: true,
        cacheEnabled: true,
      });
      const session = await TestSession.open(client);
      const message = await session.produce();
      await session.consume(QUEUE);
      expect((await session.request(message(QUEUE, 'tight'))).type).toBe('Response');
      const dispatched = await client.next('MessageDispatch');
      expect(decodeText(dispatched.message?.content ?? null)).toBe('tight');
    },
  );

  test('a peer that talks before it negotiates is disconnected', async () => {
    const format = createWireFormat({
      version: 12,
      tightEncoding: false,
      cacheEnabled: false,
      cacheSize: 0,
      stackTraceEnabled: false,
      maxFrameSize: 8192,
    });
    await sendRaw(format.encode(command('SessionInfo')));
    expect(live.logged.at(-1)?.fields['error']).toMatchObject({ code: 'BATON_PROTOCOL' });
  });

  test('a first frame larger than 8 KiB is refused before it is read', async () => {
    const prefix = Buffer.alloc(5, 1);
    prefix.writeInt32BE(8193);
    await sendRaw(prefix);
    expect(live.logged.at(-1)?.fields['error']).toMatchObject({ code: 'BATON_FRAME_TOO_LARGE' });
  });

  test('a peer that says nothing, or negotiates and does not log in, is disconnected in time', async () => {
    await live.stop();
    live = await startBroker({ loginTimeoutMs: 100 });
    const client = await live.connect();
    await Promise.all([sendRaw(), client.untilClosed()]);
    expect(live.logged.map(({ fields }) => fields['error'])).toEqual([
      expect.objectContaining({ code: 'BATON_TIMEOUT' }),
      expect.objectContaining({ code: 'BATON_TIMEOUT' }),
    ]);
  });
});

describe('keep-alive', () => {
  test('a silent peer that still answers nothing is given up, a talking one is not', async () => {
    const options = { maxInactivityDurationMs: 150, maxInactivityInitialDelayMs: 10 };
    const silent = await TestSession.open(await live.connect(options), 'ID:silent:1');
    const talking = await TestSession.open(await live.connect(options), 'ID:talking:1');
    const talk = setInterval(() => {
      talking.client.send(command('KeepAliveInfo'));
    }, 40);
    await silent.client.next('KeepAliveInfo');
    await silent.client.untilClosed();
    clearInterval(talk);
    await talking.client.roundTrip();
    expect(live.logged.at(-1)?.fields['error']).toMatchObject({ code: 'BATON_TIMEOUT' });
  });
});

describe('a login', () => {
  test('without a client id is refused, and the connection closed after the reply', async () => {
    const client = await live.connect();
    const reply = await client.request(
      command('ConnectionInfo', {
        commandId: 1,
        connectionId: { type: 'ConnectionId', value: 'ID:x:1' },
      }),
    );
    expect(exceptionOf(reply)).toMatch(/^javax\.jms\.InvalidClientIDException: No clientID/);
    await client.untilClosed();
  });

  test('of the same connection id takes over from the old socket', async () => {
    const old = await TestSession.open(await live.connect());
    const message = await old.produce();
    await old.consume(QUEUE);
    await old.request(message(QUEUE));
    await old.client.next('MessageDispatch');
    const young = await TestSession.open(await live.connect());
    await old.client.untilClosed();
    await young.consume(QUEUE);
    const again = await young.client.next('MessageDispatch');
    expect(again.redeliveryCounter).toBe(1);
  });

  test('and everything opened after it may be repeated', async () => {
    const session = await TestSession.open(await live.connect());
    const message = await session.produce();
    const consumer = await session.consume(QUEUE);
    const repeated: Command[] = [
      command('ConnectionInfo', {
        connectionId: { type: 'ConnectionId', value: session.connectionId },
        clientId: `client of ${session.connectionId}`,
      }),
      command('SessionInfo', {
        sessionId: { type: 'SessionId', connectionId: session.connectionId, value: -1 },
      }),
      command('ProducerInfo', { producerId: message(QUEUE).producerId }),
      consumer,
    ];
    for (const info of repeated) expect((await session.request(info)).type).toBe('Response');
  });
});

describe('an error', () => {
  test('of a command that wants a reply is its reply', async () => {
    const session = await TestSession.open(await live.connect());
    const info = session.consumerInfo(QUEUE);
    const reply = await session.request({
      ...info,
      consumerId: {
        type: 'ConsumerId',
        connectionId: session.connectionId,
        sessionId: 9,
        value: 1,
      },
    });
    expect(exceptionOf(reply)).toMatch(
      /^java\.lang\.IllegalStateException: .*registered: ID:test:1:9 \[BATON_INVALID_STATE\]$/,
    );
  });

  test('of a command that wants none is a ConnectionError, and the connection lives on', async () => {
    const session = await TestSession.open(await live.connect());
    session.send(command('ActiveMQMessage'));
    const { exception } = await session.client.next('ConnectionError');
    expect(exception?.message).toMatch(/message id is missing \[BATON_INVALID_ARGUMENT\]$/);
    await session.consume(QUEUE);
  });

  test('of an async send in a transaction makes its commit fail', async () => {
    const session = await TestSession.open(await live.connect());
    const message = await session.produce();
    const begin = session.transaction(1, TRANSACTION_TYPE.begin) as TransactionInfo;
    session.send(begin);
    session.send({
      ...message(QUEUE),
      destination: { type: 'ActiveMQTempQueue', physicalName: 'ID:gone:1:1' },
      transactionId: begin.transactionId,
    });
    await session.client.next('ConnectionError');
    const reply = await session.request(session.transaction(1, TRANSACTION_TYPE.commitOnePhase));
    expect(exceptionOf(reply)).toMatch(/^javax\.jms\.TransactionRolledBackException/);
  });

  test('of a send to a temporary destination that is gone has its own class', async () => {
    const session = await TestSession.open(await live.connect());
    const message = await session.produce();
    const reply = await session.request({
      ...message(QUEUE),
      destination: { type: 'ActiveMQTempQueue', physicalName: 'ID:gone:1:1' },
    });
    expect(exceptionOf(reply)).toMatch(
      /^org\.apache\.activemq\.DestinationDoesNotExistException: temp-queue:\/\/ID:gone:1:1 /,
    );
  });

  test('of an XA command carries the error number of X/Open', async () => {
    const session = await TestSession.open(await live.connect());
    const reply = await session.request(xaCommand(session, TRANSACTION_TYPE.prepare));
    expect(exceptionOf(reply)).toMatch(/^javax\.transaction\.xa\.XAException: .* xaErrorCode:-4$/);
  });
});

describe('a client can ask how its commit ended', () => {
  test('on another connection: 0 unknown, 1 committed, 2 open', async () => {
    const session = await TestSession.open(await live.connect());
    const message = await session.produce();
    const other = await TestSession.open(await live.connect(), 'ID:other:1');
    const ask = async (value: number): Promise<unknown> => {
      const question = session.transaction(value, TRANSACTION_TYPE.recover) as TransactionInfo;
      const connectionId = { type: 'ConnectionId', value: other.connectionId } as const;
      const reply = await other.request({ ...question, connectionId });
      return reply.type === 'IntegerResponse' ? reply.result : reply.type;
    };
    expect(await ask(1)).toBe(0);
    const begin = session.transaction(1, TRANSACTION_TYPE.begin) as TransactionInfo;
    session.send(begin);
    session.send({ ...message(QUEUE), transactionId: begin.transactionId });
    await session.client.roundTrip();
    expect(await ask(1)).toBe(2);
    await session.request(session.transaction(1, TRANSACTION_TYPE.commitOnePhase));
    expect(await ask(1)).toBe(1);
    session.send(session.transaction(2, TRANSACTION_TYPE.begin));
    await session.request(session.transaction(2, TRANSACTION_TYPE.rollback));
    expect(await ask(2)).toBe(0);
  });
});

describe('a branch of a distributed transaction', () => {
  const recovered = async (session: TestSession): Promise<unknown> => {
    const reply = await session.request(
      command('TransactionInfo', {
        connectionId: { type: 'ConnectionId', value: session.connectionId },
        transactionType: TRANSACTION_TYPE.recover,
      }),
    );
    return reply.type === 'DataArrayResponse' ? reply.data : reply.type;
  };

  test('is prepared with 0, listed to every connection, and committed by any', async () => {
    const session = await TestSession.open(await live.connect());
    const other = await TestSession.open(await live.connect(), 'ID:other:1');
    const message = await session.produce();
    const { transactionId } = xaCommand(session, TRANSACTION_TYPE.begin);
    session.send(xaCommand(session, TRANSACTION_TYPE.begin));
    session.send({ ...message(QUEUE), transactionId });
    expect((await session.request(xaCommand(session, TRANSACTION_TYPE.end))).type).toBe('Response');
    for (let times = 0; times < 2; times += 1) {
      const reply = await session.request(xaCommand(session, TRANSACTION_TYPE.prepare));
      expect(reply).toMatchObject({ type: 'IntegerResponse', result: 0 });
    }
    expect(await recovered(other)).toEqual([
      {
        ...transactionId,
        globalTransactionId: new Uint8Array([1, 2]),
        branchQualifier: new Uint8Array([3]),
      },
    ]);
    const reply = await other.request(xaCommand(other, TRANSACTION_TYPE.commitTwoPhase));
    expect(reply.type).toBe('Response');
    expect(await recovered(session)).toEqual([]);
  });

  test('without work is prepared with 3 and forgotten; no branch is an empty array', async () => {
    const session = await TestSession.open(await live.connect());
    session.send(xaCommand(session, TRANSACTION_TYPE.begin));
    const reply = await session.request(xaCommand(session, TRANSACTION_TYPE.prepare));
    expect(reply).toMatchObject({ type: 'IntegerResponse', result: 3 });
    expect(await recovered(session)).toEqual([]);
    const late = await session.request(xaCommand(session, TRANSACTION_TYPE.forget));
    expect(exceptionOf(late)).toMatch(/ xaErrorCode:-4$/);
  });
});

describe('after a failover', () => {
  test('a consumer opened without a window gets nothing until its window is set', async () => {
    const session = await TestSession.open(await live.connect());
    const message = await session.produce();
    await session.request(message(QUEUE));
    const consumer = await session.consume(QUEUE, { prefetchSize: 0 });
    await session.client.roundTrip();
    expect(session.client.inbox).toEqual([]);
    session.send(command('ConsumerControl', { consumerId: consumer.consumerId, prefetch: 10 }));
    await session.client.next('MessageDispatch');
  });

  test('an ack from before it is ignored, but its transaction cannot commit without it', async () => {
    const session = await TestSession.open(await live.connect());
    const message = await session.produce();
    const { consumerId, destination } = await session.consume(QUEUE);
    const { messageId } = message(QUEUE);
    const ack = command('MessageAck', {
      consumerId,
      destination,
      ackType: 2,
      firstMessageId: messageId,
      lastMessageId: messageId,
      messageCount: 1,
    });
    const begin = session.transaction(1, TRANSACTION_TYPE.begin) as TransactionInfo;
    session.send(ack);
    session.send(begin);
    session.send({ ...ack, transactionId: begin.transactionId });
    await session.client.roundTrip();
    expect(session.client.inbox).toEqual([]);
    const reply = await session.request(session.transaction(1, TRANSACTION_TYPE.commitOnePhase));
    expect(exceptionOf(reply)).toMatch(/^javax\.jms\.TransactionRolledBackException/);
  });
});

test('marks are stored of producers whose client can repeat a send, and of no others', async () => {
  await live.stop();
  const space = createMemorySpace();
  live = await startBroker({}, undefined, { space });
  for (const faultTolerant of [true, false]) {
    const id = `ID:${faultTolerant ? 'failover' : 'tcp'}:1`;
    const session = await TestSession.open(await live.connect(), id, { faultTolerant });
    const message = await session.produce();
    await session.request(message(QUEUE));
  }
  await live.stop();
  const store = memoryStore({ space }).create(nodeRuntime());
  const producers: string[] = [];
  const lease = await store.acquire({ owner: 'after' });
  await lease.recover({
    destination: () => undefined,
    producer: (producer) => producers.push(producer),
    state: () => undefined,
  });
  await store.close();
  expect(producers).toEqual(['ID:failover:1:1:1']);
});

describe('what cannot be delivered', () => {
  test('because the peer takes no frame that large, becomes a dead letter with the reason', async () => {
    const session = await TestSession.open(await live.connect());
    const message = await session.produce();
    await session.request({ ...message(QUEUE), content: Buffer.alloc(5000) });
    const small = await TestSession.open(await live.connect({ maxFrameSize: 2048 }), 'ID:small:1');
    await small.consume(QUEUE);
    await session.consume('ActiveMQ.DLQ');
    const { message: dead } = await session.client.next('MessageDispatch');
    const cause = decodeProperties(dead?.marshalledProperties ?? null).get(
      'dlqDeliveryFailureCause',
    );
    expect(cause?.value).toMatch(/larger than the 2048 allowed/);
    expect(small.client.inbox).toEqual([]);
  });
});

describe('a slow peer', () => {
  test('is sent no more than its socket and the limit hold, then all the rest', async () => {
    await live.stop();
    live = await startBroker({ outputBytesMax: 64 * 1024 });
    const producer = await TestSession.open(await live.connect());
    const message = await producer.produce();
    const slow = await TestSession.open(await live.connect(), 'ID:slow:1');
    await slow.consume(QUEUE);
    await slow.client.roundTrip();
    slow.client.pause();
    const content = Buffer.alloc(1024 * 1024);
    const count = 40;
    for (let sent = 0; sent < count; sent += 1) {
      await producer.request({ ...message(QUEUE), persistent: false, content });
    }
    const [{ inFlightCount } = { inFlightCount: 0 }] = live.broker
      .destinations()
      .filter(({ destination }) => destination.name === QUEUE);
    expect(inFlightCount).toBeLessThan(count);
    slow.client.resume();
    for (let got = 0; got < count; got += 1) await slow.client.next('MessageDispatch');
  });
});

describe('the end', () => {
  test('a broker that stops says good-bye', async () => {
    const session = await TestSession.open(await live.connect());
    await Promise.all([live.protocol.close(), session.client.next('ShutdownInfo')]);
    await session.client.untilClosed();
    expect(live.protocol.connectionCount).toBe(0);
  });

  test('a broker that is stopped answers what it took, then says good-bye', async () => {
    const session = await TestSession.open(await live.connect());
    const message = await session.produce();
    const sent = session.request(message(QUEUE));
    await session.client.roundTrip();
    await live.broker.stop();
    await live.protocol.close();
    expect((await sent).type).toBe('Response');
    await session.client.next('ShutdownInfo');
    await session.client.untilClosed();
  });

  test('a broker that may not answer any more says nothing', async () => {
    const session = await TestSession.open(await live.connect());
    live.protocol.disconnectAll(new BrokerError('BATON_FENCED', 'a newer epoch exists'));
    await session.client.untilClosed();
    expect(session.client.inbox).toEqual([]);
  });

  test('what a client leaves open is closed', async () => {
    const session = await TestSession.open(await live.connect());
    await session.consume(QUEUE);
    session.client.destroy();
    await vi.waitUntil(() => live.protocol.connectionCount === 0);
    expect(live.broker.destinations().map(({ consumerCount }) => consumerCount)).toEqual([0]);
  });
});

describe('advisories', () => {
  test('tell of connections, destinations, consumers and producers, and of those that were there before', async () => {
    const session = await TestSession.open(await live.connect());
    await session.consume('seen.before');
    const watcher = await TestSession.open(await live.connect(), 'ID:watcher:1');
    await watcher.consume('', {
      destination: {
        type: 'ActiveMQTopic',
        physicalName:
          'ActiveMQ.Advisory.Queue,ActiveMQ.Advisory.Consumer.>,ActiveMQ.Advisory.Connection',
      },
    });
    await watcher.client.roundTrip();
    const replayed = told(watcher.client.inbox.splice(0));
    expect(replayed).toEqual([
      'Queue: DestinationInfo for us',
      'Consumer.Queue.seen.before: ConsumerInfo for us',
      'Connection: ConnectionInfo for us',
      'Connection: ConnectionInfo for us',
    ]);
    const consumer = await session.consume('seen.new');
    session.send(command('RemoveInfo', { objectId: consumer.consumerId }));
    await session.client.roundTrip();
    session.client.destroy();
    await vi.waitUntil(() => live.protocol.connectionCount === 1);
    await watcher.client.roundTrip();
    expect(told(watcher.client.inbox)).toEqual([
      'Queue: DestinationInfo',
      'Consumer.Queue.seen.new: ConsumerInfo',
      'Consumer.Queue.seen.new: RemoveInfo',
      'Consumer.Queue.seen.before: RemoveInfo',
      'Connection: RemoveInfo',
    ]);
  });

  test('never show a password', async () => {
    const watcher = await TestSession.open(await live.connect(), 'ID:watcher:1');
    await watcher.consume('', {
      destination: { type: 'ActiveMQTopic', physicalName: 'ActiveMQ.Advisory.>' },
    });
    const client = await live.connect();
    await client.request(
      command('ConnectionInfo', {
        commandId: 1,
        connectionId: { type: 'ConnectionId', value: 'ID:x:1' },
        clientId: 'x',
        userName: 'u',
        password: 'secret',
      }),
    );
    const { message: master } = await watcher.client.next('MessageDispatch');
    expect(master?.destination?.physicalName).toBe('ActiveMQ.Advisory.MasterBroker');
    const { message } = await watcher.client.next('MessageDispatch');
    expect(message?.dataStructure).toMatchObject({ userName: 'u', password: '' });
  });
});

/** What the advisories among the commands say. */
function told(commands: readonly Command[]): string[] {
  return commands.flatMap((dispatch) => {
    if (dispatch.type !== 'MessageDispatch' || !dispatch.message) return [];
    const topic = dispatch.destination?.physicalName?.replace('ActiveMQ.Advisory.', '') ?? '';
    const { dataStructure, targetConsumerId } = dispatch.message;
    return [`${topic}: ${dataStructure?.type ?? ''}${targetConsumerId ? ' for us' : ''}`];
  });
}
