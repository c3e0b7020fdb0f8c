import { isDeepStrictEqual } from 'node:util';
import { present } from '@batonmq/model';
import { decodeProperties } from '@batonmq/message-content';
import {
  isWireMessage,
  type Command,
  type DataStructure,
  type Long,
  type MessageDispatch,
  type MessageId,
  type WireMessage,
} from '@batonmq/openwire';
import { expect } from 'vitest';
import { readCapture, type CapturedCommand } from './capture.ts';
import type { LiveBroker } from './live-broker.ts';
import type { RawClient } from './raw-client.ts';

/** What a scenario needs changed before it can be played. */
export interface ReplayOptions {
  /** Changes a command of the client, or drops it. */
  readonly adapt?: (command: Command) => Command | undefined;
  /** Commands of the recorded broker that ours need not send. */
  readonly skip?: (command: Command) => boolean;
}

/**
 * Plays the client's side of a recording to our broker and compares each command that the recorded
 * broker sent with the one that ours sends.
 *
 * What may differ: ids, names and addresses of the broker, sequence numbers and times that it
 * gives out, the text behind an exception's class, what the recorded broker filled in by its
 * configuration (`userID`, `recievedByDFBridge`), and the order of replies and
 * dispatches among each other. Dispatches of one consumer keep their order. Messages that lay in
 * the recorded broker's queues from before are left out, with their acks.
 */
export async function replay(
  name: string,
  broker: LiveBroker,
  options: ReplayOptions = {},
): Promise<void> {
  const { adapt = (command: Command) => command, skip = () => false } = options;
  const clients = new Map<number, RawClient>();
  const sequences = new Map<Long, Long>();
  const recording = readCapture(name);
  const isForeign = foreignTo(recording);
  for (const { connection, from, command } of recording) {
    if (isForeign(command)) continue;
    if (command.type === 'WireFormatInfo') {
      if (!clients.has(connection)) clients.set(connection, await broker.connect());
      continue;
    }
    const client = present(clients.get(connection), 'the recording begins with the negotiation');
    if (from === 'B') {
      if (!skip(command)) await compare(client, command, sequences);
      continue;
    }
    const adapted = adapt(command);
    if (adapted === undefined) continue;
    if (adapted.type === 'ShutdownInfo') await expectNothingElse(client);
    client.send(withOurSequences(inTime(adapted), sequences));
  }
  for (const client of clients.values()) await expectNothingElse(client);
}

/** Tells dispatches and acks of messages that no client of the recording sent. */
function foreignTo(recording: readonly CapturedCommand[]): (command: Command) => boolean {
  const own = new Set(
    recording.flatMap(({ command }) =>
      command.type === 'ConnectionInfo' ? [command.connectionId?.value] : [],
    ),
  );
  return (command) => {
    if (command.type !== 'MessageDispatch' && command.type !== 'MessageAck') return false;
    const isDispatch = command.type === 'MessageDispatch';
    if (isDispatch && isAdvisory(command)) return false;
    const id = isDispatch ? command.message?.messageId : command.lastMessageId;
    const sender = id?.producerId?.connectionId;
    return sender !== undefined && !own.has(sender);
  };
}

/** What the client sent for a minute or two lives on today. */
function inTime(command: Command): Command {
  if (!isWireMessage(command) || command.expiration === 0) return command;
  return { ...command, expiration: Date.now() + 60_000 };
}

async function compare(
  client: RawClient,
  recorded: Command,
  sequences: Map<Long, Long>,
): Promise<void> {
  const ours = await client.takeWhere(`${recorded.type} as recorded`, (command) =>
    isCounterpart(recorded, command),
  );
  expect(comparable(ours)).toEqual(comparable(recorded));
  if (ours.type !== 'MessageDispatch' || recorded.type !== 'MessageDispatch') return;
  const [theirId, ourId] = [recorded.message?.messageId, ours.message?.messageId];
  if (theirId && ourId) sequences.set(theirId.brokerSequenceId, ourId.brokerSequenceId);
}

async function expectNothingElse(client: RawClient): Promise<void> {
  if (!client.isClosed) await client.roundTrip().catch(() => undefined);
  expect(client.inbox).toEqual([]);
}

/** Replies belong to their command, dispatches to their consumer; anything else to its type. */
function isCounterpart(recorded: Command, ours: Command): boolean {
  if ('correlationId' in recorded && recorded.type !== 'MessagePull') {
    return 'correlationId' in ours && ours.correlationId === recorded.correlationId;
  }
  if (recorded.type === 'MessageDispatch' && ours.type === 'MessageDispatch') {
    if (!isDeepStrictEqual(recorded.consumerId, ours.consumerId)) return false;
    // A replay tells what there is in no particular order.
    return !isAdvisory(recorded) || isDeepStrictEqual(recorded.destination, ours.destination);
  }
  return recorded.type === ours.type;
}

function isAdvisory({ destination }: MessageDispatch): boolean {
  return destination?.physicalName?.startsWith('ActiveMQ.Advisory.') ?? false;
}

/** The command without what may differ between two brokers. */
function comparable(command: Command): unknown {
  switch (command.type) {
    case 'BrokerInfo':
      return { ...command, brokerId: '', brokerName: '', brokerURL: '' };
    case 'ExceptionResponse':
      return { ...command, exception: command.exception?.className };
    case 'ConnectionError':
      return { ...command, exception: command.exception?.className };
    case 'MessageDispatch':
      return { ...command, message: command.message && comparableMessage(command.message) };
    default:
      return command;
  }
}

function comparableMessage(message: WireMessage): unknown {
  const isOfBroker = message.jmsType === 'Advisory';
  const properties = [...decodeProperties(message.marshalledProperties)];
  return {
    ...message,
    commandId: 0,
    responseRequired: false,
    brokerInTime: message.brokerInTime !== 0,
    brokerOutTime: message.brokerOutTime !== 0,
    redeliveryCounter: 0,
    userID: null,
    recievedByDFBridge: false,
    expiration: message.expiration !== 0,
    content: message.content && Buffer.from(message.content).toString('hex'),
    messageId: isOfBroker ? null : withoutSequence(message.messageId),
    producerId: isOfBroker ? null : message.producerId,
    marshalledProperties: isOfBroker
      ? properties.map(([key]) => key).sort()
      : Object.fromEntries(properties.filter(([key]) => key !== 'dlqDeliveryFailureCause')),
    dataStructure: message.dataStructure && comparableStructure(message.dataStructure),
  };
}

function withoutSequence(id: MessageId | null): unknown {
  return id && { ...id, brokerSequenceId: id.brokerSequenceId !== 0 };
}

/** The recorded broker forwards commands of clients as they came, with their numbers. */
function comparableStructure(structure: DataStructure): unknown {
  return { ...structure, commandId: 0, responseRequired: false };
}

/** Clients echo the sequence numbers that the broker gave out. */
function withOurSequences(command: Command, sequences: Map<Long, Long>): Command {
  const ours = (theirs: Long): Long => sequences.get(theirs) ?? theirs;
  const id = (theirs: MessageId | null): MessageId | null =>
    theirs && { ...theirs, brokerSequenceId: ours(theirs.brokerSequenceId) };
  if (command.type === 'RemoveInfo') {
    return { ...command, lastDeliveredSequenceId: ours(command.lastDeliveredSequenceId) };
  }
  if (command.type === 'MessageAck') {
    const { firstMessageId, lastMessageId } = command;
    return { ...command, firstMessageId: id(firstMessageId), lastMessageId: id(lastMessageId) };
  }
  return command;
}
