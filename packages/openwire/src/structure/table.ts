/**
 * The protocol as a table: for each structure its type code and its fields in wire order, with the
 * versions they exist in. Everything that is encoded or decoded follows from it.
 *
 * The compiler checks it against the interfaces (every field once, of a fitting wire type); a test
 * checks codes, order and versions against the protocol's published table.
 */
import type { CommandHeader, StructureOf, TypeName, WireMessage } from './commands.ts';
import type { Long, Throwable } from './data-structures.ts';

/** Highest version there is; the others count from 1. */
export const LATEST_VERSION = 12;

/** How a field is written; docs/formats/openwire.md describes each. */
export type WireType =
  | 'boolean'
  | 'byte'
  | 'int'
  | 'long'
  | 'string'
  | 'bytes'
  | 'magic'
  | 'nested'
  | 'cached'
  | 'array'
  | 'throwable';

/** One field of a structure. `Value` is what it reads as. */
export interface Field<Value = unknown> {
  readonly wire: WireType;
  /** First and last version that has it. */
  readonly since: number;
  readonly until: number;
  /** What a structure holds that was built without it, or came from a version that lacks it. */
  readonly initial: Value;
  /** Types it may hold, for nested, cached and array fields. */
  readonly holds: readonly TypeName[] | 'anything';
}

/** A structure: its code, whether it may be a frame of its own, and its fields in wire order. */
interface Row {
  readonly code: number;
  readonly since: number;
  readonly standsAlone: boolean;
  readonly fields: Readonly<Record<string, Field>>;
}

type FieldsOf<Structure> = {
  readonly [Name in Exclude<keyof Structure, 'type'>]: Field<Structure[Name]>;
};

type Table = {
  readonly [Name in TypeName]: Row & {
    readonly fields: Name extends 'NetworkBridgeFilter'
      ? FieldsOf<StructureOf<Name>> & { readonly networkTTL: Field }
      : FieldsOf<StructureOf<Name>>;
  };
};

function plain<Value>(wire: WireType, initial: Value): Field<Value> {
  return { wire, since: 1, until: LATEST_VERSION, initial, holds: [] };
}

const boolean: Field<boolean> = plain('boolean', false);
const byte: Field<number> = plain('byte', 0);
const int: Field<number> = plain('int', 0);
const long: Field<Long> = plain('long', 0);
const string: Field<string | null> = plain('string', null);
const bytes: Field<Uint8Array | null> = plain('bytes', null);
const magic: Field<Uint8Array> = plain('magic', Uint8Array.from(Buffer.from('ActiveMQ', 'latin1')));
const throwable: Field<Throwable | null> = plain('throwable', null);

type Held<Name extends TypeName> = StructureOf<Name> | null;

function nested<Name extends TypeName>(...holds: readonly Name[]): Field<Held<Name>> {
  return { ...plain('nested', null), holds };
}

function cached<Name extends TypeName>(...holds: readonly Name[]): Field<Held<Name>> {
  return { ...plain('cached', null), holds };
}

function arrayOf<Name extends TypeName>(
  ...holds: readonly Name[]
): Field<readonly Held<Name>[] | null> {
  return { ...plain('array', null), holds };
}

const anything: Field<StructureOf<TypeName> | null> = {
  ...plain('nested', null),
  holds: 'anything',
};
const arrayOfAnything: Field<readonly (StructureOf<TypeName> | null)[] | null> = {
  ...plain('array', null),
  holds: 'anything',
};

function since<Value>(version: number, field: Field<Value>): Field<Value> {
  return { ...field, since: version };
}

function until<Value>(version: number, field: Field<Value>): Field<Value> {
  return { ...field, until: version };
}

function initially<Value>(initial: NoInfer<Value>, field: Field<Value>): Field<Value> {
  return { ...field, initial };
}

export const DESTINATIONS = [
  'ActiveMQQueue',
  'ActiveMQTopic',
  'ActiveMQTempQueue',
  'ActiveMQTempTopic',
] as const;
export const TRANSACTION_IDS = ['LocalTransactionId', 'XATransactionId'] as const;
export const MESSAGES = [
  'ActiveMQMessage',
  'ActiveMQBytesMessage',
  'ActiveMQMapMessage',
  'ActiveMQObjectMessage',
  'ActiveMQStreamMessage',
  'ActiveMQTextMessage',
  'ActiveMQBlobMessage',
] as const;

function row<Fields extends Row['fields']>(code: number, fields: Fields) {
  return { code, since: 1, standsAlone: false, fields };
}

const header: FieldsOf<CommandHeader> = { commandId: int, responseRequired: boolean };

/** A command: stands alone and starts with the header. */
function command<Fields extends Row['fields']>(code: number, fields: Fields) {
  return { code, since: 1, standsAlone: true, fields: { ...header, ...fields } };
}

