import {
  BrokerError,
  connectionId,
  parseDestination,
  producerId,
  type ContentKind,
  type Destination,
  type Message,
  type ProducerId,
  type TransactionId,
} from '@batonmq/model';

// The stored form of a message, big-endian; docs/formats/message.md draws it for readers outside
// of this code. A store adds the checksum. The destination it is stored under is not in it: one body may
// be stored under several, and whoever reads it back asked for one of them.
//
//   at  bytes
//    0  1   version: 1, or 2 if one of the parts of MORE is there
//    1  1   priority in the low 4 bits, content kind in the high 4
//    2  2   which of the optional parts are there, and flags (HAS below)
//    4  8   timestamp              f64, as are all numbers of 8 bytes: whole, at most 2^53
//   12  8   expiration
//   20  8   broker-in time
//   28  4   group sequence         i32
//   32  4   redelivery count       u32
//   36  8   producer sequence
//   44  8   session of the id's producer
//   52  8   number of the id's producer
//   60  4   bytes of properties, 64  4  of content, 68  4  of the extension
//   72  2   version 2 only: which of the parts of MORE are there
//           connection of the id's producer (text), then the optional parts in the order of HAS
//           (text: u32 length, UTF-8), those of MORE, then properties, content and extension as
//           their producer sent them

const VERSION = 1;
const VERSION_WITH_MORE = 2;
const FIXED_BYTES = 72;
const MORE_BYTES = 2;

const HAS = {
  persistent: 1 << 0,
  compressed: 1 << 1,
  properties: 1 << 2,
  content: 1 << 3,
  extension: 1 << 4,
  producer: 1 << 5,
  textView: 1 << 6,
  originalDestination: 1 << 7,
  transaction: 1 << 8,
  originalTransaction: 1 << 9,
  correlationId: 1 << 10,
  type: 1 << 11,
  replyTo: 1 << 12,
  groupId: 1 << 13,
  userId: 1 << 14,
  deadLetter: 1 << 15,
} as const;

/** Parts that version 1 had no bit left for. */
const MORE = {
  sentTo: 1 << 0,
} as const;

const MORE_KNOWN = MORE.sentTo;

/** Their places are stored; only ever add at the end. */
const CONTENT_KINDS: readonly ContentKind[] = [
  'empty',
  'text',
  'bytes',
  'map',
  'stream',
  'object',
  'blob',
];

/**
 * The pieces to store, in order: a header that is new, then the message's own properties, content
 * and extension, not copied.
 *
 * @param sentTo - The topic it was sent to, for places that hold the messages of several.
 */
export function encodeMessage(message: Message, sentTo?: Destination): readonly Uint8Array[] {
  const pieces: Uint8Array[] = [encodeHeader(message, sentTo)];
  if (message.properties !== undefined) pieces.push(message.properties);
  if (message.content !== undefined) pieces.push(message.content);
  if (message.extension !== undefined) pieces.push(message.extension);
  return pieces;
}

/** Bytes of the pieces together. */
export function payloadBytes(pieces: readonly Uint8Array[]): number {
  let bytes = 0;
  for (const piece of pieces) bytes += piece.length;
  return bytes;
}

/**
 * Reads a stored message back as one of `destination`, or without one as it was sent. Properties, content and
 * extension alias `payload`.
 *
 * @throws `BATON_STORE_FORMAT` for another version, `BATON_CORRUPT` if the lengths contradict each other.
 */
export function decodeMessage(payload: Uint8Array, destination?: Destination): Message {
  const reader = new Reader(payload);
  const message = reader.message(destination);
  if (reader.isPastEnd) throw malformed(payload.length);
  return message;
}

function encodeHeader(message: Message, sentTo: Destination | undefined): Uint8Array {
  const { id } = message;
  const bits = presenceOf(message);
  const moreBytes = sentTo === undefined ? 0 : MORE_BYTES + textBytes(sentTo.key);
  const bytes =
    FIXED_BYTES + textBytes(id.producerId.connectionId) + optionalBytes(message, bits) + moreBytes;
  const writer = new Writer(bytes);
  const { view } = writer;
  view.writeUInt8(sentTo === undefined ? VERSION : VERSION_WITH_MORE, 0);
  view.writeUInt8(message.priority | (CONTENT_KINDS.indexOf(message.contentKind) << 4), 1);
  view.writeUInt16BE(bits, 2);
  view.writeDoubleBE(message.timestamp, 4);
  view.writeDoubleBE(message.expiration, 12);
  view.writeDoubleBE(message.brokerInTime, 20);
  view.writeInt32BE(message.groupSequence, 28);
  view.writeUInt32BE(message.redeliveryCount, 32);
  view.writeDoubleBE(id.producerSequence, 36);
  view.writeDoubleBE(id.producerId.sessionId, 44);
  view.writeDoubleBE(id.producerId.value, 52);
  view.writeUInt32BE(message.properties?.length ?? 0, 60);
  view.writeUInt32BE(message.content?.length ?? 0, 64);
  view.writeUInt32BE(message.extension?.length ?? 0, 68);
  if (sentTo !== undefined) writer.short(MORE.sentTo);
  writer.text(id.producerId.connectionId);
  if (bits >= HAS.producer) writer.optionals(message);
  if (sentTo !== undefined) writer.text(sentTo.key);
  return view;
}

