/**
 * A client for BatonMQ and ActiveMQ.
 *
 * @example
 * ```ts
 * import { connect } from '@batonmq/client';
 *
 * await using connection = await connect('failover:(tcp://127.0.0.1:61616,tcp://127.0.0.1:61617)');
 * const producer = await connection.createProducer('queue://orders');
 * await producer.send('two coffees');
 *
 * const consumer = await connection.createConsumer('queue://orders');
 * for await (const message of consumer) console.log(message.text);
 * ```
 *
 * @packageDocumentation
 */
export { connect } from './connect.ts';
export {
  Connection,
  type ConnectionConsumerOptions,
  type ConnectionStatus,
} from './connection/connection.ts';
export type { BrowseOptions } from './connection/browse.ts';
export { Consumer, type ConsumerOptions } from './consumer/consumer.ts';
export type { CallOptions } from './deadline.ts';
export type { ConnectionEvent, ConnectionEventType } from './events.ts';
export type { OutgoingMessage, Sendable } from './message/outgoing-message.ts';
export { ReceivedMessage, type MessageKind } from './message/received-message.ts';
export {
  byte,
  char,
  double,
  float,
  int,
  long,
  short,
  TypedValue,
  type MessageValue,
} from './message/typed-value.ts';
export type { DestinationLike } from './message/wire-destination.ts';
export { CONNECT_DEFAULTS, type ConnectOptions } from './options.ts';
export {
  Producer,
  SendReceipt,
  type ProducerOptions,
  type SendOptions,
} from './producer/producer.ts';
export type { MessageSchedule } from './producer/message-schedule.ts';
export { Session, type AcknowledgeMode, type SessionOptions } from './session/session.ts';
export type { TlsTrust } from '@batonmq/transport';
