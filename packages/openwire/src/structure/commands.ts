import type {
  ActiveMQQueue,
  ActiveMQTempQueue,
  ActiveMQTempTopic,
  ActiveMQTopic,
  BrokerId,
  ConnectionId,
  ConsumerId,
  DiscoveryEvent,
  JournalTopicAck,
  JournalTrace,
  JournalTransaction,
  LocalTransactionId,
  Long,
  MessageId,
  NetworkBridgeFilter,
  ProducerId,
  RemovableId,
  SessionId,
  SubscriptionInfo,
  Throwable,
  WireDestination,
  WireTransactionId,
  XATransactionId,
} from './data-structures.ts';

/** What nearly every command starts with. */
export interface CommandHeader {
  /** Number the sender gave the command, for the reply to name; 0 if it numbers none. */
  readonly commandId: number;
  /** True if exactly one reply with `correlationId` equal to `commandId` is expected. */
  readonly responseRequired: boolean;
}

/**
 * First frame of each direction: version and preferences of the sender. Always encoded loose and
 * uncached, whatever is negotiated.
 */
export interface WireFormatInfo {
  readonly type: 'WireFormatInfo';
  /** The eight ASCII bytes `ActiveMQ`. */
  readonly magic: Uint8Array;
  readonly version: number;
  /** A primitive map; see `readPreferences`. */
  readonly marshalledProperties: Uint8Array | null;
}

/** Says who the broker is; it sends one as soon as the formats are agreed. */
export interface BrokerInfo extends CommandHeader {
  readonly type: 'BrokerInfo';
  readonly brokerId: BrokerId | null;
  readonly brokerURL: string | null;
  readonly peerBrokerInfos: readonly (BrokerInfo | null)[] | null;
  readonly brokerName: string | null;
  readonly slaveBroker: boolean;
  readonly masterBroker: boolean;
  readonly faultTolerantConfiguration: boolean;
  readonly duplexConnection: boolean;
  readonly networkConnection: boolean;
  /** A plain number here, not a `ConnectionId`; 0 in practice. */
  readonly connectionId: Long;
  readonly brokerUploadUrl: string | null;
  /** Settings of a network connector in `key=value` lines. */
  readonly networkProperties: string | null;
}

export interface ConnectionInfo extends CommandHeader {
  readonly type: 'ConnectionInfo';
  readonly connectionId: ConnectionId | null;
  readonly clientId: string | null;
  readonly password: string | null;
  readonly userName: string | null;
  readonly brokerPath: readonly (BrokerId | null)[] | null;
  readonly brokerMasterConnector: boolean;
  /** The client accepts `ConnectionControl` and `ConsumerControl`. */
  readonly manageable: boolean;
  readonly clientMaster: boolean;
  readonly faultTolerant: boolean;
  /** A failover client that was connected before. Versions 6 and later. */
  readonly failoverReconnect: boolean;
  /** Filled in by the broker. Versions 8 and later. */
  readonly clientIp: string | null;
}

export interface SessionInfo extends CommandHeader {
  readonly type: 'SessionInfo';
  readonly sessionId: SessionId | null;
}

export interface ConsumerInfo extends CommandHeader {
  readonly type: 'ConsumerInfo';
  readonly consumerId: ConsumerId | null;
  readonly browser: boolean;
  readonly destination: WireDestination | null;
  /** Messages the broker may have in flight to this consumer; 0 means it asks with `MessagePull`. */
  readonly prefetchSize: number;
  readonly maximumPendingMessageLimit: number;
  readonly dispatchAsync: boolean;
  readonly selector: string | null;
  readonly clientId: string | null;
  /** Name of a durable subscription, null if it is none. */
  readonly subscriptionName: string | null;
  readonly noLocal: boolean;
  readonly exclusive: boolean;
  readonly retroactive: boolean;
  /** -128 to 127; greater is served first. */
  readonly priority: number;
  readonly brokerPath: readonly (BrokerId | null)[] | null;
  readonly additionalPredicate: NetworkBridgeFilter | null;
  readonly networkSubscription: boolean;
  readonly optimizedAcknowledge: boolean;
  readonly noRangeAcks: boolean;
  readonly networkConsumerPath: readonly (ConsumerId | null)[] | null;
}

