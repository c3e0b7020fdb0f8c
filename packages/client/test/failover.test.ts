import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { temporaryDirectory } from '@batonmq/services';
import {
  command,
  TRANSACTION_TYPE,
  type ActiveMQTextMessage,
  type Command,
  type ConsumerId,
} from '@batonmq/openwire';
import { describe, expect, test } from 'vitest';
import { connect, type Connection } from '../src/index.ts';
import { agreeable, ScriptedPeer, type PeerConnection, type Script } from './scripted-peer.ts';

/** Resolves with the next event of a type. */
function next(
  connection: Connection,
  type: 'interrupted' | 'resumed' | 'failed' | 'error',
): Promise<unknown> {
  return new Promise((resolve) => {
    const stop = connection.on(type, (event) => {
      stop();
      resolve(event);
    });
  });
}

/** Agrees with everything that `silent` does not pick out. */
function silentOn(silent: (incoming: Command) => boolean): Script {
  return (peer, incoming) => {
    if (!silent(incoming)) peer.answer(incoming);
  };
}

function dispatch(peer: PeerConnection, consumerId: ConsumerId | null, sequence: number): void {
  const producerId = command('ProducerId', {
    connectionId: 'ID:elsewhere',
    sessionId: 1,
    value: 1,
  });
  const destination = command('ActiveMQQueue', { physicalName: 'q' });
  const messageId = command('MessageId', {
    producerId,
    producerSequenceId: sequence,
    brokerSequenceId: sequence,
  });
  const message = command('ActiveMQMessage', { producerId, destination, messageId });
  peer.send(command('MessageDispatch', { consumerId, destination, message }));
}

const isSend = (incoming: Command): incoming is ActiveMQTextMessage =>
  incoming.type === 'ActiveMQTextMessage';

describe('the replay on the next connection', () => {
  test('puts everything in place, in order, before anything new', async () => {
    await using peer = await ScriptedPeer.start();
    await using connection = await connect(`failover:(${peer.uri})`);
    const queue = await connection.createTemporaryQueue();
    const producer = await connection.createProducer('queue://q');
    await connection.createConsumer('queue://q', { prefetchCount: 7, selector: 'a = 1' });
    const session = await connection.createSession({ isTransacted: true });
    const inTransaction = await session.createProducer('queue://tx');
    await inTransaction.send('in a transaction');
    const first = await peer.connection(0);
    await first.first('ActiveMQTextMessage');

    peer.script = silentOn(isSend);
    const sends = [producer.send('one'), producer.send('two')];
    await first.first('ActiveMQTextMessage', 2);
    const resumed = next(connection, 'resumed');
    peer.script = agreeable;
    first.cut();
    await resumed;
    await Promise.all(sends);

    const second = await peer.connection(1);
    await second.first('ConsumerControl');
    expect(second.types).toEqual([
      'ConnectionControl',
      'ConnectionInfo',
      'DestinationInfo',
      'SessionInfo',
      'ProducerInfo',
      'SessionInfo',
      'ConsumerInfo',
      'SessionInfo',
      'ProducerInfo',
      'TransactionInfo',
      'ActiveMQTextMessage',
      'ActiveMQTextMessage',
      'ActiveMQTextMessage',
      'ConsumerControl',
    ]);
    const info = await second.first('ConnectionInfo');
    expect(info).toMatchObject({ failoverReconnect: true, connectionId: { value: connection.id } });
    expect(await second.first('DestinationInfo')).toMatchObject({
      destination: { type: 'ActiveMQTempQueue', physicalName: queue.name },
    });
    expect(await second.first('ConsumerInfo')).toMatchObject({
      prefetchSize: 0,
      selector: 'a = 1',
    });
    expect(await second.first('ConsumerControl')).toMatchObject({ prefetch: 7 });

    // The same message ids and command ids as the first time.
    const before = first.received.filter(isSend);
    const after = second.received.filter(isSend);
    expect(after.map(({ messageId }) => messageId)).toEqual(
      before.map(({ messageId }) => messageId),
    );
    expect(after.slice(1).map(({ commandId }) => commandId)).toEqual(
      before.slice(1).map(({ commandId }) => commandId),
    );
  });

  test('a consumer the broker refused is not replayed', async () => {
    const refuse: Script = (peer, incoming) => {
      if (incoming.type !== 'ConsumerInfo') peer.answer(incoming);
      else {
        const exception = {
          className: 'javax.jms.InvalidSelectorException',
          message: 'x',
          stackTrace: null,
          cause: null,
        };
        peer.send(command('ExceptionResponse', { correlationId: incoming.commandId, exception }));
      }
    };
    await using peer = await ScriptedPeer.start(refuse);
    await using connection = await connect(`failover:(${peer.uri})`);
    await expect(connection.createConsumer('queue://q')).rejects.toMatchObject({
      code: 'BATON_INVALID_SELECTOR',
    });
    const resumed = next(connection, 'resumed');
    peer.connections[0]?.cut();
    await resumed;
    expect((await peer.connection(1)).types).not.toContain('ConsumerInfo');
  });

  test('an interrupted delivery is stale: its acknowledge rejects and is never sent', async () => {
    await using peer = await ScriptedPeer.start();
    await using connection = await connect(`failover:(${peer.uri})`);
    const consumer = await connection.createConsumer('queue://q', { acknowledge: 'individual' });
    const first = await peer.connection(0);
    dispatch(first, consumer.info.consumerId, 1);
    const message = await consumer.receive();
    expect(message?.isStale).toBe(false);
    const resumed = next(connection, 'resumed');
    first.cut();
    await resumed;
    expect(message?.isStale).toBe(true);
    await expect(message?.acknowledge()).rejects.toMatchObject({ code: 'BATON_UNMATCHED_ACK' });
    expect((await peer.connection(1)).types).not.toContain('MessageAck');
  });

  test('an acknowledge in flight at the interruption rejects', async () => {
    await using peer = await ScriptedPeer.start(silentOn(({ type }) => type === 'MessageAck'));
    await using connection = await connect(`failover:(${peer.uri})`);
    const consumer = await connection.createConsumer('queue://q', { acknowledge: 'client' });
    const first = await peer.connection(0);
    dispatch(first, consumer.info.consumerId, 1);
    const acknowledged = (await consumer.receive())?.acknowledge();
    await first.first('MessageAck');
    first.cut();
    await expect(acknowledged).rejects.toMatchObject({ code: 'BATON_UNMATCHED_ACK' });
  });

  test('messages delivered twice are given to the application twice, never dead-lettered', async () => {
    await using peer = await ScriptedPeer.start();
    await using connection = await connect(`failover:(${peer.uri})`);
    const consumer = await connection.createConsumer('queue://q', { acknowledge: 'client' });
    dispatch(await peer.connection(0), consumer.info.consumerId, 1);
    const before = await consumer.receive();
    const resumed = next(connection, 'resumed');
    peer.connections[0]?.cut();
    await resumed;
    const second = await peer.connection(1);
    dispatch(second, consumer.info.consumerId, 1);
    const after = await consumer.receive();
    expect(after?.id).toBe(before?.id);
    await after?.acknowledge();
    // 2 is a standard ack; 1 would be poison.
    expect(second.received.filter(({ type }) => type === 'MessageAck')).toMatchObject([
      { ackType: 2 },
    ]);
  });
});

