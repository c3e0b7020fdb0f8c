/**
 * The OpenWire protocol, versions 1 to 12: bytes to commands and back. No sockets, no clock.
 *
 * @packageDocumentation
 */
export { command } from './structure/build-command.ts';
export {
  ACK_TYPE,
  DESTINATION_OPERATION,
  TRANSACTION_TYPE,
  type ActiveMQBlobMessage,
  type ActiveMQBytesMessage,
  type ActiveMQMapMessage,
  type ActiveMQMessage,
  type ActiveMQObjectMessage,
  type ActiveMQStreamMessage,
  type ActiveMQTextMessage,
  type BrokerInfo,
  type BrokerSubscriptionInfo,
  type Command,
  type CommandHeader,
  type ConnectionControl,
  type ConnectionError,
  type ConnectionInfo,
  type ConsumerControl,
  type ConsumerInfo,
  type ControlCommand,
  type DataArrayResponse,
  type DataResponse,
  type DataStructure,
  type DestinationInfo,
  type ExceptionResponse,
  type FlushCommand,
  type IntegerResponse,
  type JournalQueueAck,
  type KeepAliveInfo,
  type LastPartialCommand,
  type MessageAck,
  type MessageDispatch,
  type MessageDispatchNotification,
  type MessagePull,
  type PartialCommand,
  type ProducerAck,
  type ProducerInfo,
  type RemoveInfo,
  type RemoveSubscriptionInfo,
  type ReplayCommand,
  type Response,
  type SessionInfo,
  type ShutdownInfo,
  type StructureOf,
  type TransactionInfo,
  type TypeName,
  type WireFormatInfo,
  type WireMessage,
  type WireResponse,
} from './structure/commands.ts';
export type {
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
  StackFrame,
  SubscriptionInfo,
  Throwable,
  WireDestination,
  WireTransactionId,
  XATransactionId,
} from './structure/data-structures.ts';
export { isWireMessage, LATEST_VERSION } from './structure/table.ts';
export { createWireFormat, WireFormat } from './codec/wire-format.ts';
export type { CodecSettings, WireFormatSettings } from './codec/settings.ts';
export {
  decodeMap,
  decodeProperties,
  decodeStream,
  decodeText,
  encodeMap,
  encodeProperties,
  encodeStream,
  encodeText,
} from './body/bodies.ts';
export { compressedContent, uncompressedContent } from './body/compression.ts';
export { detach, FrameReader } from './connection/frame-reader.ts';
export { FrameWriter } from './connection/frame-writer.ts';
export {
  checkInactivity,
  type InactivityTimes,
  type InactivityVerdict,
} from './connection/inactivity.ts';
export {
  negotiate,
  preferredWireFormatInfo,
  readPreferences,
  WIRE_FORMAT_DEFAULTS,
  type WireFormatOptions,
  type WireFormatPreferences,
} from './connection/negotiation.ts';
export {
  plainEntries,
  primitiveMap,
  toPlain,
  toPrimitive,
  type PlainValue,
  type PrimitiveMap,
  type PrimitiveValue,
} from './body/primitive-value.ts';