function presenceOf(message: Message): number {
  let bits = 0;
  if (message.isPersistent) bits |= HAS.persistent;
  if (message.isCompressed) bits |= HAS.compressed;
  if (message.properties !== undefined) bits |= HAS.properties;
  if (message.content !== undefined) bits |= HAS.content;
  if (message.extension !== undefined) bits |= HAS.extension;
  if (message.producerId.key !== message.id.producerId.key) bits |= HAS.producer;
  if (message.id.textView !== undefined) bits |= HAS.textView;
  if (message.originalDestination !== undefined) bits |= HAS.originalDestination;
  if (message.transactionId !== undefined) bits |= HAS.transaction;
  if (message.originalTransactionId !== undefined) bits |= HAS.originalTransaction;
  if (message.correlationId !== undefined) bits |= HAS.correlationId;
  if (message.type !== undefined) bits |= HAS.type;
  if (message.replyTo !== undefined) bits |= HAS.replyTo;
  if (message.groupId !== undefined) bits |= HAS.groupId;
  if (message.userId !== undefined) bits |= HAS.userId;
  if (message.deadLetter !== undefined) bits |= HAS.deadLetter;
  return bits;
}

function textBytes(text: string): number {
  return 4 + Buffer.byteLength(text);
}

function optionalBytes(message: Message, bits: number): number {
  if (bits < HAS.producer) return 0;
  let bytes = 0;
  if (bits & HAS.producer) bytes += textBytes(message.producerId.connectionId) + 16;
  for (const text of [
    message.id.textView,
    message.originalDestination?.key,
    message.correlationId,
    message.type,
    message.replyTo?.key,
    message.groupId,
    message.userId,
  ]) {
    if (text !== undefined) bytes += textBytes(text);
  }
  for (const id of [message.transactionId, message.originalTransactionId]) {
    if (id !== undefined) bytes += transactionBytes(id);
  }
  if (message.deadLetter !== undefined) bytes += 9 + textBytes(message.deadLetter.cause);
  return bytes;
}

function transactionBytes(id: TransactionId): number {
  if (id.kind === 'local') return 1 + textBytes(id.connectionId) + 8;
  return 1 + 4 + 4 + id.globalTransactionId.length + 4 + id.branchQualifier.length;
}

class Writer {
  readonly view: Buffer;
  #at = FIXED_BYTES;

  constructor(bytes: number) {
    this.view = Buffer.allocUnsafe(bytes);
  }

  short(value: number): void {
    this.#at = this.view.writeUInt16BE(value, this.#at);
  }

  text(text: string): void {
    const bytes = this.view.write(text, this.#at + 4, 'utf8');
    this.view.writeUInt32BE(bytes, this.#at);
    this.#at += 4 + bytes;
  }

  optionals(message: Message): void {
    if (message.producerId.key !== message.id.producerId.key) this.#producer(message.producerId);
    this.#optionalText(message.id.textView);
    this.#optionalText(message.originalDestination?.key);
    this.#transaction(message.transactionId);
    this.#transaction(message.originalTransactionId);
    this.#optionalText(message.correlationId);
    this.#optionalText(message.type);
    this.#optionalText(message.replyTo?.key);
    this.#optionalText(message.groupId);
    this.#optionalText(message.userId);
    if (message.deadLetter === undefined) return;
    this.#number(message.deadLetter.originalExpiration);
    this.#byte(message.deadLetter.wasPersistent ? 1 : 0);
    this.text(message.deadLetter.cause);
  }

  #producer(id: ProducerId): void {
    this.text(id.connectionId);
    this.#number(id.sessionId);
    this.#number(id.value);
  }

  /** `0, connection, number` or `1, format, global id, branch`. */
  #transaction(id: TransactionId | undefined): void {
    if (id === undefined) return;
    this.#byte(id.kind === 'local' ? 0 : 1);
    if (id.kind === 'local') {
      this.text(id.connectionId);
      this.#number(id.value);
      return;
    }
    this.#at = this.view.writeInt32BE(id.formatId, this.#at);
    this.#bytes(id.globalTransactionId);
    this.#bytes(id.branchQualifier);
  }

  #optionalText(text: string | undefined): void {
    if (text !== undefined) this.text(text);
  }

  #byte(value: number): void {
    this.#at = this.view.writeUInt8(value, this.#at);
  }

  #number(value: number): void {
    this.#at = this.view.writeDoubleBE(value, this.#at);
  }

  #bytes(bytes: Uint8Array): void {
    this.#at = this.view.writeUInt32BE(bytes.length, this.#at);
    this.view.set(bytes, this.#at);
    this.#at += bytes.length;
  }
}