describe('a commit whose answer was lost', () => {
  const isCommit = (incoming: Command): boolean =>
    incoming.type === 'TransactionInfo' &&
    incoming.transactionType === TRANSACTION_TYPE.commitOnePhase;

  /** Loses the answer to the commit, and answers the question about it with each result in turn. */
  async function commitInDoubt(
    provider: string,
    results: readonly number[],
  ): Promise<{
    outcome: Promise<void>;
    asked: () => number;
    peer: ScriptedPeer;
    connection: Connection;
  }> {
    let asked = 0;
    const script: Script = (peer, incoming) => {
      if (isCommit(incoming)) peer.cut();
      else if (
        incoming.type === 'TransactionInfo' &&
        incoming.transactionType === TRANSACTION_TYPE.recover
      ) {
        const result = results[asked++] ?? 0;
        peer.send(command('IntegerResponse', { correlationId: incoming.commandId, result }));
      } else peer.answer(incoming);
    };
    const peer = await ScriptedPeer.start(script, { providerName: provider });
    const connection = await connect(`failover:(${peer.uri})`);
    const session = await connection.createSession({ isTransacted: true });
    const producer = await session.createProducer('queue://q');
    await producer.send('x');
    return { outcome: session.commit(), asked: () => asked, peer, connection };
  }

  test.each([
    ['committed', 'BatonMQ', [1], undefined, 1],
    ['committed after it was still open', 'BatonMQ', [2, 2, 1], undefined, 3],
    ['not committed', 'BatonMQ', [0], 'BATON_TRANSACTION_ROLLED_BACK', 1],
    ['unknown to a broker that is not BatonMQ', 'ActiveMQ', [1], 'BATON_COMMIT_IN_DOUBT', 1],
  ])('%s', async (_name, provider, results, code, questions) => {
    const { outcome, asked, peer, connection } = await commitInDoubt(provider, results);
    try {
      if (code === undefined) await outcome;
      else await expect(outcome).rejects.toMatchObject({ code });
      expect(asked()).toBe(questions);
      // Its sends are not repeated: they may have taken effect.
      expect((await peer.connection(1)).types).not.toContain('ActiveMQTextMessage');
    } finally {
      await connection.close();
      await peer[Symbol.asyncDispose]();
    }
  });

  test('a transaction with deliveries cannot survive: its commit says that it was rolled back', async () => {
    await using peer = await ScriptedPeer.start();
    await using connection = await connect(`failover:(${peer.uri})`);
    const session = await connection.createSession({ isTransacted: true });
    const consumer = await session.createConsumer('queue://q');
    dispatch(await peer.connection(0), consumer.info.consumerId, 1);
    await consumer.receive();
    const resumed = next(connection, 'resumed');
    peer.connections[0]?.cut();
    await resumed;
    await expect(session.commit()).rejects.toMatchObject({ code: 'BATON_TRANSACTION_ROLLED_BACK' });
    // The next transaction is a new one.
    const producer = await session.createProducer('queue://q');
    await producer.send('x');
    await session.commit();
  });
});

