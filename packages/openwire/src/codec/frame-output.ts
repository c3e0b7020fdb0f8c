import { BrokerError } from '@batonmq/model';
import { ByteSink, putInt32, type SinkMark } from './byte-sink.ts';
import type { Long } from '../structure/data-structures.ts';
import { modifiedUtf8Length, writeModifiedUtf8 } from '@batonmq/message-content';
import { unwritable } from '../protocol-error.ts';

const TWO_32 = 4294967296;

/** Strings take two length bytes; readers of tight frames take them for a signed number. */
const LOOSE_STRING_BYTES_MAX = 65_535;
const TIGHT_STRING_BYTES_MAX = 32_766;

/** Up to here room for the longest form is kept, which is quicker than to measure it. */
const SHORT_UNITS_MAX = 1024;

/** Stands in for a sink between frames. */
const NOWHERE = new ByteSink();

/**
 * Writes the primitive values of one frame into a sink: the counterpart of `FrameInput`.
 *
 * A loose frame goes straight into the sink, its size is filled in at the end. Of a tight frame
 * flags and data are gathered apart, because the flags come first and their number is known last.
 */
export class FrameOutput {
  readonly #tight: boolean;
  readonly #sizeMax: number;
  /** Where the frame goes. */
  #sink: ByteSink = NOWHERE;
  /** Where data goes: `#sink`, or for tight frames `#scratch`. */
  #data: ByteSink = NOWHERE;
  readonly #scratch = new ByteSink();
  #flags = new Uint8Array(64);
  #flagCount = 0;
  #code = 0;
  #start: SinkMark = NOWHERE.mark();
  #startLength = 0;

  constructor(tight: boolean, sizeMax: number) {
    this.#tight = tight;
    this.#sizeMax = sizeMax;
  }

  open(sink: ByteSink, code: number): void {
    this.#sink = sink;
    // From here the size prefix and the code lie in one block, where the size can be filled in.
    sink.reserve(5);
    this.#start = sink.mark();
    this.#startLength = sink.byteLength;
    this.#code = code;
    if (this.#tight) {
      this.#data = this.#scratch;
      this.#flagCount = 0;
    } else {
      this.#data = sink;
      sink.int32(0);
      sink.uint8(code);
    }
  }

