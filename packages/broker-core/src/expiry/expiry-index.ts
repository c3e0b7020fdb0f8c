import type { Sequence } from '@batonmq/model';
import { expirySecond } from './expiry-second.ts';

/** Sequences side by side; a step of a sweep reads no more of them. Larger ones waste more where few messages expire. */
const CHUNK_SEQUENCES = 256;

/** The year 2106: what expires later is looked at then. */
const SECOND_MAX = 2 ** 32 - 1;

/** A run of sequences, both ends included. */
export interface Span {
  readonly first: Sequence;
  readonly last: Sequence;
}

interface Chunk {
  /** The second in which each expires; 0 for those that do not, or are not here. */
  readonly seconds: Uint32Array;
  count: number;
  /** None expires before. */
  earliest: number;
}

/**
 * When the messages expire that a lane has in the store alone: 4 bytes for each sequence, in chunks of 256, and no chunk
 * where nothing expires. A chunk goes with the last one in it that expires.
 */
export class ExpiryIndex {
  readonly #chunks = new Map<number, Chunk>();
  #earliest = Infinity;

  /** None of them expires before that second. */
  get earliest(): number {
    return this.#earliest;
  }

  get bytes(): number {
    return this.#chunks.size * CHUNK_SEQUENCES * Uint32Array.BYTES_PER_ELEMENT;
  }

  /** @param expiration - Milliseconds since 1970; not 0. */
  add(sequence: number, expiration: number): void {
    const second = Math.min(Math.max(expirySecond(expiration), 1), SECOND_MAX);
    const chunk = this.#chunkFor(Math.floor(sequence / CHUNK_SEQUENCES));
    const at = sequence % CHUNK_SEQUENCES;
    if (chunk.seconds[at] === 0) chunk.count += 1;
    chunk.seconds[at] = second;
    chunk.earliest = Math.min(chunk.earliest, second);
    this.#earliest = Math.min(this.#earliest, second);
  }

  /** One that may be here is not in the store alone any more. */
  delete(sequence: number): void {
    const number = Math.floor(sequence / CHUNK_SEQUENCES);
    const chunk = this.#chunks.get(number);
    if (chunk !== undefined) this.#clear(number, chunk, sequence % CHUNK_SEQUENCES);
  }

  /** The same for all of a span. */
  deleteSpan({ first, last }: Span): void {
    for (let sequence: number = first; sequence <= last; sequence += 1) this.delete(sequence);
  }

  /** Where something is due in that second, in no more than one chunk. Its ends are due. */
  due(second: number): Span | undefined {
    if (this.#earliest > second) return undefined;
    let earliest = Infinity;
    for (const [number, chunk] of this.#chunks) {
      if (chunk.earliest <= second) {
        const span = dueIn(number, chunk, second);
        if (span !== undefined) return span;
        // What made it early is gone.
        chunk.earliest = earliestOf(chunk);
      }
      earliest = Math.min(earliest, chunk.earliest);
    }
    this.#earliest = earliest;
    return undefined;
  }

  clear(): void {
    this.#chunks.clear();
    this.#earliest = Infinity;
  }

  #chunkFor(number: number): Chunk {
    const found = this.#chunks.get(number);
    if (found !== undefined) return found;
    const chunk = { seconds: new Uint32Array(CHUNK_SEQUENCES), count: 0, earliest: Infinity };
    this.#chunks.set(number, chunk);
    return chunk;
  }

  #clear(number: number, chunk: Chunk, at: number): void {
    if (chunk.seconds[at] === 0) return;
    chunk.seconds[at] = 0;
    chunk.count -= 1;
    if (chunk.count === 0) this.#chunks.delete(number);
    if (this.#chunks.size === 0) this.#earliest = Infinity;
  }
}

function dueIn(number: number, { seconds }: Chunk, second: number): Span | undefined {
  const isDue = (each: number): boolean => each !== 0 && each <= second;
  const first = seconds.findIndex(isDue);
  if (first === -1) return undefined;
  const start = number * CHUNK_SEQUENCES;
  const last = start + seconds.findLastIndex(isDue);
  return { first: (start + first) as Sequence, last: last as Sequence };
}

function earliestOf({ seconds }: Chunk): number {
  let earliest = Infinity;
  for (const second of seconds) if (second !== 0) earliest = Math.min(earliest, second);
  return earliest;
}
