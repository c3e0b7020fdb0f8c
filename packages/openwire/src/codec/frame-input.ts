import type { BrokerError } from '@batonmq/model';
import type { Long } from '../structure/data-structures.ts';
import { readLatin1, readModifiedUtf8 } from '@batonmq/message-content';
import { protocolError } from '../protocol-error.ts';
import { internedAscii } from './string-table.ts';

const TWO_32 = 4294967296;
const EMPTY = Buffer.alloc(0);

/**
 * Reads the primitive values of one frame, and never a byte beyond it.
 *
 * The two encodings differ only here. Loose: every flag is a byte in line with the data. Tight:
 * all flags of a frame are bits of one string in front of the data, least significant bit first,
 * and a long says with two flags how many of its bytes are there.
 */
export class FrameInput {
  readonly #tight: boolean;
  #bytes: Buffer = EMPTY;
  /** First byte of the frame's size prefix, where error positions count from. */
  #origin = 0;
  #position = 0;
  #end = 0;
  #bitPosition = 0;
  #bitEnd = 0;
  /** Array elements the frame may still announce; see {@link count}. */
  #elementBudget = 0;

  constructor(tight: boolean) {
    this.#tight = tight;
  }

  /**
   * Starts on the frame body `bytes[start, end)`, which follows a size prefix, and returns its
   * type code.
   */
  open(bytes: Buffer, start: number, end: number): number {
    this.#bytes = bytes;
    this.#origin = start - 4;
    this.#position = start;
    this.#end = end;
    this.#elementBudget = end - start;
    const code = this.uint8();
    if (this.#tight) this.#openBits();
    return code;
  }

  #openBits(): void {
    const head = this.uint8();
    let length = head;
    if (head === 0xc0) length = this.uint8();
    else if (head === 0x80) length = this.int16();
    else if (head > 0x3f) throw this.error('The length of the flags is malformed');
    if (length < 0 || length > this.remaining) throw this.error('The flags overrun the frame');
    this.#bitPosition = this.#position * 8;
    this.#position += length;
    this.#bitEnd = this.#position * 8;
  }

  /** Ends the frame: everything in it must have been read. Lets go of its bytes. */
  close(): void {
    if (this.remaining !== 0) throw this.error('Bytes are left over at the end of the frame');
    if (this.#tight) this.#closeBits();
    this.#bytes = EMPTY;
  }

  #closeBits(): void {
    const unused = this.#bitEnd - this.#bitPosition;
    if (unused >= 8) throw this.error('Flags are left over at the end of the frame');
    for (let i = 0; i < unused; i++) {
      if (this.#bit()) throw this.error('The padding of the flags is not zero');
    }
  }

  /** Bytes of the frame not read yet. */
  get remaining(): number {
    return this.#end - this.#position;
  }

  error(message: string): BrokerError {
    return protocolError(message, this.#position - this.#origin);
  }

  boolean(): boolean {
    return this.#tight ? this.#bit() : this.uint8() !== 0;
  }

  #bit(): boolean {
    const at = this.#bitPosition;
    if (at >= this.#bitEnd) throw this.error('The frame has too few flags');
    this.#bitPosition = at + 1;
    return (((this.#bytes[at >>> 3] ?? 0) >>> (at & 7)) & 1) === 1;
  }

  uint8(): number {
    const at = this.#take(1);
    return this.#bytes[at] ?? 0;
  }

  int8(): number {
    return (this.uint8() << 24) >> 24;
  }

  int16(): number {
    return (this.#uint16() << 16) >> 16;
  }

  #uint16(): number {
    const at = this.#take(2);
    const bytes = this.#bytes;
    return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  }

  int32(): number {
    const at = this.#take(4);
    const bytes = this.#bytes;
    return (
      ((bytes[at] ?? 0) << 24) |
      ((bytes[at + 1] ?? 0) << 16) |
      ((bytes[at + 2] ?? 0) << 8) |
      (bytes[at + 3] ?? 0)
    );
  }

  long(): Long {
    if (!this.#tight) return this.#int64();
    const wide = this.#bit();
    const half = this.#bit();
    if (wide) return half ? this.#int64() : this.int32() >>> 0;
    return half ? this.#uint16() : 0;
  }

  #int64(): Long {
    const high = this.int32();
    const low = this.int32() >>> 0;
    const value = high * TWO_32 + low;
    return Number.isSafeInteger(value) ? value : (BigInt(high) << 32n) | BigInt(low);
  }

  string(): string | null {
    if (!this.boolean()) return null;
    const isLatin1 = this.#tight && this.#bit();
    const length = this.#uint16();
    const start = this.#take(length);
    const end = start + length;
    const known = internedAscii(this.#bytes, start, end);
    if (known !== undefined) return known;
    return isLatin1
      ? readLatin1(this.#bytes, start, end)
      : readModifiedUtf8(this.#bytes, start, end, this.#origin);
  }

  /** A view of the frame, not a copy. */
  bytes(): Uint8Array | null {
    return this.boolean() ? this.view(this.int32()) : null;
  }

  view(length: number): Uint8Array {
    if (length < 0) throw this.error('A length is negative');
    const bytes = this.#bytes;
    const start = this.#take(length);
    return new Uint8Array(bytes.buffer, bytes.byteOffset + start, length);
  }

  /**
   * Number of elements of an array. All arrays of a frame together may announce as many elements
   * as the frame has bytes: real ones are larger than a byte each, while null elements of a tight
   * frame take one bit, from which a small frame could make very long arrays.
   */
  count(): number {
    const count = this.int16();
    if (count < 0) throw this.error('A count is negative');
    this.#elementBudget -= count;
    if (this.#elementBudget < 0)
      throw this.error('The frame announces more elements than it can hold');
    return count;
  }

  #take(length: number): number {
    const at = this.#position;
    if (length > this.#end - at) throw this.error('The frame ends too early');
    this.#position = at + length;
    return at;
  }
}