const message = {
  producerId: cached('ProducerId'),
  destination: cached(...DESTINATIONS),
  transactionId: cached(...TRANSACTION_IDS),
  originalDestination: cached(...DESTINATIONS),
  messageId: nested('MessageId'),
  originalTransactionId: cached(...TRANSACTION_IDS),
  groupID: string,
  groupSequence: int,
  correlationId: string,
  persistent: boolean,
  expiration: long,
  priority: byte,
  replyTo: nested(...DESTINATIONS),
  timestamp: long,
  jmsType: string,
  content: bytes,
  marshalledProperties: bytes,
  dataStructure: anything,
  targetConsumerId: cached('ConsumerId'),
  compressed: boolean,
  redeliveryCounter: int,
  brokerPath: arrayOf('BrokerId'),
  arrival: long,
  userID: string,
  recievedByDFBridge: boolean,
  droppable: since(2, boolean),
  cluster: since(3, arrayOf('BrokerId')),
  brokerInTime: since(3, long),
  brokerOutTime: since(3, long),
  JMSXGroupFirstForConsumer: since(10, boolean),
} as const;

const destination = { physicalName: string };
const response = { correlationId: int };

export const TABLE: Table = {
  WireFormatInfo: {
    ...row(1, { magic, version: int, marshalledProperties: bytes }),
    standsAlone: true,
  },
  BrokerInfo: command(2, {
    brokerId: cached('BrokerId'),
    brokerURL: string,
    peerBrokerInfos: arrayOf('BrokerInfo'),
    brokerName: string,
    slaveBroker: boolean,
    masterBroker: boolean,
    faultTolerantConfiguration: boolean,
    duplexConnection: since(2, boolean),
    networkConnection: since(2, boolean),
    connectionId: since(2, long),
    brokerUploadUrl: since(3, string),
    networkProperties: since(3, string),
  }),
  ConnectionInfo: command(3, {
    connectionId: cached('ConnectionId'),
    clientId: string,
    password: string,
    userName: string,
    brokerPath: arrayOf('BrokerId'),
    brokerMasterConnector: boolean,
    manageable: boolean,
    clientMaster: since(2, initially(true, boolean)),
    faultTolerant: since(6, boolean),
    failoverReconnect: since(6, boolean),
    clientIp: since(8, string),
  }),
  SessionInfo: command(4, { sessionId: cached('SessionId') }),
  ConsumerInfo: command(5, {
    consumerId: cached('ConsumerId'),
    browser: boolean,
    destination: cached(...DESTINATIONS),
    prefetchSize: int,
    maximumPendingMessageLimit: int,
    dispatchAsync: boolean,
    selector: string,
    clientId: since(10, string),
    subscriptionName: string,
    noLocal: boolean,
    exclusive: boolean,
    retroactive: boolean,
    priority: byte,
    brokerPath: arrayOf('BrokerId'),
    additionalPredicate: nested('NetworkBridgeFilter'),
    networkSubscription: boolean,
    optimizedAcknowledge: boolean,
    noRangeAcks: boolean,
    networkConsumerPath: since(4, arrayOf('ConsumerId')),
  }),
  ProducerInfo: command(6, {
    producerId: cached('ProducerId'),
    destination: cached(...DESTINATIONS),
    brokerPath: arrayOf('BrokerId'),
    dispatchAsync: since(2, boolean),
    windowSize: since(3, int),
  }),
  TransactionInfo: command(7, {
    connectionId: cached('ConnectionId'),
    transactionId: cached(...TRANSACTION_IDS),
    transactionType: byte,
  }),
  DestinationInfo: command(8, {
    connectionId: cached('ConnectionId'),
    destination: cached(...DESTINATIONS),
    operationType: byte,
    timeout: long,
    brokerPath: arrayOf('BrokerId'),
  }),
  RemoveSubscriptionInfo: command(9, {
    connectionId: cached('ConnectionId'),
    subscriptionName: string,
    clientId: string,
  }),
  KeepAliveInfo: command(10, {}),
  ShutdownInfo: command(11, {}),
  RemoveInfo: command(12, {
    objectId: cached('ConnectionId', 'SessionId', 'ConsumerId', 'ProducerId'),
    lastDeliveredSequenceId: since(5, initially(-2, long)),
  }),
  ControlCommand: command(14, { command: string }),
  FlushCommand: command(15, {}),
  ConnectionError: command(16, { exception: throwable, connectionId: nested('ConnectionId') }),
  ConsumerControl: command(17, {
    destination: since(6, nested(...DESTINATIONS)),
    close: boolean,
    consumerId: nested('ConsumerId'),
    prefetch: int,
    flush: since(2, boolean),
    start: since(2, boolean),
    stop: since(2, boolean),
  }),
  ConnectionControl: command(18, {
    close: boolean,
    exit: boolean,
    faultTolerant: boolean,
    resume: boolean,
    suspend: boolean,
    connectedBrokers: since(6, initially('', string)),
    reconnectTo: since(6, initially('', string)),
    rebalanceConnection: since(6, boolean),
    token: since(8, bytes),
  }),
  ProducerAck: {
    ...command(19, { producerId: since(3, nested('ProducerId')), size: since(3, int) }),
    since: 3,
  },
  MessagePull: {
    ...command(20, {
      consumerId: since(2, cached('ConsumerId')),
      destination: since(2, cached(...DESTINATIONS)),
      timeout: since(2, long),
      correlationId: since(3, string),
      messageId: since(3, nested('MessageId')),
    }),
    since: 2,
  },
  MessageDispatch: command(21, {
    consumerId: cached('ConsumerId'),
    destination: cached(...DESTINATIONS),
    message: nested(...MESSAGES),
    redeliveryCounter: int,
  }),
  MessageAck: command(22, {
    destination: cached(...DESTINATIONS),
    transactionId: cached(...TRANSACTION_IDS),
    consumerId: cached('ConsumerId'),
    ackType: byte,
    firstMessageId: nested('MessageId'),
    lastMessageId: nested('MessageId'),
    messageCount: int,
    poisonCause: since(7, throwable),
  }),
  ActiveMQMessage: command(23, message),
  ActiveMQBytesMessage: command(24, message),
  ActiveMQMapMessage: command(25, message),
  ActiveMQObjectMessage: command(26, message),
  ActiveMQStreamMessage: command(27, message),
  ActiveMQTextMessage: command(28, message),
  ActiveMQBlobMessage: {
    ...command(29, {
      ...message,
      remoteBlobUrl: since(3, string),
      mimeType: since(3, initially('application/octet-stream', string)),
      deletedByBroker: since(3, boolean),
    }),
    since: 3,
  },
  Response: command(30, response),
  ExceptionResponse: command(31, { ...response, exception: throwable }),
  DataResponse: command(32, { ...response, data: anything }),
  DataArrayResponse: command(33, { ...response, data: arrayOfAnything }),
  IntegerResponse: command(34, { ...response, result: int }),
  DiscoveryEvent: row(40, { serviceName: string, brokerName: string }),
  JournalTopicAck: row(50, {
    destination: nested(...DESTINATIONS),
    messageId: nested('MessageId'),
    messageSequenceId: long,
    subscriptionName: string,
    clientId: string,
    transactionId: nested(...TRANSACTION_IDS),
  }),
  JournalQueueAck: row(52, {
    destination: nested(...DESTINATIONS),
    messageAck: nested('MessageAck'),
  }),
  JournalTrace: row(53, { message: string }),
  JournalTransaction: row(54, {
    transactionId: nested(...TRANSACTION_IDS),
    transactionType: byte,
    wasPrepared: boolean,
  }),
  SubscriptionInfo: row(55, {
    clientId: string,
    destination: cached(...DESTINATIONS),
    selector: string,
    subscriptionName: string,
    subscribedDestination: since(3, nested(...DESTINATIONS)),
    noLocal: since(11, boolean),
  }),
  PartialCommand: { ...row(60, { commandId: int, data: bytes }), standsAlone: true },
  LastPartialCommand: { ...row(61, { commandId: int, data: bytes }), standsAlone: true },
  ReplayCommand: command(65, { firstNakNumber: int, lastNakNumber: int }),
  MessageDispatchNotification: command(90, {
    consumerId: cached('ConsumerId'),
    destination: cached(...DESTINATIONS),
    deliverySequenceId: long,
    messageId: nested('MessageId'),
  }),
  NetworkBridgeFilter: row(91, {
    networkTTL: until(9, int),
    networkBrokerId: cached('BrokerId'),
    messageTTL: since(10, int),
    consumerTTL: since(10, int),
  }),
  BrokerSubscriptionInfo: {
    ...command(92, {
      brokerId: since(12, nested('BrokerId')),
      brokerName: since(12, string),
      subscriptionInfos: since(12, arrayOf('ConsumerInfo')),
    }),
    since: 12,
  },
  ActiveMQQueue: row(100, destination),
  ActiveMQTopic: row(101, destination),
  ActiveMQTempQueue: row(102, destination),
  ActiveMQTempTopic: row(103, destination),
  MessageId: row(110, {
    textView: since(10, string),
    producerId: cached('ProducerId'),
    producerSequenceId: long,
    brokerSequenceId: long,
  }),
  LocalTransactionId: row(111, { value: long, connectionId: cached('ConnectionId') }),
  XATransactionId: row(112, {
    formatId: int,
    globalTransactionId: bytes,
    branchQualifier: bytes,
  }),
  ConnectionId: row(120, { value: string }),
  SessionId: row(121, { connectionId: string, value: long }),
  ConsumerId: row(122, { connectionId: string, sessionId: long, value: long }),
  ProducerId: row(123, { connectionId: string, value: long, sessionId: long }),
  BrokerId: row(124, { value: string }),
};

const MESSAGE_NAMES: ReadonlySet<string> = new Set(MESSAGES);

/** True for the seven kinds of message. */
export function isWireMessage(structure: { readonly type: string }): structure is WireMessage {
  return MESSAGE_NAMES.has(structure.type);
}
