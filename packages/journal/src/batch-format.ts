/**
 * A batch: what one write and one sync made durable. It counts whole or not at all. All numbers
 * are little-endian; a batch starts at a multiple of 8 and is padded with zeros to one.
 *
 * ```
 *   0        4         6        8         12       16         20        24      32         40
 *   +--------+---------+--------+---------+--------+----------+---------+-------+----------+
 *   | magic  | version | header | segment | offset | batch    | records | epoch | sequence |
 *   | "BMQB" |   u16   | bytes  |  u32    |  u32   | bytes    |  u32    |  u64  |   u64    |
 *   |        |   = 1   | u16=48 |         |        | u32      |         |       |          |
 *   +--------+---------+--------+---------+--------+----------+---------+-------+----------+
 *  40                  44              48
 *   +------------------+---------------+---------------------------------- - - -+---------+
 *   | records CRC-32C  | header CRC-32C| record | record | …                    | zeros   |
 *   |       u32        |  of 0..43     |  (record-format.ts)                    | to 8    |
 *   +------------------+---------------+---------------------------------- - - -+---------+
 * ```
 *
 * The records checksum covers the headers of all records, in order; each of those holds the
 * checksum of its body. So every byte is summed once, a damaged record is told from its
 * neighbours, and yet one number stands for the whole batch.
 *
 * Segment and offset say where the batch belongs: a batch left over from the former life of a
 * reused file, or a copy of one inside a message, is somewhere else and is not taken for real.
 * Sequences are dense over the whole journal: a missing batch is noticed by the next one.
 */
import { crc32c } from './crc32c.ts';
import {
  readU64,
  RECORD_HEADER_BYTES,
  recordBytes,
  writeBody,
  writeU64,
  type JournalRecord,
} from './record-format.ts';

export const BATCH_HEADER_BYTES = 48;
export const BATCH_MAGIC = Buffer.from('BMQB', 'latin1');
export const FORMAT_VERSION = 1;

const MAGIC_NUMBER = BATCH_MAGIC.readUInt32LE(0);
/** Smaller: more growing of a fresh buffer; larger: more memory for an idle journal. */
const BUFFER_BYTES_START = 256 * 1024;
/** A buffer that a burst made larger than this is given back after the burst. */
const BUFFER_BYTES_KEPT = 4 * 1024 * 1024;

export interface BatchHeader {
  readonly version: number;
  readonly segment: number;
  readonly offset: number;
  /** Of the whole batch: header, records and padding. */
  readonly batchBytes: number;
  readonly recordCount: number;
  readonly epoch: number;
  readonly sequence: number;
  readonly recordsChecksum: number;
}

/** Where a batch belongs. */
export interface BatchPlace {
  readonly segment: number;
  readonly offset: number;
  readonly epoch: number;
  readonly sequence: number;
}

export function align8(bytes: number): number {
  return Math.ceil(bytes / 8) * 8;
}

/** Gathers records into the bytes of one batch. Its memory is used again after {@link clear}. */
export class BatchBuilder {
  #buffer = Buffer.alloc(0);
  #view = new DataView(new ArrayBuffer(0));
  #end = BATCH_HEADER_BYTES;
  #recordCount = 0;
  #recordsChecksum = 0;

  /** Bytes so far, the header included, padding not. */
  get bytes(): number {
    return this.#end;
  }

  get recordCount(): number {
    return this.#recordCount;
  }

  get recordsChecksum(): number {
    return this.#recordsChecksum;
  }

