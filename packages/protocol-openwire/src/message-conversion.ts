import { isBrokerError, type ContentKind, type Message } from '@batonmq/model';
import type { Delivery } from '@batonmq/broker-core';
import { decodeProperties, encodeProperties } from '@batonmq/message-content';
import {
  command,
  createWireFormat,
  detach,
  isWireMessage,
  LATEST_VERSION,
  type ActiveMQBlobMessage,
  type MessageId as WireMessageId,
  type WireMessage,
} from '@batonmq/openwire';
import { destinationOf, optionalDestinationOf, wireDestination } from './destination-conversion.ts';
import {
  missing,
  safe,
  transactionId,
  wireProducerId,
  wireTransactionId,
  type ProducerIds,
} from './identity.ts';

const KINDS: Readonly<Record<WireMessage['type'], ContentKind>> = {
  ActiveMQMessage: 'empty',
  ActiveMQTextMessage: 'text',
  ActiveMQBytesMessage: 'bytes',
  ActiveMQMapMessage: 'map',
  ActiveMQStreamMessage: 'stream',
  ActiveMQObjectMessage: 'object',
  ActiveMQBlobMessage: 'blob',
};

const TYPES: Readonly<Record<ContentKind, WireMessage['type']>> = {
  empty: 'ActiveMQMessage',
  text: 'ActiveMQTextMessage',
  bytes: 'ActiveMQBytesMessage',
  map: 'ActiveMQMapMessage',
  stream: 'ActiveMQStreamMessage',
  object: 'ActiveMQObjectMessage',
  blob: 'ActiveMQBlobMessage',
};

/**
 * The broker's message for one that arrived.
 *
 * @param brokerInTime - Wall clock of its arrival, milliseconds.
 * @throws `BATON_INVALID_ARGUMENT` for a message without id, producer or destination.
 */
export function messageOf(wire: WireMessage, ids: ProducerIds, brokerInTime: number): Message {
  const wireId = wire.messageId;
  if (wireId === null) throw missing('message id');
  const sender = ids.toModel(wire.producerId);
  return {
    id: {
      // Nearly always the same producer: the second look-up hits.
      producerId: ids.toModel(wireId.producerId),
      producerSequence: safe(wireId.producerSequenceId, 'a message'),
      textView: wireId.textView ?? undefined,
    },
    producerId: sender,
    destination: destinationOf(wire.destination),
    originalDestination: optionalDestinationOf(wire.originalDestination),
    transactionId: wire.transactionId === null ? undefined : transactionId(wire.transactionId),
    originalTransactionId:
      wire.originalTransactionId === null ? undefined : transactionId(wire.originalTransactionId),
    isPersistent: wire.persistent,
    priority: Math.max(0, Math.min(9, wire.priority)),
    timestamp: Number(wire.timestamp),
    expiration: Number(wire.expiration),
    correlationId: wire.correlationId ?? undefined,
    type: wire.jmsType ?? undefined,
    replyTo: optionalDestinationOf(wire.replyTo),
    groupId: wire.groupID ?? undefined,
    groupSequence: wire.groupSequence,
    userId: wire.userID ?? undefined,
    contentKind: KINDS[wire.type],
    isCompressed: wire.compressed,
    properties: ownBytes(wire.marshalledProperties),
    content: ownBytes(wire.content),
    redeliveryCount: wire.redeliveryCounter,
    brokerInTime,
    extension: extensionOf(wire),
  };
}

/**
 * The message as its consumer gets it: what was sent, with this broker's marks.
 *
 * @param brokerOutTime - Wall clock of the dispatch, milliseconds.
 */
export function wireMessageOf(delivery: Delivery, brokerOutTime: number): WireMessage {
  const { message } = delivery;
  const wire = {
    type: TYPES[message.contentKind],
    commandId: 0,
    responseRequired: false,
    producerId: wireProducerId(message.producerId),
    destination: wireDestination(message.destination),
    transactionId: message.transactionId ? wireTransactionId(message.transactionId) : null,
    originalDestination: message.originalDestination
      ? wireDestination(message.originalDestination)
      : null,
    messageId: wireMessageId(message, delivery.brokerSequence),
    originalTransactionId: message.originalTransactionId
      ? wireTransactionId(message.originalTransactionId)
      : null,
    groupID: message.groupId ?? null,
    groupSequence: message.groupSequence,
    correlationId: message.correlationId ?? null,
    persistent: message.isPersistent,
    expiration: message.expiration,
    priority: message.priority,
    replyTo: message.replyTo ? wireDestination(message.replyTo) : null,
    timestamp: message.timestamp,
    jmsType: message.type ?? null,
    content: message.content ?? null,
    marshalledProperties: propertiesOf(delivery),
    dataStructure: null,
    targetConsumerId: null,
    compressed: message.isCompressed,
    redeliveryCounter: delivery.redeliveryCount,
    brokerPath: null,
    arrival: 0,
    userID: message.userId ?? null,
    recievedByDFBridge: false,
    droppable: false,
    cluster: null,
    brokerInTime: message.brokerInTime,
    brokerOutTime,
    JMSXGroupFirstForConsumer: delivery.isFirstForConsumer ?? false,
    // What only blobs have is in their extension.
  } as WireMessage;
  return message.extension === undefined ? wire : withExtension(wire, message.extension);
}

function wireMessageId(message: Message, brokerSequenceId: number): WireMessageId {
  return {
    type: 'MessageId',
    textView: message.id.textView ?? null,
    producerId: wireProducerId(message.id.producerId),
    producerSequenceId: message.id.producerSequence,
    brokerSequenceId,
  };
}

