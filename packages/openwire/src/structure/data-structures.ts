/**
 * The parts that commands are made of: ids, destinations, errors and a few records of their own.
 *
 * Names of types and fields are those of the protocol's Java classes, so that they can be looked up
 * anywhere, with one exception: a field that the protocol calls `type` is called `jmsType` or
 * `transactionType`, because here `type` always says which structure it is.
 */

/** A 64-bit integer: a number when it is a safe integer, a bigint otherwise, so nothing is lost. */
export type Long = number | bigint;

export interface ConnectionId {
  readonly type: 'ConnectionId';
  /** E.g. `ID:host-4711-1700000000000-1:1`. */
  readonly value: string | null;
}

export interface SessionId {
  readonly type: 'SessionId';
  readonly connectionId: string | null;
  /** Counts from 1 in its connection; -1 is the connection's own session for advisories. */
  readonly value: Long;
}

export interface ConsumerId {
  readonly type: 'ConsumerId';
  readonly connectionId: string | null;
  readonly sessionId: Long;
  readonly value: Long;
}

export interface ProducerId {
  readonly type: 'ProducerId';
  readonly connectionId: string | null;
  readonly value: Long;
  readonly sessionId: Long;
}

export interface BrokerId {
  readonly type: 'BrokerId';
  readonly value: string | null;
}

/** Two ids are the same message if producer and producer sequence agree; the rest is not identity. */
export interface MessageId {
  readonly type: 'MessageId';
  /** The id as a foreign protocol wrote it. Versions 10 and later. */
  readonly textView: string | null;
  readonly producerId: ProducerId | null;
  readonly producerSequenceId: Long;
  /** Place of the message in the broker that dispatched it; clients echo it in acks. */
  readonly brokerSequenceId: Long;
}

export interface LocalTransactionId {
  readonly type: 'LocalTransactionId';
  readonly value: Long;
  readonly connectionId: ConnectionId | null;
}

export interface XATransactionId {
  readonly type: 'XATransactionId';
  readonly formatId: number;
  readonly globalTransactionId: Uint8Array | null;
  readonly branchQualifier: Uint8Array | null;
}

export type WireTransactionId = LocalTransactionId | XATransactionId;

interface DestinationFields {
  /** May be a comma-separated composite, hold wildcards, or end in `?options`. */
  readonly physicalName: string | null;
}

export interface ActiveMQQueue extends DestinationFields {
  readonly type: 'ActiveMQQueue';
}

export interface ActiveMQTopic extends DestinationFields {
  readonly type: 'ActiveMQTopic';
}

export interface ActiveMQTempQueue extends DestinationFields {
  readonly type: 'ActiveMQTempQueue';
}

export interface ActiveMQTempTopic extends DestinationFields {
  readonly type: 'ActiveMQTempTopic';
}

export type WireDestination = ActiveMQQueue | ActiveMQTopic | ActiveMQTempQueue | ActiveMQTempTopic;

/**
 * An exception of the peer, as text. `className` is never anything but text here: no class is ever
 * looked up by it. `stackTrace` and `cause` travel only if stack traces were negotiated; without
 * them both are null.
 */
export interface Throwable {
  readonly className: string;
  readonly message: string | null;
  readonly stackTrace: readonly StackFrame[] | null;
  readonly cause: Throwable | null;
}

/** `line` is -1 where it is not known and -2 for native code. */
export interface StackFrame {
  readonly declaringClass: string;
  readonly method: string;
  readonly file: string | null;
  readonly line: number;
}

/** A durable subscription, as it appears in advisories and in stores. */
export interface SubscriptionInfo {
  readonly type: 'SubscriptionInfo';
  readonly clientId: string | null;
  readonly destination: WireDestination | null;
  readonly selector: string | null;
  readonly subscriptionName: string | null;
  /** What was subscribed to, perhaps a wildcard; `destination` is concrete. Versions 3 and later. */
  readonly subscribedDestination: WireDestination | null;
  /** Versions 11 and later. */
  readonly noLocal: boolean;
}

/**
 * Filter that a network bridge attaches to its subscription. Versions 1 to 9 know one TTL only:
 * decoding them sets both fields to it, encoding them sends `messageTTL`.
 */
export interface NetworkBridgeFilter {
  readonly type: 'NetworkBridgeFilter';
  readonly networkBrokerId: BrokerId | null;
  readonly messageTTL: number;
  readonly consumerTTL: number;
}

/** Used by discovery agents; never a command of its own. */
export interface DiscoveryEvent {
  readonly type: 'DiscoveryEvent';
  readonly serviceName: string | null;
  readonly brokerName: string | null;
}

export interface JournalTopicAck {
  readonly type: 'JournalTopicAck';
  readonly destination: WireDestination | null;
  readonly messageId: MessageId | null;
  readonly messageSequenceId: Long;
  readonly subscriptionName: string | null;
  readonly clientId: string | null;
  readonly transactionId: WireTransactionId | null;
}

export interface JournalTrace {
  readonly type: 'JournalTrace';
  readonly message: string | null;
}

export interface JournalTransaction {
  readonly type: 'JournalTransaction';
  readonly transactionId: WireTransactionId | null;
  readonly transactionType: number;
  readonly wasPrepared: boolean;
}

/** What a peer may hold by id and give up again with `RemoveInfo`. */
export type RemovableId = ConnectionId | SessionId | ConsumerId | ProducerId;
