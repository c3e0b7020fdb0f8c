import { decodeProperties, type PrimitiveValue } from '@batonmq/message-content';
import { formatMessageId, type Message, type ProducerId } from '@batonmq/model';
import { COLON, LF } from '../codec/bytes.ts';
import { ByteSink } from '../codec/byte-sink.ts';
import { ESCAPE_TABLES, type EscapeTable } from '../codec/escaping.ts';
import { HEADER, headerOf, OTHER_HEADER, type Header } from '../codec/header.ts';
import type { StompVersion } from '../codec/version.ts';
import { hasOwnName, remoteName } from '../destination-names.ts';
import { javaNumberText } from './java-number.ts';

const NAME = {
  messageId: name('message-id'),
  expires: name('expires'),
  timestamp: name('timestamp'),
  priority: name('priority'),
  persistent: name('persistent'),
  correlationId: name('correlation-id'),
  type: name('type'),
  replyTo: name('reply-to'),
  originalDestination: name('original-destination'),
  userId: name('JMSXUserID'),
  groupId: name('JMSXGroupID'),
  groupSequence: name('JMSXGroupSeq'),
} as const;

const PERSISTENT_TRUE = Uint8Array.from(Buffer.from('persistent:true\n'));

function name(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(`${text}:`));
}

/** What a MESSAGE says by itself; a property of the same name must not say it again. */
const RESERVED: ReadonlySet<Header> = new Set([
  HEADER.destination,
  HEADER.contentLength,
  HEADER.subscription,
  HEADER.messageId,
  HEADER.ack,
  HEADER.browser,
  HEADER.redelivered,
  HEADER.expires,
  HEADER.timestamp,
  HEADER.priority,
  HEADER.persistent,
  HEADER.correlationId,
  HEADER.type,
  HEADER.replyTo,
  HEADER.originalDestination,
  HEADER.userId,
  HEADER.groupId,
  HEADER.groupSequence,
]);

/**
 * The headers of a MESSAGE that are the same for all consumers of a version. They are made once for
 * a message that several consumers get one after the other.
 */
export class MessageHeaders {
  readonly #table: EscapeTable;
  readonly #sink = new ByteSink();
  #message: Message | undefined;
  #producer: ProducerId | undefined;
  /** `message-id:` and the part of the id that all messages of a producer share. */
  readonly #idPrefix = new ByteSink();

  constructor(version: StompVersion) {
    this.#table = ESCAPE_TABLES[version];
  }

  /** Whole lines; valid until the next call. */
  of(message: Message): Uint8Array {
    const sink = this.#sink;
    if (message !== this.#message) {
      this.#message = undefined;
      sink.clear();
      this.#write(message);
      this.#message = message;
    }
    return sink.block.subarray(0, sink.length);
  }