describe('no call hangs for ever', () => {
  test('connect gives up at its deadline and says why', async () => {
    await using peer = await ScriptedPeer.start();
    const { uri } = peer;
    await peer[Symbol.asyncDispose]();
    await expect(connect(`failover:(${uri})`, { connectTimeoutMs: 100 })).rejects.toMatchObject({
      code: 'BATON_TIMEOUT',
      message: expect.stringContaining('ECONNREFUSED') as string,
    });
    await expect(connect(uri)).rejects.toMatchObject({ code: 'BATON_DISCONNECTED' });
  });

  test('connect can be aborted', async () => {
    const signal = AbortSignal.timeout(50);
    await expect(connect('failover:(tcp://127.0.0.1:1)', { signal })).rejects.toMatchObject({
      code: 'BATON_ABORTED',
    });
  });

  test('a send that is not answered, or cannot be sent, ends at its deadline', async () => {
    await using peer = await ScriptedPeer.start(silentOn(isSend));
    await using connection = await connect(`failover:(${peer.uri})`);
    const producer = await connection.createProducer('queue://q');
    await expect(producer.send('x', { timeoutMs: 30 })).rejects.toMatchObject({
      code: 'BATON_TIMEOUT',
    });
    await expect(producer.send('x', { signal: AbortSignal.timeout(10) })).rejects.toMatchObject({
      code: 'BATON_ABORTED',
    });
    const interrupted = next(connection, 'interrupted');
    await peer[Symbol.asyncDispose]();
    await interrupted;
    await expect(producer.send('x', { timeoutMs: 30 })).rejects.toMatchObject({
      code: 'BATON_DISCONNECTED',
    });
    expect(connection.status).toMatchObject({ state: 'interrupted' });
  });

  test('a rejection nobody looks at does not end the process', async () => {
    await using peer = await ScriptedPeer.start(silentOn(isSend));
    const unhandled: unknown[] = [];
    const note = (reason: unknown): void => {
      unhandled.push(reason);
    };
    process.on('unhandledRejection', note);
    try {
      const connection = await connect(`failover:(${peer.uri})`, { closeTimeoutMs: 20 });
      const producer = await connection.createProducer('queue://q');
      void producer.send('x');
      void producer.sendAll(['y']);
      await connection.close();
      void producer.send('z');
      void connection.createSession();
      await new Promise(setImmediate);
    } finally {
      process.off('unhandledRejection', note);
    }
    expect(unhandled).toEqual([]);
  });

  test('after close every call says so', async () => {
    await using peer = await ScriptedPeer.start();
    const connection = await connect(peer.uri);
    const producer = await connection.createProducer('queue://q');
    const consumer = await connection.createConsumer('queue://q');
    const receiving = consumer.receive();
    await connection.close();
    await expect(receiving).rejects.toMatchObject({ code: 'BATON_CLOSED' });
    await expect(producer.send('x')).rejects.toMatchObject({ code: 'BATON_CLOSED' });
    await expect(connection.createProducer('queue://q')).rejects.toMatchObject({
      code: 'BATON_CLOSED',
    });
    await expect(connection.createSession()).rejects.toMatchObject({ code: 'BATON_CLOSED' });
  });
});

