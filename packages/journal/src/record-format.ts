/**
 * A record: one change, as it lies in a batch. All numbers are little-endian.
 *
 * ```
 *  0             2         4            8             12
 *  +-------------+---------+------------+-------------+---------------------+
 *  | type        | targets | body bytes | body CRC-32C| body                |
 *  |     u16     |   u16   |    u32     |     u32     |                     |
 *  +-------------+---------+------------+-------------+---------------------+
 *
 *  type                      body
 *   1 destination-added      destination u32 | key
 *   2 destination-removed    destination u32
 *   3 message-added          payload | targets x (destination u32, sequence u64)
 *   4 message-removed        destination u32 | sequence u64
 *   5 redelivery-counted     destination u32 | sequence u64 | count u32
 *   6 producer-marked        sequence u64 | producer
 *   7 producer-forgotten     producer
 *   8 state-put              space bytes u16 | key bytes u16 | space | key | value
 *   9 state-removed          space bytes u16 | key bytes u16 | space | key
 *  16 message-moved          as message-added: the same message at a new place (compaction)
 *  17 epoch-opened           carried checksum u32 | sealed x (segment u32, epoch u64, length u32)
 * ```
 *
 * Text is UTF-8. `targets` is 0 for all but the message records. The body checksum covers the
 * body; the header is covered by the batch (see batch-format.ts). The payload comes first in
 * its body so that it can be handed out as a piece of what was read.
 */
import { BrokerError } from '@batonmq/model';
import type { WriteRecord } from '@batonmq/store-spi';

export const RECORD_HEADER_BYTES = 12;
export const TARGET_BYTES = 12;

export const RECORD_TYPE = {
  destinationAdded: 1,
  destinationRemoved: 2,
  messageAdded: 3,
  messageRemoved: 4,
  redeliveryCounted: 5,
  producerMarked: 6,
  producerForgotten: 7,
  statePut: 8,
  stateRemoved: 9,
  messageMoved: 16,
  epochOpened: 17,
} as const;

/** How much of a segment of an older epoch counts: bytes from `length` on are nobody's. */
export interface SealedSegment {
  readonly segment: number;
  readonly epoch: number;
  readonly length: number;
}

/** The first record of an epoch; see docs/formats/journal.md. */
export interface EpochOpened {
  readonly type: 'epoch-opened';
  /** Records checksum of the old epoch's last batch, which is repeated after this record; 0 if none is. */
  readonly carriedChecksum: number;
  readonly sealed: readonly SealedSegment[];
}

/** A live message at its new place. */
export interface MessageMoved {
  readonly type: 'message-moved';
  readonly targets: readonly { readonly destination: number; readonly sequence: number }[];
  readonly payload: readonly Uint8Array[];
}

/** What the journal stores: what its users write and what it writes for itself. */
export type JournalRecord = WriteRecord | EpochOpened | MessageMoved;

const U16_MAX = 0xffff;
const U32_MAX = 0xffff_ffff;

/** Bytes of `record` with its header. */
export function recordBytes(record: JournalRecord): number {
  return RECORD_HEADER_BYTES + bodyBytes(record);
}

function bodyBytes(record: JournalRecord): number {
  switch (record.type) {
    case 'destination-added':
      return 4 + Buffer.byteLength(record.key);
    case 'destination-removed':
      return 4;
    case 'message-added':
    case 'message-moved':
      return payloadBytes(record.payload) + record.targets.length * TARGET_BYTES;
    case 'message-removed':
      return 12;
    case 'redelivery-counted':
      return 16;
    case 'producer-marked':
      return 8 + Buffer.byteLength(record.producer);
    case 'producer-forgotten':
      return Buffer.byteLength(record.producer);
    case 'state-put':
      return (
        4 + Buffer.byteLength(record.space) + Buffer.byteLength(record.key) + record.value.length
      );
    case 'state-removed':
      return 4 + Buffer.byteLength(record.space) + Buffer.byteLength(record.key);
    case 'epoch-opened':
      return 4 + record.sealed.length * 16;
  }
}

export function payloadBytes(payload: readonly Uint8Array[]): number {
  let bytes = 0;
  for (const piece of payload) bytes += piece.length;
  return bytes;
}

/** Where a record is written: a buffer, its view, and the place of the record's header. */
export interface RecordSink {
  readonly buffer: Buffer;
  readonly view: DataView;
}

/**
 * Writes the body of `record` behind the room for its header; returns the type and the count of
 * targets for the header. The sink has room.
 */
