/**
 * What the table says about the types that make up nearly all traffic, said once more as straight
 * code: reading and writing them field by field through the table costs two to three times as much,
 * because property names and shapes then vary at one place of the program. Versions and modes are
 * the table's; a test runs all frames through both forms and expects the same.
 */
import type {
  DataStructure,
  MessageAck,
  MessageDispatch,
  Response,
  StructureOf,
  WireMessage,
} from '../structure/commands.ts';
import type {
  BrokerId,
  ConsumerId,
  MessageId,
  ProducerId,
  Throwable,
  WireDestination,
  WireTransactionId,
} from '../structure/data-structures.ts';
import type { FrameInput } from './frame-input.ts';
import type { FrameOutput } from './frame-output.ts';
import { typeSet, type TypeSet } from '../structure/plan.ts';
import { DESTINATIONS, MESSAGES, TABLE, TRANSACTION_IDS } from '../structure/table.ts';

/**
 * What a connection named last. Most messages come from the same producer and go to the same place
 * as the one before: they get the same object, which costs no memory and is quick to recognise.
 */
export interface RecentIds {
  producerId: ProducerId;
  consumerId: ConsumerId;
  destination: WireDestination;
}

/** Where the fields of a structure come from. */
export interface FieldReader {
  readonly recent: RecentIds;
  readonly version: number;
  readonly input: FrameInput;
  nested(holds: TypeSet): DataStructure | null;
  cached(holds: TypeSet): DataStructure | null;
  array(holds: TypeSet): (DataStructure | null)[] | null;
  throwable(): Throwable | null;
}

/** Where they go. */
export interface FieldWriter {
  readonly version: number;
  readonly output: FrameOutput;
  nested(structure: DataStructure | null, holds: TypeSet): void;
  cached(structure: DataStructure | null, holds: TypeSet): void;
  array(structures: readonly (DataStructure | null)[] | null, holds: TypeSet): void;
  throwable(throwable: Throwable | null): void;
}

type Reads = (reader: FieldReader) => DataStructure;
type Writes = (writer: FieldWriter, structure: never) => void;

/** By type code. */
export const HOT_READERS: readonly (Reads | undefined)[] = byCode<Reads>({
  MessageDispatch: readDispatch,
  MessageAck: readAck,
  Response: readResponse,
  MessageId: readMessageId,
  ProducerId: readProducerId,
  ConsumerId: readConsumerId,
  ActiveMQQueue: (reader) => readDestination(reader, 'ActiveMQQueue'),
  ActiveMQTopic: (reader) => readDestination(reader, 'ActiveMQTopic'),
  ActiveMQTempQueue: (reader) => readDestination(reader, 'ActiveMQTempQueue'),
  ActiveMQTempTopic: (reader) => readDestination(reader, 'ActiveMQTempTopic'),
  ActiveMQMessage: (reader) => readMessage(reader, 'ActiveMQMessage'),
  ActiveMQBytesMessage: (reader) => readMessage(reader, 'ActiveMQBytesMessage'),
  ActiveMQMapMessage: (reader) => readMessage(reader, 'ActiveMQMapMessage'),
  ActiveMQObjectMessage: (reader) => readMessage(reader, 'ActiveMQObjectMessage'),
  ActiveMQStreamMessage: (reader) => readMessage(reader, 'ActiveMQStreamMessage'),
  ActiveMQTextMessage: (reader) => readMessage(reader, 'ActiveMQTextMessage'),
});

/** By type code; each takes the structure of its own type. */
export const HOT_WRITERS: readonly (Writes | undefined)[] = byCode<Writes>({
  MessageDispatch: writeDispatch,
  MessageAck: writeAck,
  Response: writeResponse,
  MessageId: writeMessageId,
  ProducerId: writeProducerId,
  ConsumerId: writeConsumerId,
  ActiveMQMessage: writeMessage,
  ActiveMQBytesMessage: writeMessage,
  ActiveMQMapMessage: writeMessage,
  ActiveMQObjectMessage: writeMessage,
  ActiveMQStreamMessage: writeMessage,
  ActiveMQTextMessage: writeMessage,
});

type HotType = keyof typeof TABLE;

function byCode<T>(functions: Partial<Record<HotType, T>>): readonly (T | undefined)[] {
  const table = new Array<T | undefined>(256).fill(undefined);
  for (const [name, value] of Object.entries(functions)) table[TABLE[name as HotType].code] = value;
  return table;
}