  /** @throws BrokerError `BATON_FRAME_TOO_LARGE`; the frame is then to be abandoned. */
  close(): void {
    if (this.#tight) this.#closeTight();
    else this.#closeLoose();
    this.#sink = NOWHERE;
    this.#data = NOWHERE;
  }

  #closeLoose(): void {
    const size = this.#sink.byteLength - this.#startLength - 4;
    this.#checkSize(size);
    putInt32(this.#start.block, this.#start.position, size);
  }

  #closeTight(): void {
    const sink = this.#sink;
    const flagBytes = (this.#flagCount + 7) >>> 3;
    const headBytes = flagBytes < 64 ? 1 : flagBytes < 256 ? 2 : 3;
    const size = 1 + headBytes + flagBytes + this.#scratch.byteLength;
    this.#checkSize(size);
    sink.int32(size);
    sink.uint8(this.#code);
    if (headBytes === 1) {
      sink.uint8(flagBytes);
    } else if (headBytes === 2) {
      sink.uint8(0xc0);
      sink.uint8(flagBytes);
    } else {
      sink.uint8(0x80);
      sink.int16(flagBytes);
    }
    sink.copy(this.#flags, flagBytes);
    this.#scratch.drainInto(sink);
  }

  #checkSize(size: number): void {
    if (size <= this.#sizeMax) return;
    throw new BrokerError(
      'BATON_FRAME_TOO_LARGE',
      `A frame of ${size} bytes is larger than the ${this.#sizeMax} allowed by the connection`,
      { details: { size, sizeMax: this.#sizeMax } },
    );
  }

  /** Leaves the sink as it was before the frame. */
  abandon(): void {
    this.#sink.rewind(this.#start);
    this.#scratch.take();
    this.#sink = NOWHERE;
    this.#data = NOWHERE;
  }

  boolean(value: boolean): void {
    if (this.#tight) this.#flag(value);
    else this.#data.uint8(value ? 1 : 0);
  }

  #flag(value: boolean): void {
    const at = this.#flagCount++;
    const index = at >>> 3;
    if (index === this.#flags.length) {
      const longer = new Uint8Array(index * 2);
      longer.set(this.#flags);
      this.#flags = longer;
    }
    const before = (at & 7) === 0 ? 0 : (this.#flags[index] ?? 0);
    this.#flags[index] = value ? before | (1 << (at & 7)) : before;
  }

  uint8(value: number): void {
    this.#data.uint8(value);
  }

  int8(value: number): void {
    if ((value << 24) >> 24 !== value) throw unwritable(`${value} is not a signed byte`);
    this.#data.uint8(value);
  }

  int16(value: number): void {
    this.#data.int16(value);
  }

  int32(value: number): void {
    if ((value | 0) !== value) throw unwritable(`${value} is not a 32-bit integer`);
    this.#data.int32(value);
  }

  long(value: Long): void {
    if (typeof value === 'bigint') this.#bigLong(value);
    else if (Number.isSafeInteger(value)) this.#long(Math.floor(value / TWO_32), value | 0);
    else throw unwritable(`${value} is not an integer that a number can hold exactly`);
  }

  #bigLong(value: bigint): void {
    if (BigInt.asIntN(64, value) !== value)
      throw unwritable(`${value.toString()} is not a 64-bit integer`);
    this.#long(Number(value >> 32n), Number(BigInt.asIntN(32, value)));
  }

  #long(high: number, low: number): void {
    const data = this.#data;
    if (!this.#tight) {
      data.int32(high);
      data.int32(low);
      return;
    }
    const isWide = high !== 0 || low < 0 || low > 0xffff;
    this.#flag(isWide);
    this.#flag(isWide ? high !== 0 : low !== 0);
    if (high !== 0) data.int32(high);
    if (isWide) data.int32(low);
    else if (low !== 0) data.int16(low);
  }

  string(value: string | null): void {
    if (value === null) {
      this.boolean(false);
      return;
    }
    this.boolean(true);
    const data = this.#data;
    const lengthMax = this.#tight ? TIGHT_STRING_BYTES_MAX : LOOSE_STRING_BYTES_MAX;
    const room = value.length > SHORT_UNITS_MAX ? modifiedUtf8Length(value) : value.length * 3;
    if (room > lengthMax) throw unwritable(`A string of ${room} bytes is longer than ${lengthMax}`);
    data.reserve(2 + room);
    const start = data.position + 2;
    const end = writeModifiedUtf8(value, data.block, start);
    if (this.#tight) this.#flag(end - start === value.length);
    data.int16(end - start);
    data.position = end;
  }

  bytes(value: Uint8Array | null): void {
    if (value === null) {
      this.boolean(false);
      return;
    }
    this.boolean(true);
    this.#data.int32(value.length);
    this.#data.bytes(value);
  }

  /** Bytes without flag and length. */
  rawBytes(value: Uint8Array): void {
    this.#data.bytes(value);
  }

  count(count: number): void {
    if (count > 32_767) throw unwritable(`An array of ${count} elements is longer than 32767`);
    this.#data.int16(count);
  }

  /** Leaves two bytes to be filled in later by {@link fill}. */
  gap(): Gap {
    this.#data.int16(0);
    return { block: this.#data.block, position: this.#data.position - 2 };
  }

  fill(gap: Gap, value: number): void {
    gap.block[gap.position] = value >> 8;
    gap.block[gap.position + 1] = value;
  }
}

interface Gap {
  readonly block: Buffer;
  readonly position: number;
}