describe('reaching a broker', () => {
  test('one that accepts and stays silent does not hold up the others', async () => {
    const silent = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => silent.once('listening', resolve));
    const address = silent.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    await using peer = await ScriptedPeer.start();
    try {
      const uri = `failover:(tcp://127.0.0.1:${port ?? 0},${peer.uri})?randomize=false&dialOverlap=20`;
      await using connection = await connect(uri);
      expect(connection.status.uri).toBe(peer.uri);
    } finally {
      silent.close();
    }
  });

  test('without failover the loss of the connection is final', async () => {
    await using peer = await ScriptedPeer.start();
    await using connection = await connect(peer.uri);
    const producer = await connection.createProducer('queue://q');
    const failed = next(connection, 'failed');
    peer.connections[0]?.cut();
    await failed;
    await expect(producer.send('x')).rejects.toMatchObject({ code: 'BATON_DISCONNECTED' });
    expect(connection.status.state).toBe('failed');
  });

  test('a redirect moves the connection and keeps the old broker in the list', async () => {
    await using from = await ScriptedPeer.start();
    await using to = await ScriptedPeer.start();
    await using connection = await connect(`failover:(${from.uri})`);
    const resumed = next(connection, 'resumed');
    from.connections[0]?.send(command('ConnectionControl', { reconnectTo: to.uri }));
    await resumed;
    expect(connection.status.uri).toBe(to.uri);
    const back = next(connection, 'resumed');
    await to[Symbol.asyncDispose]();
    await back;
    expect(connection.status.uri).toBe(from.uri);
  });

  test('a spare connection is held open and used at once', async () => {
    await using one = await ScriptedPeer.start();
    await using other = await ScriptedPeer.start();
    const uri = `failover:(${one.uri},${other.uri})?randomize=false&backup=true`;
    await using connection = await connect(uri);
    const spare = await other.connection(0);
    const resumed = next(connection, 'resumed');
    one.connections[0]?.cut();
    await resumed;
    expect(other.connections).toEqual([spare]);
    expect(await spare.first('ConnectionInfo')).toMatchObject({ failoverReconnect: true });
  });

  test('brokers are found in the file of updateURIsURL', async () => {
    await using peer = await ScriptedPeer.start();
    await using directory = await temporaryDirectory();
    const file = join(directory.path, 'members');
    await writeFile(file, `tcp://127.0.0.1:1,\n${peer.uri}\n`);
    await using connection = await connect(`failover:()?updateURIsURL=file:${file}`);
    expect(connection.status.uri).toBe(peer.uri);
  });

  test('with trackMessages a send that asks for no answer is repeated as well', async () => {
    await using peer = await ScriptedPeer.start(silentOn(isSend));
    await using connection = await connect(`failover:(${peer.uri})?trackMessages=true`);
    const producer = await connection.createProducer('queue://q', { isPersistent: false });
    const sent = producer.send('x');
    const first = await peer.connection(0);
    const { messageId } = await first.first('ActiveMQTextMessage');
    peer.script = agreeable;
    first.cut();
    await sent;
    const second = await peer.connection(1);
    expect((await second.first('ActiveMQTextMessage')).messageId).toEqual(messageId);
  });

  test('static: and masterslave: name brokers as failover: does', async () => {
    await using peer = await ScriptedPeer.start();
    for (const uri of [
      `static:(${peer.uri})`,
      `masterslave:(${peer.uri},tcp://127.0.0.1:1)`,
      `discovery:(static:(${peer.uri}))?randomize=false`,
    ]) {
      await using connection = await connect(uri);
      expect(connection.status.uri).toBe(peer.uri);
    }
  });

  test('a silent broker is given up, and a silent client is heard of', async () => {
    await using peer = await ScriptedPeer.start(agreeable, {
      maxInactivityDurationMs: 60,
      maxInactivityInitialDelayMs: 10,
    });
    await using connection = await connect(`failover:(${peer.uri})`);
    // The scripted peer sends no keep-alives of its own.
    const interrupted = next(connection, 'interrupted');
    await (await peer.connection(0)).first('KeepAliveInfo');
    expect(await interrupted).toMatchObject({ error: { code: 'BATON_DISCONNECTED' } });
  });
});

describe('back-pressure', () => {
  test('no more than the window is unanswered at once, and the order is kept', async () => {
    await using peer = await ScriptedPeer.start(silentOn(isSend));
    await using connection = await connect(peer.uri, { sendWindowCount: 3 });
    const producer = await connection.createProducer('queue://q');
    const all = producer.sendAll(Array.from({ length: 10 }, (_, index) => `m${index}`));
    const link = await peer.connection(0);
    for (let index = 0; index < 10; index++) {
      const send = await link.first('ActiveMQTextMessage', index);
      expect(Number(send.messageId?.producerSequenceId)).toBe(index + 1);
      expect(link.received.filter(isSend).length - index).toBeLessThanOrEqual(3);
      link.answer(send);
    }
    await all;
  });

  test('a line that is full refuses at once', async () => {
    await using peer = await ScriptedPeer.start(silentOn(isSend));
    await using connection = await connect(peer.uri, {
      sendWindowCount: 1,
      sendQueueCount: 1,
      closeTimeoutMs: 20,
    });
    const producer = await connection.createProducer('queue://q');
    void producer.send('under way');
    void producer.send('in line');
    await expect(producer.send('too many')).rejects.toMatchObject({ code: 'BATON_LIMIT' });
  });
});
