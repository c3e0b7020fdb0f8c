/** Where a payload lies in a {@link PayloadBlock}. */
export interface Extent {
  readonly offset: number;
  readonly byteCount: number;
}

/** The payloads of a change in one parameter, from which the database cuts them: no byte is written as text. */
export class PayloadBlock {
  readonly #pieces: Uint8Array[] = [];
  #byteCount = 0;

  add(pieces: readonly Uint8Array[]): Extent {
    const offset = this.#byteCount;
    for (const piece of pieces) {
      this.#pieces.push(piece);
      this.#byteCount += piece.length;
    }
    return { offset, byteCount: this.#byteCount - offset };
  }

  get pieces(): readonly Uint8Array[] {
    return this.#pieces;
  }

  /** Memory that nothing else lies in, so that it may move to another thread. */
  toArrayBuffer(): ArrayBuffer {
    const bytes = new Uint8Array(this.#byteCount);
    let offset = 0;
    for (const piece of this.#pieces) {
      bytes.set(piece, offset);
      offset += piece.length;
    }
    return bytes.buffer;
  }
}