/**
 * Bytes that a kept message may hold on to. The chunk they arrived in holds up to 64 KiB of other
 * messages, and keeping one body would keep all of it: a queue of 100,000 bodies of 1 KiB, one from each
 * chunk, would take 6 GiB. Copying costs less than a microsecond a message (bench/body-copy.bench.ts).
 */
function ownBytes(bytes: Uint8Array | null): Uint8Array | undefined {
  return bytes === null ? undefined : detach(bytes);
}

/** The number by which what an exclusive consumer writes to tells it from the one before. */
const EXCLUSIVE_EPOCH = 'BatonMQExclusiveEpoch';

/**
 * The properties to show: those sent, for a dead letter why it is one, the epoch of an exclusive consumer, and the
 * delay of a redelivery, without which the Java client rejects what was redelivered more often than it would do itself.
 */
function propertiesOf(delivery: Delivery): Uint8Array | null {
  const { message, exclusiveEpoch, redeliveryDelay } = delivery;
  const { deadLetter, properties = null } = message;
  const isAsSent = deadLetter === undefined && exclusiveEpoch === undefined;
  if (isAsSent && redeliveryDelay === undefined) return properties;
  const shown = new Map(decodeProperties(properties));
  if (exclusiveEpoch !== undefined) {
    shown.set(EXCLUSIVE_EPOCH, { kind: 'long', value: exclusiveEpoch });
  }
  if (redeliveryDelay !== undefined) {
    shown.set('redeliveryDelay', { kind: 'long', value: redeliveryDelay });
  }
  if (deadLetter === undefined) return encodeProperties(shown);
  shown.set('dlqDeliveryFailureCause', { kind: 'string', value: deadLetter.cause });
  shown.set('originalExpiration', { kind: 'long', value: deadLetter.originalExpiration });
  if (!deadLetter.wasPersistent) {
    shown.set('originalDeliveryMode', { kind: 'string', value: 'NON_PERSISTENT' });
  }
  return encodeProperties(shown);
}

/**
 * The extension of a message from OpenWire is one OpenWire frame of that message with only those
 * fields set that the broker's own message has no place for. It is written loose and uncached, in a
 * fixed version, because it is stored and outlives the connection it came from. Messages of
 * ordinary JMS clients have none.
 */
const EXTENSION_SETTINGS = {
  version: LATEST_VERSION,
  tightEncoding: false,
  cacheEnabled: false,
  cacheSize: 0,
  stackTraceEnabled: false,
  maxFrameSize: 2 ** 31 - 1,
} as const;

function extensionOf(wire: WireMessage): Uint8Array | undefined {
  const hasExtension =
    wire.dataStructure !== null ||
    wire.targetConsumerId !== null ||
    wire.brokerPath !== null ||
    wire.cluster !== null ||
    wire.arrival !== 0 ||
    wire.recievedByDFBridge ||
    wire.droppable ||
    wire.JMSXGroupFirstForConsumer ||
    typeof wire.expiration === 'bigint' ||
    typeof wire.timestamp === 'bigint' ||
    wire.type === 'ActiveMQBlobMessage';
  return hasExtension ? encodeExtension(wire) : undefined;
}

/** Also used for the broker's own messages, which are about a data structure. */
export function encodeExtension(fields: Partial<WireMessage>): Uint8Array {
  const { type = 'ActiveMQMessage' } = fields;
  const kept = { ...extensionFields(fields), ...unsafeTimes(fields) };
  return createWireFormat(EXTENSION_SETTINGS).encode(command(type, kept));
}

function withExtension(wire: WireMessage, extension: Uint8Array): WireMessage {
  const kept = decodeExtension(extension);
  if (kept === undefined) return wire;
  return { ...wire, ...extensionFields(kept), ...unsafeTimes(kept) };
}

/** `undefined` for the extension of a message that came through another protocol. */
function decodeExtension(extension: Uint8Array): WireMessage | undefined {
  try {
    const kept = createWireFormat(EXTENSION_SETTINGS).decode(extension);
    return isWireMessage(kept) ? kept : undefined;
  } catch (error) {
    if (isBrokerError(error)) return undefined;
    throw error;
  }
}

/** The fields of a message that only OpenWire has. */
type ExtensionFields = Pick<
  WireMessage,
  | 'dataStructure'
  | 'targetConsumerId'
  | 'brokerPath'
  | 'cluster'
  | 'arrival'
  | 'recievedByDFBridge'
  | 'droppable'
  | 'JMSXGroupFirstForConsumer'
> &
  Partial<Pick<ActiveMQBlobMessage, 'remoteBlobUrl' | 'mimeType' | 'deletedByBroker'>>;

function extensionFields(fields: Partial<WireMessage>): ExtensionFields {
  const kept = {
    dataStructure: fields.dataStructure ?? null,
    targetConsumerId: fields.targetConsumerId ?? null,
    brokerPath: fields.brokerPath ?? null,
    cluster: fields.cluster ?? null,
    arrival: fields.arrival ?? 0,
    recievedByDFBridge: fields.recievedByDFBridge ?? false,
    droppable: fields.droppable ?? false,
    JMSXGroupFirstForConsumer: fields.JMSXGroupFirstForConsumer ?? false,
  };
  if (fields.type !== 'ActiveMQBlobMessage') return kept;
  const { remoteBlobUrl = null, mimeType = null, deletedByBroker = false } = fields;
  return { ...kept, remoteBlobUrl, mimeType, deletedByBroker };
}

/** Times that a number cannot hold exactly. */
function unsafeTimes(
  fields: Pick<Partial<WireMessage>, 'expiration' | 'timestamp'>,
): Partial<Pick<WireMessage, 'expiration' | 'timestamp'>> {
  return {
    ...(typeof fields.expiration === 'bigint' && { expiration: fields.expiration }),
    ...(typeof fields.timestamp === 'bigint' && { timestamp: fields.timestamp }),
  };
}