export interface ProducerInfo extends CommandHeader {
  readonly type: 'ProducerInfo';
  readonly producerId: ProducerId | null;
  /** Null for a producer that names a destination with every message. */
  readonly destination: WireDestination | null;
  readonly brokerPath: readonly (BrokerId | null)[] | null;
  readonly dispatchAsync: boolean;
  /** Bytes that may be unacknowledged by `ProducerAck`; 0 is no window. */
  readonly windowSize: number;
}

/** See `TRANSACTION_TYPE` for `transactionType`. */
export interface TransactionInfo extends CommandHeader {
  readonly type: 'TransactionInfo';
  readonly connectionId: ConnectionId | null;
  readonly transactionId: WireTransactionId | null;
  readonly transactionType: number;
}

/** Adds (`operationType` 0) or removes (1) a destination. */
export interface DestinationInfo extends CommandHeader {
  readonly type: 'DestinationInfo';
  readonly connectionId: ConnectionId | null;
  readonly destination: WireDestination | null;
  readonly operationType: number;
  readonly timeout: Long;
  readonly brokerPath: readonly (BrokerId | null)[] | null;
}

/** Deletes a durable subscription. */
export interface RemoveSubscriptionInfo extends CommandHeader {
  readonly type: 'RemoveSubscriptionInfo';
  readonly connectionId: ConnectionId | null;
  readonly subscriptionName: string | null;
  readonly clientId: string | null;
}

/** Keeps an idle connection alive; answered only if it asks to be, by another `KeepAliveInfo`. */
export interface KeepAliveInfo extends CommandHeader {
  readonly type: 'KeepAliveInfo';
}

export interface ShutdownInfo extends CommandHeader {
  readonly type: 'ShutdownInfo';
}

/** Ends a connection, session, consumer or producer. */
export interface RemoveInfo extends CommandHeader {
  readonly type: 'RemoveInfo';
  readonly objectId: RemovableId | null;
  /** Last `brokerSequenceId` the consumer saw; -1 none, -2 not known. */
  readonly lastDeliveredSequenceId: Long;
}

export interface ControlCommand extends CommandHeader {
  readonly type: 'ControlCommand';
  readonly command: string | null;
}

export interface FlushCommand extends CommandHeader {
  readonly type: 'FlushCommand';
}

/** A failure that answers no command. */
export interface ConnectionError extends CommandHeader {
  readonly type: 'ConnectionError';
  readonly exception: Throwable | null;
  readonly connectionId: ConnectionId | null;
}

export interface ConsumerControl extends CommandHeader {
  readonly type: 'ConsumerControl';
  readonly destination: WireDestination | null;
  readonly close: boolean;
  readonly consumerId: ConsumerId | null;
  readonly prefetch: number;
  readonly flush: boolean;
  readonly start: boolean;
  readonly stop: boolean;
}

export interface ConnectionControl extends CommandHeader {
  readonly type: 'ConnectionControl';
  readonly close: boolean;
  readonly exit: boolean;
  readonly faultTolerant: boolean;
  readonly resume: boolean;
  readonly suspend: boolean;
  /** Comma-separated URIs of brokers a failover client may use. */
  readonly connectedBrokers: string | null;
  readonly reconnectTo: string | null;
  readonly rebalanceConnection: boolean;
  readonly token: Uint8Array | null;
}

/** Gives a producer window back. Versions 3 and later. */
export interface ProducerAck extends CommandHeader {
  readonly type: 'ProducerAck';
  readonly producerId: ProducerId | null;
  /** Bytes. */
  readonly size: number;
}

/** Asks for one message on behalf of a consumer without prefetch. Versions 2 and later. */
export interface MessagePull extends CommandHeader {
  readonly type: 'MessagePull';
  readonly consumerId: ConsumerId | null;
  readonly destination: WireDestination | null;
  /** Milliseconds to wait; 0 for ever, -1 not at all. */
  readonly timeout: Long;
  readonly correlationId: string | null;
  readonly messageId: MessageId | null;
}

