import { sequence, type Sequence } from '@batonmq/model';

/** The bytes of a message, kept once however many places show it. */
export interface Body {
  readonly bytes: Uint8Array;
  placeCount: number;
}

/** A message at one place. */
export interface Entry {
  readonly sequence: Sequence;
  readonly body: Body;
  redeliveryCount: number;
}

interface Slot {
  readonly sequence: Sequence;
  entry: Entry | undefined;
}

/**
 * The messages of one destination, ordered by sequence, which only grows: adding is a push and
 * finding a binary search. A removed message leaves its slot empty until half of the slots are, so
 * removing costs no more on average, wherever in the list it happens.
 */
export class MessageList {
  readonly key: string;
  #slots: Slot[] = [];
  #count = 0;
  #bytes = 0;
  #next = sequence(1);

  constructor(key: string) {
    this.key = key;
  }

  get messageCount(): number {
    return this.#count;
  }

  get messageBytes(): number {
    return this.#bytes;
  }

  get firstSequence(): Sequence {
    return this.entriesFrom(sequence(0)).next().value?.sequence ?? this.#next;
  }

  /** Survives the removal of every message: a sequence is never given twice. */
  get nextSequence(): Sequence {
    return this.#next;
  }

  add(at: Sequence, body: Body): void {
    this.#slots.push({ sequence: at, entry: { sequence: at, body, redeliveryCount: 0 } });
    this.#count += 1;
    this.#bytes += body.bytes.length;
    this.#next = sequence(at + 1);
  }

  find(at: Sequence): Entry | undefined {
    const slot = this.#slots[this.#indexFrom(at)];
    return slot?.sequence === at ? slot.entry : undefined;
  }

  remove(entry: Entry): void {
    const slot = this.#slots[this.#indexFrom(entry.sequence)];
    if (slot?.entry !== entry) return;
    slot.entry = undefined;
    this.#count -= 1;
    this.#bytes -= entry.body.bytes.length;
    if (this.#count * 2 < this.#slots.length) {
      this.#slots = this.#slots.filter((kept) => kept.entry !== undefined);
    }
  }

  *entriesFrom(from: Sequence): Generator<Entry, undefined> {
    for (let index = this.#indexFrom(from); index < this.#slots.length; index += 1) {
      const entry = this.#slots[index]?.entry;
      if (entry !== undefined) yield entry;
    }
    return undefined;
  }

  /** Index of the first slot at or after `at`. */
  #indexFrom(at: Sequence): number {
    let low = 0;
    let high = this.#slots.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#slots[middle]?.sequence ?? Infinity) < at) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
