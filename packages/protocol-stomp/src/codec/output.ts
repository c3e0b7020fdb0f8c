import { EMPTY_BYTES } from './bytes.ts';
import { ByteSink } from './byte-sink.ts';

/** A body of this many bytes goes out as it is; below that, copying it costs less than another piece to write. */
const OWN_PIECE_BYTES = 4096;

/** The memory of a turn's frames; beyond it they get more of the same size, which costs another piece to write. */
const BLOCK_BYTES = 64 * 1024;

/** What an idle connection may keep. */
const KEPT_BYTES = 1024;

/** The frames of one connection that leave at the end of the turn. */
export class Output {
  readonly #sink = new ByteSink();
  #pieces: Uint8Array[] = [];
  #piecesLength = 0;
  /** What the last turn wrote, up to a block. */
  #expectedBytes = 0;
  /** Where what was not made a piece yet begins in the sink. */
  #start = 0;

  /** Bytes written and not taken yet. */
  get byteLength(): number {
    return this.#piecesLength + this.#sink.length - this.#start;
  }

  /** Where a frame of about that many bytes is to be written now. Nothing else may be written meanwhile. */
  sink(bytes: number): ByteSink {
    const sink = this.#sink;
    if (sink.length > this.#start && sink.length + bytes > BLOCK_BYTES) this.#cut();
    // A turn usually writes as much as the one before, so its memory need not grow step by step.
    sink.reserve(sink.block.length === 0 ? Math.max(bytes, this.#expectedBytes) : bytes);
    return sink;
  }

  /** A body; it must not change any more. */
  body(bytes: Uint8Array): void {
    if (bytes.length < OWN_PIECE_BYTES) {
      this.#sink.bytes(bytes);
      return;
    }
    this.#cutHere();
    this.#pieces.push(bytes);
    this.#piecesLength += bytes.length;
  }

  /** Hands over everything written since the last call, in order; it is never written to again. */
  take(): Uint8Array[] {
    this.#cutHere();
    const pieces = this.#pieces;
    this.#pieces = [];
    this.#piecesLength = 0;
    this.#expectedBytes = Math.min(this.#sink.length, BLOCK_BYTES);
    if (this.#sink.block.length > KEPT_BYTES) this.#forget();
    return pieces;
  }

  #cut(): void {
    this.#cutHere();
    this.#forget();
  }

  #cutHere(): void {
    const { block, length } = this.#sink;
    if (length === this.#start) return;
    this.#pieces.push(block.subarray(this.#start, length));
    this.#piecesLength += length - this.#start;
    this.#start = length;
  }

  #forget(): void {
    this.#sink.block = EMPTY_BYTES;
    this.#sink.length = 0;
    this.#start = 0;
  }
}
