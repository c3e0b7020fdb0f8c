/**
 * First block of a sink: most connections are idle, and each keeps its block. Smaller: more blocks until
 * a busy one has grown.
 */
const BLOCK_BYTES_MIN = 512;

/** Blocks double up to this. Larger ones would only let a slow socket hold more memory. */
const BLOCK_BYTES_MAX = 64 * 1024;

/** From here on bytes are handed on as they are: one more piece is cheaper than copying them. */
const COPY_BYTES_MAX = 4 * 1024;

const EMPTY = Buffer.alloc(0);

/** Where a sink stood, so that it can go back there. */
export interface SinkMark {
  readonly pieces: number;
  readonly block: Buffer;
  readonly position: number;
  readonly pieceStart: number;
  readonly finished: number;
}

/**
 * Gathers bytes in blocks, for a socket to write them in as few calls as possible. Bytes that
 * `take` has handed over are never written to again.
 */
export class ByteSink {
  /** Where the next byte goes, once `reserve` has made sure of the room. */
  block: Buffer = EMPTY;
  position = 0;
  #pieceStart = 0;
  #pieces: Uint8Array[] = [];
  /** Bytes in `#pieces`. */
  #finished = 0;

  /** Bytes not taken yet. */
  get byteLength(): number {
    return this.#finished + this.position - this.#pieceStart;
  }

  /** Makes room for `length` bytes in one run. */
  reserve(length: number): void {
    if (this.position + length > this.block.length) this.#startBlock(length);
  }

  #startBlock(length: number): void {
    this.#finishPiece();
    const doubled = Math.min(Math.max(this.block.length * 2, BLOCK_BYTES_MIN), BLOCK_BYTES_MAX);
    this.block = Buffer.allocUnsafeSlow(Math.max(doubled, length));
    this.position = 0;
    this.#pieceStart = 0;
  }

  #finishPiece(): void {
    const start = this.#pieceStart;
    const end = this.position;
    if (end === start) return;
    this.#pieces.push(this.block.subarray(start, end));
    this.#finished += end - start;
    this.#pieceStart = end;
  }

  uint8(value: number): void {
    this.reserve(1);
    this.block[this.position++] = value;
  }

  int16(value: number): void {
    this.reserve(2);
    const { block, position } = this;
    block[position] = value >> 8;
    block[position + 1] = value;
    this.position = position + 2;
  }

  int32(value: number): void {
    this.reserve(4);
    putInt32(this.block, this.position, value);
    this.position += 4;
  }

  /** Adds bytes; large ones are not copied and must not change from now on. */
  bytes(bytes: Uint8Array): void {
    if (bytes.length >= COPY_BYTES_MAX) {
      this.#finishPiece();
      this.#pieces.push(bytes);
      this.#finished += bytes.length;
      return;
    }
    this.reserve(bytes.length);
    this.block.set(bytes, this.position);
    this.position += bytes.length;
  }

  /** Adds a copy of the first `length` bytes. */
  copy(source: Uint8Array, length: number): void {
    this.reserve(length);
    const { block, position } = this;
    for (let i = 0; i < length; i++) block[position + i] = source[i] ?? 0;
    this.position = position + length;
  }

  /** Moves everything into another sink and starts afresh. */
  drainInto(sink: ByteSink): void {
    if (this.#pieces.length === 0 && this.position - this.#pieceStart < COPY_BYTES_MAX) {
      // All of it is copied, so its room can be used again.
      sink.#copyRange(this.block, this.#pieceStart, this.position);
      this.position = this.#pieceStart;
      return;
    }
    for (const piece of this.take()) sink.bytes(piece);
  }

  #copyRange(source: Buffer, start: number, end: number): void {
    this.reserve(end - start);
    source.copy(this.block, this.position, start, end);
    this.position += end - start;
  }

  mark(): SinkMark {
    return {
      pieces: this.#pieces.length,
      block: this.block,
      position: this.position,
      pieceStart: this.#pieceStart,
      finished: this.#finished,
    };
  }

  /** Drops everything since the mark, which must be from after the last `take`. */
  rewind(mark: SinkMark): void {
    this.#pieces.length = mark.pieces;
    this.block = mark.block;
    this.position = mark.position;
    this.#pieceStart = mark.pieceStart;
    this.#finished = mark.finished;
  }

  /** Gives its block back if nothing waits in it, and begins small again. */
  rest(): void {
    if (this.byteLength > 0) return;
    this.block = EMPTY;
    this.position = 0;
    this.#pieceStart = 0;
  }

  /** Hands over all bytes gathered, in order. */
  take(): Uint8Array[] {
    this.#finishPiece();
    const pieces = this.#pieces;
    this.#pieces = [];
    this.#finished = 0;
    return pieces;
  }
}

/** Writes a big-endian 32-bit integer. */
export function putInt32(target: Uint8Array, position: number, value: number): void {
  target[position] = value >> 24;
  target[position + 1] = value >> 16;
  target[position + 2] = value >> 8;
  target[position + 3] = value;
}

/** The bytes as a Buffer, without copying them. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