interface MessageFields extends CommandHeader {
  readonly producerId: ProducerId | null;
  readonly destination: WireDestination | null;
  readonly transactionId: WireTransactionId | null;
  /** Where it was sent first, if it has been moved (dead letter) or fanned out (virtual topic). */
  readonly originalDestination: WireDestination | null;
  readonly messageId: MessageId | null;
  readonly originalTransactionId: WireTransactionId | null;
  readonly groupID: string | null;
  readonly groupSequence: number;
  readonly correlationId: string | null;
  readonly persistent: boolean;
  /** Milliseconds since 1970; 0 is never. */
  readonly expiration: Long;
  /** 0 to 9 by JMS, -128 to 127 on the wire. */
  readonly priority: number;
  readonly replyTo: WireDestination | null;
  /** Milliseconds since 1970. */
  readonly timestamp: Long;
  /** `JMSType`; the protocol calls this field `type`. */
  readonly jmsType: string | null;
  /** The body, see `decodeText` and its siblings. A decoded one aliases its frame. */
  readonly content: Uint8Array | null;
  /** A primitive map, see `decodeProperties`. A decoded one aliases its frame. */
  readonly marshalledProperties: Uint8Array | null;
  /** What an advisory message is about. */
  readonly dataStructure: DataStructure | null;
  readonly targetConsumerId: ConsumerId | null;
  /** The body is deflated, see `decompress`. */
  readonly compressed: boolean;
  readonly redeliveryCounter: number;
  readonly brokerPath: readonly (BrokerId | null)[] | null;
  readonly arrival: Long;
  readonly userID: string | null;
  /** Spelt as in the protocol. Means nothing to a receiver. */
  readonly recievedByDFBridge: boolean;
  readonly droppable: boolean;
  readonly cluster: readonly (BrokerId | null)[] | null;
  /** Milliseconds since 1970 on the clock of the last broker. */
  readonly brokerInTime: Long;
  readonly brokerOutTime: Long;
  /** First message of its group for this consumer. Versions 10 and later. */
  readonly JMSXGroupFirstForConsumer: boolean;
}

/** A message without a body. */
export interface ActiveMQMessage extends MessageFields {
  readonly type: 'ActiveMQMessage';
}

export interface ActiveMQBytesMessage extends MessageFields {
  readonly type: 'ActiveMQBytesMessage';
}

export interface ActiveMQMapMessage extends MessageFields {
  readonly type: 'ActiveMQMapMessage';
}

/** The body is a Java serialization stream, which BatonMQ passes on and never reads. */
export interface ActiveMQObjectMessage extends MessageFields {
  readonly type: 'ActiveMQObjectMessage';
}

export interface ActiveMQStreamMessage extends MessageFields {
  readonly type: 'ActiveMQStreamMessage';
}

export interface ActiveMQTextMessage extends MessageFields {
  readonly type: 'ActiveMQTextMessage';
}

/** The body lies elsewhere, at `remoteBlobUrl`. Versions 3 and later. */
export interface ActiveMQBlobMessage extends MessageFields {
  readonly type: 'ActiveMQBlobMessage';
  readonly remoteBlobUrl: string | null;
  readonly mimeType: string | null;
  readonly deletedByBroker: boolean;
}

export type WireMessage =
  | ActiveMQMessage
  | ActiveMQBytesMessage
  | ActiveMQMapMessage
  | ActiveMQObjectMessage
  | ActiveMQStreamMessage
  | ActiveMQTextMessage
  | ActiveMQBlobMessage;

/** Hands a message to a consumer; a null message ends a browse or an unanswered pull. */
export interface MessageDispatch extends CommandHeader {
  readonly type: 'MessageDispatch';
  readonly consumerId: ConsumerId | null;
  readonly destination: WireDestination | null;
  readonly message: WireMessage | null;
  /** This count, not the one inside the message, is what clients show. */
  readonly redeliveryCounter: number;
}

/** See `ACK_TYPE` for `ackType`. */
export interface MessageAck extends CommandHeader {
  readonly type: 'MessageAck';
  readonly destination: WireDestination | null;
  readonly transactionId: WireTransactionId | null;
  readonly consumerId: ConsumerId | null;
  readonly ackType: number;
  /** Start of the range; null if only the last message is named. */
  readonly firstMessageId: MessageId | null;
  readonly lastMessageId: MessageId | null;
  readonly messageCount: number;
  /** Why the consumer gave up on it. Versions 7 and later. */
  readonly poisonCause: Throwable | null;
}

interface ResponseFields extends CommandHeader {
  /** `commandId` of the command this answers. */
  readonly correlationId: number;
}

export interface Response extends ResponseFields {
  readonly type: 'Response';
}

export interface ExceptionResponse extends ResponseFields {
  readonly type: 'ExceptionResponse';
  readonly exception: Throwable | null;
}

export interface DataResponse extends ResponseFields {
  readonly type: 'DataResponse';
  readonly data: DataStructure | null;
}