class Reader {
  readonly #view: Buffer;
  #at = FIXED_BYTES;
  #more = 0;

  constructor(payload: Uint8Array) {
    this.#view = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
    if (payload.length < FIXED_BYTES) throw malformed(payload.length);
    const version = payload[0];
    if (version === VERSION) return;
    if (version === VERSION_WITH_MORE) {
      this.#more = this.#view.readUInt16BE(this.#step(MORE_BYTES));
      if ((this.#more & ~MORE_KNOWN) === 0) return;
    }
    throw new BrokerError(
      'BATON_STORE_FORMAT',
      `A stored message has version ${String(version)}; this broker reads versions ${VERSION} and ${VERSION_WITH_MORE}`,
      { details: { version } },
    );
  }

  get isPastEnd(): boolean {
    return this.#at > this.#view.length;
  }

  message(readAs: Destination | undefined): Message {
    const view = this.#view;
    const kinds = view.readUInt8(1);
    const bits = view.readUInt16BE(2);
    const contentKind = CONTENT_KINDS[kinds >> 4];
    if (contentKind === undefined) throw malformed(view.length);
    const idProducer = producerId(
      connectionId(this.#text()),
      view.readDoubleBE(44),
      view.readDoubleBE(52),
    );
    const has = (bit: number): boolean => (bits & bit) !== 0;
    const producer = has(HAS.producer) ? this.#producer() : idProducer;
    const textView = has(HAS.textView) ? this.#text() : undefined;
    const originalDestination = has(HAS.originalDestination)
      ? parseDestination(this.#text())
      : undefined;
    const transactionId = has(HAS.transaction) ? this.#transaction() : undefined;
    const originalTransactionId = has(HAS.originalTransaction) ? this.#transaction() : undefined;
    const correlationId = has(HAS.correlationId) ? this.#text() : undefined;
    const type = has(HAS.type) ? this.#text() : undefined;
    const replyTo = has(HAS.replyTo) ? parseDestination(this.#text()) : undefined;
    const groupId = has(HAS.groupId) ? this.#text() : undefined;
    const userId = has(HAS.userId) ? this.#text() : undefined;
    const deadLetter = has(HAS.deadLetter)
      ? {
          originalExpiration: this.#number(),
          wasPersistent: this.#byte() === 1,
          cause: this.#text(),
        }
      : undefined;
    const sentTo = this.#more & MORE.sentTo ? parseDestination(this.#text()) : undefined;
    const destination = readAs ?? sentTo;
    if (destination === undefined) throw malformed(view.length);
    return {
      id: { producerId: idProducer, producerSequence: view.readDoubleBE(36), textView },
      producerId: producer,
      destination,
      originalDestination,
      transactionId,
      originalTransactionId,
      isPersistent: has(HAS.persistent),
      priority: kinds & 15,
      timestamp: view.readDoubleBE(4),
      expiration: view.readDoubleBE(12),
      correlationId,
      type,
      replyTo,
      groupId,
      groupSequence: view.readInt32BE(28),
      userId,
      contentKind,
      isCompressed: has(HAS.compressed),
      properties: has(HAS.properties) ? this.#bytes(view.readUInt32BE(60)) : undefined,
      content: has(HAS.content) ? this.#bytes(view.readUInt32BE(64)) : undefined,
      redeliveryCount: view.readUInt32BE(32),
      brokerInTime: view.readDoubleBE(20),
      deadLetter,
      extension: has(HAS.extension) ? this.#bytes(view.readUInt32BE(68)) : undefined,
    };
  }

  #producer(): ProducerId {
    return producerId(connectionId(this.#text()), this.#number(), this.#number());
  }

  #transaction(): TransactionId {
    if (this.#byte() === 0) {
      return {
        kind: 'local',
        connectionId: connectionId(this.#text()),
        value: this.#number(),
      };
    }
    const formatId = this.#view.readInt32BE(this.#step(4));
    return {
      kind: 'xa',
      formatId,
      globalTransactionId: this.#bytes(this.#length()),
      branchQualifier: this.#bytes(this.#length()),
    };
  }

  #text(): string {
    const length = this.#length();
    const from = this.#step(length);
    return this.#view.toString('utf8', from, from + length);
  }

  #byte(): number {
    return this.#view.readUInt8(this.#step(1));
  }

  #number(): number {
    return this.#view.readDoubleBE(this.#step(8));
  }

  #length(): number {
    return this.#view.readUInt32BE(this.#step(4));
  }

  #bytes(length: number): Uint8Array {
    const from = this.#step(length);
    return this.#view.subarray(from, from + length);
  }

  /** Where the next `bytes` start; they are known to be there. */
  #step(bytes: number): number {
    const from = this.#at;
    this.#at += bytes;
    if (this.isPastEnd) throw malformed(this.#view.length);
    return from;
  }
}

function malformed(bytes: number): BrokerError {
  return new BrokerError(
    'BATON_CORRUPT',
    `A stored message of ${bytes} bytes contradicts its own lengths`,
    { details: { bytes } },
  );
}
