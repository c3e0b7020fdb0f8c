/**
 * The broker without sockets or disks.
 *
 * @packageDocumentation
 */
export type { Broker, DestinationStatus } from './broker.ts';
export type {
  BrokerConnection,
  ConnectionControl,
  ConnectOptions,
  ProducerOptions,
  Receipt,
} from './connection/connection.ts';
export type { BrokerEvent, BrokerEventType } from './events.ts';
export type { Role } from './role/role.ts';
export {
  LAST_DELIVERED_NONE,
  LAST_DELIVERED_UNKNOWN,
  type Ack,
  type AckKind,
  type Delivery,
  type DispatchSink,
  type MessageReference,
  type SubscribeOptions,
  type Subscription,
} from './subscription/subscription.ts';
