import type { Destination, Message, ProducerId, TransactionId } from '@batonmq/model';
import type { Frame } from '../codec/frame.ts';
import { HEADER, headerName, type Header } from '../codec/header.ts';
import { protocolError } from '../codec/protocol-error.ts';
import { bytesContent, textContent, type Content } from './body.ts';
import { propertiesOf } from './property-bytes.ts';

/** What the connection says about a message that it sends. */
export interface SendContext {
  readonly producerId: ProducerId;
  /** Count of the producer, from 1. */
  readonly producerSequence: number;
  readonly destination: Destination;
  readonly replyTo: Destination | undefined;
  readonly transactionId: TransactionId | undefined;
  /** Wall clock of its arrival, milliseconds. */
  readonly now: number;
}

const TRUE = Uint8Array.from(Buffer.from('true'));
const NORMAL_PRIORITY = 4;
const PRIORITY_MAX = 9;

/**
 * The broker's message for a SEND. Nothing of the frame is needed after it.
 *
 * @throws `BATON_PROTOCOL` for headers that are not what they should be.
 */
export function messageFromFrame(frame: Frame, context: SendContext): Message {
  const { producerId, producerSequence, destination, replyTo, transactionId, now } = context;
  const isPersistent = frame.isValue(HEADER.persistent, TRUE);
  const priority = wholeNumber(frame, HEADER.priority) ?? NORMAL_PRIORITY;
  const timestamp = wholeNumber(frame, HEADER.timestamp) ?? now;
  const expiration = wholeNumber(frame, HEADER.expires) ?? 0;
  const correlationId = frame.text(HEADER.correlationId);
  const type = frame.text(HEADER.type);
  const groupId = frame.text(HEADER.groupId);
  const groupSequence = wholeNumber(frame, HEADER.groupSequence) ?? 0;
  const properties = propertiesOf(frame);
  // Last, because it may write over the end of the headers.
  const { contentKind, content } = contentOf(frame);
  return {
    id: { producerId, producerSequence, textView: undefined },
    producerId,
    destination,
    originalDestination: undefined,
    transactionId,
    originalTransactionId: undefined,
    isPersistent,
    priority: Math.max(0, Math.min(PRIORITY_MAX, priority)),
    timestamp,
    expiration,
    correlationId,
    type,
    replyTo,
    groupId,
    groupSequence: groupSequence | 0,
    userId: undefined,
    contentKind,
    isCompressed: false,
    properties,
    content,
    redeliveryCount: 0,
    brokerInTime: now,
    extension: undefined,
  };
}

/** As ActiveMQ decides: what the sender says, or else a length makes it bytes. */
function contentOf(frame: Frame): Content {
  const body = frame.bytes.subarray(frame.start + frame.bodyStart, frame.start + frame.bodyEnd);
  const kind = frame.has(HEADER.messageType) ? messageType(frame) : undefined;
  const isText = kind === undefined ? !frame.has(HEADER.contentLength) : kind === 'text';
  return isText ? textContent(body) : bytesContent(body);
}

function messageType(frame: Frame): 'text' | 'bytes' {
  const type = frame.text(HEADER.messageType)?.toLowerCase();
  if (type === 'text' || type === 'bytes') return type;
  throw protocolError(`The amq-msg-type "${type ?? ''}" is none; text and bytes are`);
}

function wholeNumber(frame: Frame, header: Header): number | undefined {
  if (!frame.has(header)) return undefined;
  const text = frame.text(header) ?? '';
  const number = /^\s*-?\d{1,16}\s*$/.test(text) ? Number(text) : NaN;
  if (Number.isSafeInteger(number)) return number;
  throw protocolError(`The header ${headerName(header)} is "${text}", and no whole number`);
}