export function writeBody(
  sink: RecordSink,
  at: number,
  record: JournalRecord,
): { readonly type: number; readonly targets: number } {
  const { buffer, view } = sink;
  switch (record.type) {
    case 'destination-added':
      view.setUint32(at, record.destination, true);
      buffer.write(record.key, at + 4);
      return { type: RECORD_TYPE.destinationAdded, targets: 0 };
    case 'destination-removed':
      view.setUint32(at, record.destination, true);
      return { type: RECORD_TYPE.destinationRemoved, targets: 0 };
    case 'message-added':
      writeMessage(sink, at, record.targets, record.payload);
      return { type: RECORD_TYPE.messageAdded, targets: record.targets.length };
    case 'message-moved':
      writeMessage(sink, at, record.targets, record.payload);
      return { type: RECORD_TYPE.messageMoved, targets: record.targets.length };
    case 'message-removed':
      writePlace(view, at, record.destination, record.sequence);
      return { type: RECORD_TYPE.messageRemoved, targets: 0 };
    case 'redelivery-counted':
      writePlace(view, at, record.destination, record.sequence);
      view.setUint32(at + 12, record.count, true);
      return { type: RECORD_TYPE.redeliveryCounted, targets: 0 };
    case 'producer-marked':
      writeU64(view, at, record.sequence);
      buffer.write(record.producer, at + 8);
      return { type: RECORD_TYPE.producerMarked, targets: 0 };
    case 'producer-forgotten':
      buffer.write(record.producer, at);
      return { type: RECORD_TYPE.producerForgotten, targets: 0 };
    case 'state-put':
      buffer.set(record.value, writeStateKey(sink, at, record.space, record.key));
      return { type: RECORD_TYPE.statePut, targets: 0 };
    case 'state-removed':
      writeStateKey(sink, at, record.space, record.key);
      return { type: RECORD_TYPE.stateRemoved, targets: 0 };
    case 'epoch-opened':
      writeEpochOpened(view, at, record);
      return { type: RECORD_TYPE.epochOpened, targets: 0 };
  }
}

function writeMessage(
  sink: RecordSink,
  at: number,
  targets: MessageMoved['targets'],
  payload: readonly Uint8Array[],
): void {
  let end = at;
  for (const piece of payload) {
    sink.buffer.set(piece, end);
    end += piece.length;
  }
  for (const target of targets) {
    writePlace(sink.view, end, target.destination, target.sequence);
    end += TARGET_BYTES;
  }
}

function writeStateKey(sink: RecordSink, at: number, space: string, key: string): number {
  const spaceBytes = sink.buffer.write(space, at + 4);
  const keyBytes = sink.buffer.write(key, at + 4 + spaceBytes);
  sink.view.setUint16(at, spaceBytes, true);
  sink.view.setUint16(at + 2, keyBytes, true);
  return at + 4 + spaceBytes + keyBytes;
}

function writeEpochOpened(view: DataView, at: number, record: EpochOpened): void {
  view.setUint32(at, record.carriedChecksum, true);
  let end = at + 4;
  for (const sealed of record.sealed) {
    view.setUint32(end, sealed.segment, true);
    writeU64(view, end + 4, sealed.epoch);
    view.setUint32(end + 12, sealed.length, true);
    end += 16;
  }
}

/** Reads the body of an `epoch-opened` record. */
export function readEpochOpened(buffer: Buffer, from: number, to: number): EpochOpened {
  const sealed: SealedSegment[] = [];
  for (let at = from + 4; at + 16 <= to; at += 16) {
    sealed.push({
      segment: buffer.readUInt32LE(at),
      epoch: readU64(buffer, at + 4),
      length: buffer.readUInt32LE(at + 12),
    });
  }
  return { type: 'epoch-opened', carriedChecksum: buffer.readUInt32LE(from), sealed };
}

function writePlace(view: DataView, at: number, destination: number, sequence: number): void {
  view.setUint32(at, destination, true);
  writeU64(view, at + 4, sequence);
}

export function writeU64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true);
  view.setUint32(at + 4, Math.floor(value / 2 ** 32), true);
}

export function readU64(buffer: Buffer, at: number): number {
  return buffer.readUInt32LE(at) + buffer.readUInt32LE(at + 4) * 2 ** 32;
}

/** Refuses what the format cannot hold, before a byte is written. */
export function checkRecord(record: JournalRecord): void {
  switch (record.type) {
    case 'destination-added':
    case 'destination-removed':
    case 'message-removed':
      fits(record.destination, U32_MAX, 'destination number');
      return;
    case 'redelivery-counted':
      fits(record.destination, U32_MAX, 'destination number');
      fits(record.count, U32_MAX, 'redelivery count');
      return;
    case 'message-added':
      fits(record.targets.length, U16_MAX, 'count of targets');
      for (const target of record.targets) {
        fits(target.destination, U32_MAX, 'destination number');
      }
      return;
    case 'state-put':
    case 'state-removed':
      fits(Buffer.byteLength(record.space), U16_MAX, 'length of a space');
      fits(Buffer.byteLength(record.key), U16_MAX, 'length of a key');
      return;
    default:
      return;
  }
}

function fits(value: number, max: number, what: string): void {
  if (value > max) {
    throw new BrokerError(
      'BATON_INVALID_ARGUMENT',
      `A journal record holds a ${what} of at most ${max}; given was ${value}`,
    );
  }
}
