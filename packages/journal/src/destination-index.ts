/**
 * Where the messages of one destination lie.
 *
 * Sequences are nearly dense, so places are kept in chunks of 1024 sequences, three 32-bit numbers
 * each: segment (0: no message), offset of the record, payload bytes. That is 12 bytes a message:
 * 8 for the place, 4 so that byte counts stay exact without reading the message back. A chunk is
 * dropped when its last message is gone, so a queue that is kept short stays small however
 * many messages went through it. The first chunk of a destination starts with 16 places.
 */
import { present } from '@batonmq/model';

const CHUNK_SEQUENCES = 1024;
const CHUNK_SEQUENCES_START = 16;
const STRIDE = 3;

/** Place and size of a stored message. */
export interface MessagePlace {
  readonly segment: number;
  readonly offset: number;
  readonly payloadBytes: number;
}

/** The places of the sequences `number * 1024 + first` and up. */
export interface Chunk {
  readonly number: number;
  readonly first: number;
  readonly places: Uint32Array;
  readonly liveCount: number;
}

interface MutableChunk {
  readonly number: number;
  first: number;
  places: Uint32Array;
  liveCount: number;
  /** A snapshot reads `places`: change a copy. */
  isShared: boolean;
}

export class DestinationIndex {
  readonly key: string;
  /** Greater than every sequence ever stored here. */
  nextSequence = 1;
  messageCount = 0;
  messageBytes = 0;
  /** Counts of messages that were delivered before; few at any time. */
  readonly redeliveryCounts = new Map<number, number>();
  /** In order of their numbers. */
  #chunks: MutableChunk[] = [];

  constructor(key: string) {
    this.key = key;
  }

  get(sequence: number): MessagePlace | undefined {
    const chunk = this.#chunkOf(Math.floor(sequence / CHUNK_SEQUENCES));
    if (chunk === undefined) return undefined;
    return placeAt(chunk, (sequence % CHUNK_SEQUENCES) - chunk.first);
  }

  /** Stores a place; returns the one it replaces. */
  set(sequence: number, place: MessagePlace): MessagePlace | undefined {
    const slot = sequence % CHUNK_SEQUENCES;
    const chunk = this.#chunkFor(Math.floor(sequence / CHUNK_SEQUENCES), slot);
    const old = placeAt(chunk, slot - chunk.first);
    if (chunk.isShared) unshare(chunk);
    const at = (slot - chunk.first) * STRIDE;
    chunk.places[at] = place.segment;
    chunk.places[at + 1] = place.offset;
    chunk.places[at + 2] = place.payloadBytes;
    this.messageBytes += place.payloadBytes - (old?.payloadBytes ?? 0);
    if (old === undefined) {
      chunk.liveCount += 1;
      this.messageCount += 1;
    }
    if (sequence >= this.nextSequence) this.nextSequence = sequence + 1;
    return old;
  }

  /** Forgets a message; returns its place, if it was there. */
  remove(sequence: number): MessagePlace | undefined {
    const number = Math.floor(sequence / CHUNK_SEQUENCES);
    const chunk = this.#chunkOf(number);
    if (chunk === undefined) return undefined;
    const slot = (sequence % CHUNK_SEQUENCES) - chunk.first;
    const old = placeAt(chunk, slot);
    if (old === undefined) return undefined;
    if (chunk.isShared) unshare(chunk);
    chunk.places[slot * STRIDE] = 0;
    chunk.liveCount -= 1;
    if (chunk.liveCount === 0) this.#chunks.splice(this.#indexOf(number), 1);
    this.messageCount -= 1;
    this.messageBytes -= old.payloadBytes;
    if (this.redeliveryCounts.size > 0) this.redeliveryCounts.delete(sequence);
    return old;
  }

  /** Sequence of the oldest message, or the next free one. */
  get firstSequence(): number {
    for (const [sequence] of this.entries(0)) return sequence;
    return this.nextSequence;
  }

