import {
  command,
  type Command,
  type ConnectionInfo,
  type ConsumerInfo,
  type WireMessage,
} from '@batonmq/openwire';
import type { RawClient } from './raw-client.ts';

/**
 * A client that has logged in, with a session 1: the commands of a JMS client without the client.
 * Ids count up by themselves.
 */
export class TestSession {
  readonly client: RawClient;
  readonly connectionId: string;
  #commandId = 0;
  #consumerCount = 0;
  #producerCount = 0;

  private constructor(client: RawClient, connectionId: string) {
    this.client = client;
    this.connectionId = connectionId;
  }

  static async open(
    client: RawClient,
    connectionId = 'ID:test:1',
    fields: Partial<ConnectionInfo> = {},
  ): Promise<TestSession> {
    const session = new TestSession(client, connectionId);
    await client.next('BrokerInfo');
    const reply = await session.request(
      command('ConnectionInfo', {
        connectionId: { type: 'ConnectionId', value: connectionId },
        clientId: `client of ${connectionId}`,
        ...fields,
      }),
    );
    if (reply.type !== 'Response') throw new Error(`the login was answered with ${reply.type}`);
    client.send(
      command('SessionInfo', { sessionId: { type: 'SessionId', connectionId, value: 1 } }),
    );
    return session;
  }

  request(asked: Command): Promise<Command> {
    return this.client.request({ ...asked, commandId: ++this.#commandId });
  }

  send(sent: Command): void {
    this.client.send({ ...sent, commandId: ++this.#commandId } as Command);
  }

  /** Opens a consumer of a queue and returns its info; its reply is the caller's if `expectReply` is off. */
  async consume(queue: string, fields: Partial<ConsumerInfo> = {}): Promise<ConsumerInfo> {
    const info = this.consumerInfo(queue, fields);
    const reply = await this.request(info);
    if (reply.type !== 'Response') throw new Error(`the consumer was answered with ${reply.type}`);
    return info;
  }

  consumerInfo(queue: string, fields: Partial<ConsumerInfo> = {}): ConsumerInfo {
    const { connectionId } = this;
    return command('ConsumerInfo', {
      consumerId: { type: 'ConsumerId', connectionId, sessionId: 1, value: ++this.#consumerCount },
      destination: { type: 'ActiveMQQueue', physicalName: queue },
      prefetchSize: 1000,
      ...fields,
    });
  }

  /** Opens a producer that names a destination with each message, and returns what makes its messages. */
  async produce(windowSize = 0): Promise<(queue: string, text?: string) => WireMessage> {
    const { connectionId } = this;
    const value = ++this.#producerCount;
    const producerId = { type: 'ProducerId', connectionId, sessionId: 1, value } as const;
    await this.request(command('ProducerInfo', { producerId, windowSize }));
    let producerSequenceId = 0;
    return (queue, text = 'hi') =>
      command('ActiveMQTextMessage', {
        producerId,
        destination: { type: 'ActiveMQQueue', physicalName: queue },
        messageId: command('MessageId', {
          producerId,
          producerSequenceId: ++producerSequenceId,
        }),
        persistent: true,
        content: Buffer.from(`\0\0\0${String.fromCharCode(text.length)}${text}`, 'latin1'),
      });
  }

  /** Begin, commit (2), roll back (4) or ask for (5) the local transaction of a number. */
  transaction(value: number, transactionType: number): Command {
    const connectionId = { type: 'ConnectionId', value: this.connectionId } as const;
    return command('TransactionInfo', {
      connectionId,
      transactionId: { type: 'LocalTransactionId', value, connectionId },
      transactionType,
    });
  }
}