  #write(message: Message): void {
    const sink = this.#sink;
    const table = this.#table;
    this.#writeId(message);
    sink.bytes(NAME.expires);
    sink.number(message.expiration);
    sink.byte(LF);
    sink.bytes(NAME.timestamp);
    sink.number(message.timestamp);
    sink.byte(LF);
    sink.bytes(NAME.priority);
    sink.number(message.priority);
    sink.byte(LF);
    if (message.isPersistent) sink.bytes(PERSISTENT_TRUE);
    const { correlationId, type, replyTo, originalDestination, userId, groupId } = message;
    if (correlationId !== undefined) sink.header(NAME.correlationId, correlationId, table);
    if (type !== undefined) sink.header(NAME.type, type, table);
    if (replyTo !== undefined && !hasOwnName(replyTo)) {
      sink.header(NAME.replyTo, remoteName(replyTo), table);
    }
    if (originalDestination !== undefined) {
      sink.header(NAME.originalDestination, remoteName(originalDestination), table);
    }
    if (userId !== undefined) sink.header(NAME.userId, userId, table);
    if (groupId !== undefined) this.#writeGroup(groupId, message.groupSequence);
    if (message.properties !== undefined) this.#writeProperties(message.properties);
    if (message.deadLetter !== undefined) this.#writeDeadLetter(message.deadLetter);
  }

  #writeId({ id }: Message): void {
    const sink = this.#sink;
    if (id.textView !== undefined) {
      sink.header(NAME.messageId, formatMessageId(id), this.#table);
      return;
    }
    const prefix = this.#idPrefix;
    if (id.producerId !== this.#producer) {
      this.#producer = id.producerId;
      prefix.clear();
      prefix.bytes(NAME.messageId);
      prefix.escapedText(`${id.producerId.key}:`, this.#table);
    }
    sink.bytes(prefix.block.subarray(0, prefix.length));
    sink.number(id.producerSequence);
    sink.byte(LF);
  }

  #writeGroup(groupId: string, groupSequence: number): void {
    const sink = this.#sink;
    sink.header(NAME.groupId, groupId, this.#table);
    sink.bytes(NAME.groupSequence);
    sink.number(groupSequence);
    sink.byte(LF);
  }

  #writeDeadLetter(origin: NonNullable<Message['deadLetter']>): void {
    this.#writeProperty('dlqDeliveryFailureCause', origin.cause);
    this.#writeProperty('originalExpiration', String(origin.originalExpiration));
    if (!origin.wasPersistent) this.#writeProperty('originalDeliveryMode', 'NON_PERSISTENT');
  }

  #writeProperties(properties: Uint8Array): void {
    const before = this.#sink.length;
    if (this.#copyStrings(properties)) return;
    this.#sink.length = before;
    for (const [key, value] of decodeProperties(properties)) {
      const text = propertyText(value);
      if (text === undefined || isReserved(key)) continue;
      this.#writeProperty(key, text);
    }
  }

  #writeProperty(key: string, value: string): void {
    const sink = this.#sink;
    sink.escapedText(key, this.#table);
    sink.byte(COLON);
    sink.escapedText(value, this.#table);
    sink.byte(LF);
  }

  /**
   * Copies properties that are short strings of ASCII, as those of STOMP senders usually are, from the
   * marshalled map. False if there is anything else; what was written is to be dropped then.
   */
  #copyStrings(map: Uint8Array): boolean {
    const sink = this.#sink;
    const length = map.length;
    sink.reserve(length * 2);
    let count =
      ((map[0] ?? 0) << 24) | ((map[1] ?? 0) << 16) | ((map[2] ?? 0) << 8) | (map[3] ?? 0);
    let at = COUNT_BYTES;
    for (; count > 0; count -= 1) {
      const keyStart = at + LENGTH_BYTES;
      const keyEnd = keyStart + (((map[at] ?? 0) << 8) | (map[at + 1] ?? 0));
      if (map[keyEnd] !== TYPE_STRING) return false;
      const valueStart = keyEnd + 1 + LENGTH_BYTES;
      const valueEnd = valueStart + (((map[keyEnd + 1] ?? 0) << 8) | (map[keyEnd + 2] ?? 0));
      if (valueEnd > length) return false;
      if (!isAscii(map, keyStart, keyEnd) || !isAscii(map, valueStart, valueEnd)) return false;
      at = valueEnd;
      const header = headerOf(map, keyStart, keyEnd);
      if (keyEnd === keyStart || (header !== OTHER_HEADER && RESERVED.has(header))) continue;
      sink.escaped(map, keyStart, keyEnd, this.#table);
      sink.byte(COLON);
      sink.escaped(map, valueStart, valueEnd, this.#table);
      sink.byte(LF);
    }
    return true;
  }
}

/** The marshalled map: docs/formats/message.md. */
const COUNT_BYTES = 4;
const LENGTH_BYTES = 2;
const TYPE_STRING = 9;

function isAscii(bytes: Uint8Array, start: number, end: number): boolean {
  let bits = 0;
  for (let at = start; at < end; at += 1) bits |= bytes[at] ?? 0;
  return bits < 128;
}

function isReserved(key: string): boolean {
  if (key === '') return true;
  const bytes = Buffer.from(key, 'latin1');
  const header = headerOf(bytes, 0, bytes.length);
  return header !== OTHER_HEADER && RESERVED.has(header);
}

/** A property as Java would print it; undefined for one that has no text. */
function propertyText(property: PrimitiveValue): string | undefined {
  switch (property.kind) {
    case 'float':
    case 'double':
      return javaNumberText(property.value, property.kind);
    case 'bytes':
    case 'map':
    case 'list':
      return undefined;
    default:
      return String(property.value);
  }
}