  /** Messages with a sequence of at least `from`, in order. Not to be used over a change. */
  *entries(from: number): Generator<[sequence: number, place: MessagePlace]> {
    const start = this.#indexOf(Math.floor(from / CHUNK_SEQUENCES));
    for (let index = start; index < this.#chunks.length; index += 1) {
      const chunk = present(this.#chunks[index], 'the index is below the length');
      const base = chunk.number * CHUNK_SEQUENCES + chunk.first;
      const count = chunk.places.length / STRIDE;
      for (let slot = Math.max(0, from - base); slot < count; slot += 1) {
        const place = placeAt(chunk, slot);
        if (place !== undefined) yield [base + slot, place];
      }
    }
  }

  /** The chunks as they are now; later changes do not show in them. */
  snapshot(): readonly Chunk[] {
    return this.#chunks.map((chunk) => {
      chunk.isShared = true;
      const { number, first, places, liveCount } = chunk;
      return { number, first, places, liveCount };
    });
  }

  /** Takes a chunk as a checkpoint holds it; chunks come in order. */
  restore(chunk: Chunk): void {
    this.#chunks.push({ ...chunk, isShared: false });
    this.messageCount += chunk.liveCount;
    for (let slot = 0; slot < chunk.places.length / STRIDE; slot += 1) {
      this.messageBytes += placeAt(chunk, slot)?.payloadBytes ?? 0;
    }
  }

  /** Position in the list of the first chunk whose number is at least `number`. */
  #indexOf(number: number): number {
    const chunks = this.#chunks;
    const firstNumber = chunks[0]?.number ?? number;
    const guess = number - firstNumber;
    if (chunks[guess]?.number === number) return guess;
    let low = 0;
    let high = chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((chunks[middle]?.number ?? Infinity) < number) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #chunkOf(number: number): MutableChunk | undefined {
    const chunk = this.#chunks[this.#indexOf(number)];
    return chunk?.number === number ? chunk : undefined;
  }

  #chunkFor(number: number, slot: number): MutableChunk {
    const index = this.#indexOf(number);
    const found = this.#chunks[index];
    if (found?.number === number) {
      makeRoom(found, slot);
      return found;
    }
    const isFirst = this.#chunks.length === 0;
    const first = isFirst ? slot : 0;
    const count = isFirst
      ? Math.min(CHUNK_SEQUENCES_START, CHUNK_SEQUENCES - slot)
      : CHUNK_SEQUENCES;
    const places = new Uint32Array(count * STRIDE);
    const chunk = { number, first, places, liveCount: 0, isShared: false };
    this.#chunks.splice(index, 0, chunk);
    return chunk;
  }
}

function placeAt(chunk: Chunk | MutableChunk, slot: number): MessagePlace | undefined {
  const at = slot * STRIDE;
  const segment = chunk.places[at];
  if (slot < 0 || segment === undefined || segment === 0) return undefined;
  return {
    segment,
    offset: chunk.places[at + 1] as number,
    payloadBytes: chunk.places[at + 2] as number,
  };
}

function unshare(chunk: MutableChunk): void {
  chunk.places = chunk.places.slice();
  chunk.isShared = false;
}

/** Grows a small chunk so that it covers `slot`. */
function makeRoom(chunk: MutableChunk, slot: number): void {
  const count = chunk.places.length / STRIDE;
  if (slot >= chunk.first && slot < chunk.first + count) return;
  const first = slot < chunk.first ? 0 : chunk.first;
  const end =
    slot < chunk.first ? chunk.first + count : Math.max(slot + 1, chunk.first + 4 * count);
  const places = new Uint32Array((Math.min(CHUNK_SEQUENCES, end) - first) * STRIDE);
  places.set(chunk.places, (chunk.first - first) * STRIDE);
  chunk.first = first;
  chunk.places = places;
  chunk.isShared = false;
}
