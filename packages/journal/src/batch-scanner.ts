/** Reads batches out of one segment file, in blocks, and finds intact ones behind damage. */
import { BrokerError } from '@batonmq/model';
import type { OpenFile } from '@batonmq/runtime';
import {
  align8,
  BATCH_HEADER_BYTES,
  BATCH_MAGIC,
  FORMAT_VERSION,
  isBatchIntact,
  readBatchHeader,
  type BatchHeader,
} from './batch-format.ts';

/** Larger: fewer reads in a long recovery. */
const BLOCK_BYTES = 1024 * 1024;
/** Of the first read after a {@link BatchScanner.refresh}. Larger: more read for nothing by a follower that is up to date. */
const FIRST_BLOCK_BYTES = 64 * 1024;

/** A buffer that a batch made larger is given up with the next read. */
const BUFFER_BYTES_KEPT = BLOCK_BYTES;

/** An intact batch and where it is in memory. Valid until the scanner reads again. */
export interface ScannedBatch {
  readonly header: BatchHeader;
  readonly buffer: Buffer;
  readonly at: number;
}

export class BatchScanner {
  readonly #file: OpenFile;
  readonly #ordinal: number;
  readonly #epoch: number;
  /** Read into again and again: a new one each time costs more than the read itself. */
  #buffer = Buffer.alloc(0);
  /** What was read of it. */
  #block = this.#buffer;
  #blockFrom = 0;
  #isFirstRead = true;

  constructor(file: OpenFile, segment: { readonly ordinal: number; readonly epoch: number }) {
    this.#file = file;
    this.#ordinal = segment.ordinal;
    this.#epoch = segment.epoch;
  }

  /** Forgets what was read: the file may have grown. */
  refresh(): void {
    this.#block = this.#buffer.subarray(0, 0);
    this.#isFirstRead = true;
  }

  /**
   * The batch that starts at `offset` and ends by `limit`, with every checksum looked at; undefined
   * if there is none.
   *
   * @throws `BATON_STORE_FORMAT` if it is of another version of the format.
   */
  async batchAt(offset: number, limit = Infinity): Promise<ScannedBatch | undefined> {
    if (offset + BATCH_HEADER_BYTES > limit) return undefined;
    await this.#load(offset, BATCH_HEADER_BYTES);
    const header = readBatchHeader(this.#block, offset - this.#blockFrom);
    if (header === undefined || !this.#belongs(header, offset)) return undefined;
    if (header.version !== FORMAT_VERSION) throw this.#otherVersion(header.version);
    if (offset + header.batchBytes > limit || header.batchBytes < BATCH_HEADER_BYTES) {
      return undefined;
    }
    await this.#load(offset, header.batchBytes);
    const at = offset - this.#blockFrom;
    if (at + header.batchBytes > this.#block.length) return undefined;
    if (!isBatchIntact(this.#block, at, header)) return undefined;
    return { header, buffer: this.#block, at };
  }

  /** The first intact batch at or after `offset` with a sequence of at least `sequence`. */
  async nextIntact(
    offset: number,
    sequence: number,
    limit = Infinity,
  ): Promise<ScannedBatch | undefined> {
    let from = align8(offset);
    for (;;) {
      const found = await this.#findMagic(from, limit);
      if (found === undefined) return undefined;
      const batch = await this.batchAt(found, limit);
      if (batch !== undefined && batch.header.sequence >= sequence) return batch;
      from = found + 8;
    }
  }

  async #findMagic(offset: number, limit: number): Promise<number | undefined> {
    let from = offset;
    while (from < limit) {
      await this.#load(from, BATCH_MAGIC.length);
      const start = from - this.#blockFrom;
      if (start >= this.#block.length) return undefined;
      for (let at = start; (at = this.#block.indexOf(BATCH_MAGIC, at)) !== -1; at += 1) {
        if ((this.#blockFrom + at) % 8 === 0) return this.#blockFrom + at;
      }
      // The last bytes may be the start of the magic; they are read again with what follows.
      const end = this.#blockFrom + this.#block.length;
      const next = Math.floor((end - BATCH_MAGIC.length + 1) / 8) * 8;
      if (next <= from) return undefined;
      from = next;
    }
    return undefined;
  }

  #belongs(header: BatchHeader, offset: number): boolean {
    return (
      header.segment === this.#ordinal && header.epoch === this.#epoch && header.offset === offset
    );
  }

  /** Has at least `bytes` from `offset` in the block, or all that the file has. */
  async #load(offset: number, bytes: number): Promise<void> {
    const blockEnd = this.#blockFrom + this.#block.length;
    if (offset >= this.#blockFrom && offset + bytes <= blockEnd) return;
    const wanted = Math.max(bytes, this.#isFirstRead ? FIRST_BLOCK_BYTES : BLOCK_BYTES);
    this.#isFirstRead = false;
    if (this.#buffer.length < wanted || this.#buffer.length > BUFFER_BYTES_KEPT) {
      this.#buffer = Buffer.allocUnsafeSlow(wanted);
    }
    // Nothing counts as read while the buffer is written to.
    this.#block = this.#buffer.subarray(0, 0);
    const read = await this.#file.read(this.#buffer.subarray(0, wanted), offset);
    this.#block = this.#buffer.subarray(0, read);
    this.#blockFrom = offset;
  }

  #otherVersion(version: number): BrokerError {
    return new BrokerError(
      'BATON_STORE_FORMAT',
      `${this.#file.path} holds a batch of journal format ${version}; this version reads ${FORMAT_VERSION}`,
      { details: { file: this.#file.path, version } },
    );
  }
}