export interface DataArrayResponse extends ResponseFields {
  readonly type: 'DataArrayResponse';
  readonly data: readonly (DataStructure | null)[] | null;
}

export interface IntegerResponse extends ResponseFields {
  readonly type: 'IntegerResponse';
  readonly result: number;
}

export type WireResponse =
  Response | ExceptionResponse | DataResponse | DataArrayResponse | IntegerResponse;

/** Part of a command cut up for datagrams; no stream transport sends it. */
export interface PartialCommand {
  readonly type: 'PartialCommand';
  readonly commandId: number;
  readonly data: Uint8Array | null;
}

export interface LastPartialCommand {
  readonly type: 'LastPartialCommand';
  readonly commandId: number;
  readonly data: Uint8Array | null;
}

export interface ReplayCommand extends CommandHeader {
  readonly type: 'ReplayCommand';
  readonly firstNakNumber: number;
  readonly lastNakNumber: number;
}

export interface MessageDispatchNotification extends CommandHeader {
  readonly type: 'MessageDispatchNotification';
  readonly consumerId: ConsumerId | null;
  readonly destination: WireDestination | null;
  readonly deliverySequenceId: Long;
  readonly messageId: MessageId | null;
}

/** Subscriptions a network bridge should know of from the start. Version 12. */
export interface BrokerSubscriptionInfo extends CommandHeader {
  readonly type: 'BrokerSubscriptionInfo';
  readonly brokerId: BrokerId | null;
  readonly brokerName: string | null;
  readonly subscriptionInfos: readonly (ConsumerInfo | null)[] | null;
}

export interface JournalQueueAck {
  readonly type: 'JournalQueueAck';
  readonly destination: WireDestination | null;
  readonly messageAck: MessageAck | null;
}

/** What may stand alone in a frame. Told apart by `type`, the name of the protocol's Java class. */
export type Command =
  | WireFormatInfo
  | BrokerInfo
  | ConnectionInfo
  | SessionInfo
  | ConsumerInfo
  | ProducerInfo
  | TransactionInfo
  | DestinationInfo
  | RemoveSubscriptionInfo
  | KeepAliveInfo
  | ShutdownInfo
  | RemoveInfo
  | ControlCommand
  | FlushCommand
  | ConnectionError
  | ConsumerControl
  | ConnectionControl
  | ProducerAck
  | MessagePull
  | MessageDispatch
  | MessageAck
  | WireMessage
  | WireResponse
  | PartialCommand
  | LastPartialCommand
  | ReplayCommand
  | MessageDispatchNotification
  | BrokerSubscriptionInfo;

/** Every structure of the protocol: the commands and what only occurs inside them. */
export type DataStructure =
  | Command
  | DiscoveryEvent
  | JournalTopicAck
  | JournalQueueAck
  | JournalTrace
  | JournalTransaction
  | SubscriptionInfo
  | NetworkBridgeFilter
  | ActiveMQQueue
  | ActiveMQTopic
  | ActiveMQTempQueue
  | ActiveMQTempTopic
  | MessageId
  | LocalTransactionId
  | XATransactionId
  | ConnectionId
  | SessionId
  | ConsumerId
  | ProducerId
  | BrokerId;

/** Names of the 57 structures. */
export type TypeName = DataStructure['type'];

/** The structure of a name. */
export type StructureOf<T extends TypeName> = Extract<DataStructure, { readonly type: T }>;

/** Values of `MessageAck.ackType`. */
export const ACK_TYPE = {
  /** Delivered to the client, not yet consumed: the prefetch window may move on. */
  delivered: 0,
  /** Could not be processed: goes to the dead letter destination. */
  poison: 1,
  /** Consumed, with everything before it in the range. */
  standard: 2,
  /** Rolled back on the client and about to be delivered again there. */
  redelivered: 3,
  /** Consumed, this message alone. */
  individual: 4,
  /** A topic consumer's selector did not match. */
  unmatched: 5,
  /** Expired when the client looked at it. */
  expired: 6,
} as const;

/** Values of `TransactionInfo.transactionType`. */
export const TRANSACTION_TYPE = {
  begin: 0,
  prepare: 1,
  commitOnePhase: 2,
  commitTwoPhase: 3,
  rollback: 4,
  recover: 5,
  forget: 6,
  end: 7,
} as const;

/** Values of `DestinationInfo.operationType`. */
export const DESTINATION_OPERATION = { add: 0, remove: 1 } as const;