  add(record: JournalRecord): void {
    const bytes = recordBytes(record);
    this.#reserve(bytes);
    const at = this.#end;
    const body = at + RECORD_HEADER_BYTES;
    const { type, targets } = writeBody({ buffer: this.#buffer, view: this.#view }, body, record);
    const view = this.#view;
    view.setUint16(at, type, true);
    view.setUint16(at + 2, targets, true);
    view.setUint32(at + 4, bytes - RECORD_HEADER_BYTES, true);
    view.setUint32(at + 8, crc32c(this.#buffer, body, at + bytes), true);
    this.#count(at, bytes);
  }

  /** Adds records that are already in their stored form, one after another. */
  addEncoded(records: Buffer): void {
    this.#reserve(records.length);
    for (let at = 0; at < records.length;) {
      const { to } = readRawRecord(records, at);
      records.copy(this.#buffer, this.#end, at, to);
      this.#count(this.#end, to - at);
      at = to;
    }
  }

  /** The finished batch: header, records, padding. Valid until the next {@link clear}. */
  finish(place: BatchPlace): Buffer {
    const batchBytes = align8(this.#end);
    this.#reserve(batchBytes - this.#end);
    this.#buffer.fill(0, this.#end, batchBytes);
    const view = this.#view;
    view.setUint32(0, MAGIC_NUMBER, true);
    view.setUint16(4, FORMAT_VERSION, true);
    view.setUint16(6, BATCH_HEADER_BYTES, true);
    view.setUint32(8, place.segment, true);
    view.setUint32(12, place.offset, true);
    view.setUint32(16, batchBytes, true);
    view.setUint32(20, this.#recordCount, true);
    writeU64(view, 24, place.epoch);
    writeU64(view, 32, place.sequence);
    view.setUint32(40, this.#recordsChecksum, true);
    view.setUint32(44, crc32c(this.#buffer, 0, 44), true);
    return this.#buffer.subarray(0, batchBytes);
  }

  /** The stored form of the records between two values of {@link bytes}. */
  slice(from: number, to: number): Buffer {
    return this.#buffer.subarray(from, to);
  }

  clear(): void {
    if (this.#buffer.length > BUFFER_BYTES_KEPT) this.#allocate(BUFFER_BYTES_START);
    this.#end = BATCH_HEADER_BYTES;
    this.#recordCount = 0;
    this.#recordsChecksum = 0;
  }

  #count(at: number, bytes: number): void {
    this.#recordsChecksum = crc32c(
      this.#buffer,
      at,
      at + RECORD_HEADER_BYTES,
      this.#recordsChecksum,
    );
    this.#recordCount += 1;
    this.#end = at + bytes;
  }

  #reserve(bytes: number): void {
    const needed = this.#end + bytes;
    if (needed <= this.#buffer.length) return;
    const old = this.#buffer;
    this.#allocate(Math.max(needed, 2 * old.length, BUFFER_BYTES_START));
    old.copy(this.#buffer, 0, 0, this.#end);
  }

  #allocate(bytes: number): void {
    this.#buffer = Buffer.allocUnsafeSlow(bytes);
    this.#view = new DataView(this.#buffer.buffer, this.#buffer.byteOffset, bytes);
  }
}

/** The header at `at`, or undefined if there is none whose own checksum holds. */
export function readBatchHeader(buffer: Buffer, at: number): BatchHeader | undefined {
  if (at + BATCH_HEADER_BYTES > buffer.length) return undefined;
  if (buffer.readUInt32LE(at) !== MAGIC_NUMBER) return undefined;
  if (buffer.readUInt32LE(at + 44) !== crc32c(buffer, at, at + 44)) return undefined;
  return {
    version: buffer.readUInt16LE(at + 4),
    segment: buffer.readUInt32LE(at + 8),
    offset: buffer.readUInt32LE(at + 12),
    batchBytes: buffer.readUInt32LE(at + 16),
    recordCount: buffer.readUInt32LE(at + 20),
    epoch: readU64(buffer, at + 24),
    sequence: readU64(buffer, at + 32),
    recordsChecksum: buffer.readUInt32LE(at + 40),
  };
}

/** A record in its stored form, found by {@link batchRecords}. */
export interface RawRecord {
  readonly type: number;
  readonly targetCount: number;
  /** Of the record's header, in the buffer. */
  readonly at: number;
  /** Of the record's body, in the buffer. */
  readonly from: number;
  readonly to: number;
}

/** The record whose header is at `at`. Its checksum is not looked at. */
export function readRawRecord(buffer: Buffer, at: number): RawRecord {
  const from = at + RECORD_HEADER_BYTES;
  return {
    type: buffer.readUInt16LE(at),
    targetCount: buffer.readUInt16LE(at + 2),
    at,
    from,
    to: from + buffer.readUInt32LE(at + 4),
  };
}

/** The records of a batch of which `header` is the header, at `at` in `buffer`. */
export function* batchRecords(
  buffer: Buffer,
  at: number,
  header: BatchHeader,
): Generator<RawRecord> {
  let next = at + BATCH_HEADER_BYTES;
  for (let index = 0; index < header.recordCount; index += 1) {
    const record = readRawRecord(buffer, next);
    yield record;
    next = record.to;
  }
}

export function isBodyIntact(buffer: Buffer, record: RawRecord): boolean {
  return crc32c(buffer, record.from, record.to) === buffer.readUInt32LE(record.at + 8);
}

/** True if every checksum under `header` holds; the buffer has the whole batch. */
export function isBatchIntact(buffer: Buffer, at: number, header: BatchHeader): boolean {
  const end = at + header.batchBytes;
  let next = at + BATCH_HEADER_BYTES;
  let checksum = 0;
  for (let index = 0; index < header.recordCount; index += 1) {
    if (next + RECORD_HEADER_BYTES > end) return false;
    checksum = crc32c(buffer, next, next + RECORD_HEADER_BYTES, checksum);
    const record = readRawRecord(buffer, next);
    if (record.to > end || !isBodyIntact(buffer, record)) return false;
    next = record.to;
  }
  return checksum === header.recordsChecksum;
}