const ANYTHING = typeSet('anything');
const DESTINATION = typeSet(DESTINATIONS);
const TRANSACTION_ID = typeSet(TRANSACTION_IDS);
const MESSAGE = typeSet(MESSAGES);
const MESSAGE_ID = typeSet(['MessageId']);
const PRODUCER_ID = typeSet(['ProducerId']);
const CONSUMER_ID = typeSet(['ConsumerId']);
const BROKER_ID = typeSet(['BrokerId']);

/** Messages without fields of their own beyond those of every message. */
type PlainMessage = Exclude<WireMessage['type'], 'ActiveMQBlobMessage'>;

function readMessage(reader: FieldReader, type: PlainMessage): StructureOf<PlainMessage> {
  const { input, version } = reader;
  return {
    type,
    commandId: input.int32(),
    responseRequired: input.boolean(),
    producerId: reader.cached(PRODUCER_ID) as ProducerId | null,
    destination: reader.cached(DESTINATION) as WireDestination | null,
    transactionId: reader.cached(TRANSACTION_ID) as WireTransactionId | null,
    originalDestination: reader.cached(DESTINATION) as WireDestination | null,
    messageId: reader.nested(MESSAGE_ID) as MessageId | null,
    originalTransactionId: reader.cached(TRANSACTION_ID) as WireTransactionId | null,
    groupID: input.string(),
    groupSequence: input.int32(),
    correlationId: input.string(),
    persistent: input.boolean(),
    expiration: input.long(),
    priority: input.int8(),
    replyTo: reader.nested(DESTINATION) as WireDestination | null,
    timestamp: input.long(),
    jmsType: input.string(),
    content: input.bytes(),
    marshalledProperties: input.bytes(),
    dataStructure: reader.nested(ANYTHING),
    targetConsumerId: reader.cached(CONSUMER_ID) as ConsumerId | null,
    compressed: input.boolean(),
    redeliveryCounter: input.int32(),
    brokerPath: reader.array(BROKER_ID) as (BrokerId | null)[] | null,
    arrival: input.long(),
    userID: input.string(),
    recievedByDFBridge: input.boolean(),
    droppable: version >= 2 && input.boolean(),
    cluster: version >= 3 ? (reader.array(BROKER_ID) as (BrokerId | null)[] | null) : null,
    brokerInTime: version >= 3 ? input.long() : 0,
    brokerOutTime: version >= 3 ? input.long() : 0,
    JMSXGroupFirstForConsumer: version >= 10 && input.boolean(),
  };
}

function writeMessage(writer: FieldWriter, message: StructureOf<PlainMessage>): void {
  const { output, version } = writer;
  output.int32(message.commandId);
  output.boolean(message.responseRequired);
  writer.cached(message.producerId, PRODUCER_ID);
  writer.cached(message.destination, DESTINATION);
  writer.cached(message.transactionId, TRANSACTION_ID);
  writer.cached(message.originalDestination, DESTINATION);
  writer.nested(message.messageId, MESSAGE_ID);
  writer.cached(message.originalTransactionId, TRANSACTION_ID);
  output.string(message.groupID);
  output.int32(message.groupSequence);
  output.string(message.correlationId);
  output.boolean(message.persistent);
  output.long(message.expiration);
  output.int8(message.priority);
  writer.nested(message.replyTo, DESTINATION);
  output.long(message.timestamp);
  output.string(message.jmsType);
  output.bytes(message.content);
  output.bytes(message.marshalledProperties);
  writer.nested(message.dataStructure, ANYTHING);
  writer.cached(message.targetConsumerId, CONSUMER_ID);
  output.boolean(message.compressed);
  output.int32(message.redeliveryCounter);
  writer.array(message.brokerPath, BROKER_ID);
  output.long(message.arrival);
  output.string(message.userID);
  output.boolean(message.recievedByDFBridge);
  if (version >= 2) output.boolean(message.droppable);
  if (version >= 3) {
    writer.array(message.cluster, BROKER_ID);
    output.long(message.brokerInTime);
    output.long(message.brokerOutTime);
  }
  if (version >= 10) output.boolean(message.JMSXGroupFirstForConsumer);
}

function readDispatch(reader: FieldReader): MessageDispatch {
  return {
    type: 'MessageDispatch',
    commandId: reader.input.int32(),
    responseRequired: reader.input.boolean(),
    consumerId: reader.cached(CONSUMER_ID) as ConsumerId | null,
    destination: reader.cached(DESTINATION) as WireDestination | null,
    message: reader.nested(MESSAGE) as WireMessage | null,
    redeliveryCounter: reader.input.int32(),
  };
}

function writeDispatch(writer: FieldWriter, dispatch: MessageDispatch): void {
  writer.output.int32(dispatch.commandId);
  writer.output.boolean(dispatch.responseRequired);
  writer.cached(dispatch.consumerId, CONSUMER_ID);
  writer.cached(dispatch.destination, DESTINATION);
  writer.nested(dispatch.message, MESSAGE);
  writer.output.int32(dispatch.redeliveryCounter);
}

function readAck(reader: FieldReader): MessageAck {
  return {
    type: 'MessageAck',
    commandId: reader.input.int32(),
    responseRequired: reader.input.boolean(),
    destination: reader.cached(DESTINATION) as WireDestination | null,
    transactionId: reader.cached(TRANSACTION_ID) as WireTransactionId | null,
    consumerId: reader.cached(CONSUMER_ID) as ConsumerId | null,
    ackType: reader.input.int8(),
    firstMessageId: reader.nested(MESSAGE_ID) as MessageId | null,
    lastMessageId: reader.nested(MESSAGE_ID) as MessageId | null,
    messageCount: reader.input.int32(),
    poisonCause: reader.version >= 7 ? reader.throwable() : null,
  };
}

function writeAck(writer: FieldWriter, ack: MessageAck): void {
  writer.output.int32(ack.commandId);
  writer.output.boolean(ack.responseRequired);
  writer.cached(ack.destination, DESTINATION);
  writer.cached(ack.transactionId, TRANSACTION_ID);
  writer.cached(ack.consumerId, CONSUMER_ID);
  writer.output.int8(ack.ackType);
  writer.nested(ack.firstMessageId, MESSAGE_ID);
  writer.nested(ack.lastMessageId, MESSAGE_ID);
  writer.output.int32(ack.messageCount);
  if (writer.version >= 7) writer.throwable(ack.poisonCause);
}

function readResponse({ input }: FieldReader): Response {
  return {
    type: 'Response',
    commandId: input.int32(),
    responseRequired: input.boolean(),
    correlationId: input.int32(),
  };
}

function writeResponse({ output }: FieldWriter, response: Response): void {
  output.int32(response.commandId);
  output.boolean(response.responseRequired);
  output.int32(response.correlationId);
}

function readMessageId(reader: FieldReader): MessageId {
  return {
    type: 'MessageId',
    textView: reader.version >= 10 ? reader.input.string() : null,
    producerId: reader.cached(PRODUCER_ID) as ProducerId | null,
    producerSequenceId: reader.input.long(),
    brokerSequenceId: reader.input.long(),
  };
}

function writeMessageId(writer: FieldWriter, id: MessageId): void {
  if (writer.version >= 10) writer.output.string(id.textView);
  writer.cached(id.producerId, PRODUCER_ID);
  writer.output.long(id.producerSequenceId);
  writer.output.long(id.brokerSequenceId);
}

function readProducerId({ input, recent }: FieldReader): ProducerId {
  const connectionId = input.string();
  const value = input.long();
  const sessionId = input.long();
  const last = recent.producerId;
  if (last.connectionId === connectionId && last.value === value && last.sessionId === sessionId) {
    return last;
  }
  return (recent.producerId = { type: 'ProducerId', connectionId, value, sessionId });
}

function writeProducerId({ output }: FieldWriter, id: ProducerId): void {
  output.string(id.connectionId);
  output.long(id.value);
  output.long(id.sessionId);
}

function readConsumerId({ input, recent }: FieldReader): ConsumerId {
  const connectionId = input.string();
  const sessionId = input.long();
  const value = input.long();
  const last = recent.consumerId;
  if (last.connectionId === connectionId && last.value === value && last.sessionId === sessionId) {
    return last;
  }
  return (recent.consumerId = { type: 'ConsumerId', connectionId, sessionId, value });
}

function writeConsumerId({ output }: FieldWriter, id: ConsumerId): void {
  output.string(id.connectionId);
  output.long(id.sessionId);
  output.long(id.value);
}

function readDestination(reader: FieldReader, type: WireDestination['type']): WireDestination {
  const physicalName = reader.input.string();
  const last = reader.recent.destination;
  if (last.physicalName === physicalName && last.type === type) return last;
  return (reader.recent.destination = { type, physicalName });
}
