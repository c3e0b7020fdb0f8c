import { isTemporary, type Destination, type Message, type Sequence } from '@batonmq/model';
import type { DurableWaits } from '../durable-waits.ts';
import { Entry } from '../destination/entry.ts';
import { Queue } from '../destination/queue.ts';
import { StoredBodies } from '../destination/stored-bodies.ts';
import type { TermParts } from '../term-parts.ts';
import { messageFilter, type MessageFilter } from './message-filter.ts';
import { decodeMessage } from './stored-message.ts';

export interface RedriveOptions {
  /** Only letters that it lets through. @defaultValue all */
  readonly selector?: string | undefined;
  /** Letters moved at most, from 1. @defaultValue all that are there when it begins */
  readonly limit?: number | undefined;
}

export interface RedriveResult {
  readonly movedCount: number;
}

/** Letters of one write group; each such page is moved whole or not at all. */
const PAGE_MESSAGES = 500;

/**
 * Moves the dead letters of a queue back to where they came from, a page at a time. Each page is one
 * write group, so a letter is at one of both places at any time, whatever happens in between.
 */
export class Redrive {
  readonly #queue: Queue;
  readonly #parts: TermParts;
  readonly #waits: DurableWaits;
  readonly #isSelected: MessageFilter | undefined;
  readonly #limit: number;
  #movedCount = 0;

  /** @throws `BATON_INVALID_SELECTOR`. */
  constructor(
    queue: Queue,
    parts: TermParts,
    waits: DurableWaits,
    { selector, limit = Infinity }: RedriveOptions,
  ) {
    this.#queue = queue;
    this.#parts = parts;
    this.#waits = waits;
    this.#isSelected = messageFilter(selector);
    this.#limit = limit;
  }

  /** @throws `BATON_STORE_FULL`, or why the term ended; what was moved before stays moved. */
  async run(): Promise<RedriveResult> {
    // One that dies again while this runs is not moved again.
    const { through } = this.#queue.snapshot();
    await this.#moveReady(through);
    await this.#moveStored(through);
    // What was paged in meanwhile was passed by in the store.
    await this.#moveReady(through);
    return { movedCount: this.#movedCount };
  }

  get #room(): number {
    return Math.min(PAGE_MESSAGES, this.#limit - this.#movedCount);
  }

  /** Those that wait in memory. */
  async #moveReady(through: Sequence): Promise<void> {
    const isWanted = ({ sequence, message }: Entry): boolean =>
      sequence <= through && this.#isWanted(message);
    while (this.#room > 0) {
      const entries = this.#queue.takeWaiting(isWanted, this.#room);
      if (entries.length === 0) return;
      await this.#moveTaken(entries);
    }
  }

  async #moveTaken(entries: readonly Entry[]): Promise<void> {
    for (const entry of entries) this.#move(entry);
    try {
      await this.#waits.seal();
    } catch (error) {
      this.#queue.giveBack(entries, new Set());
      throw error;
    }
    for (const entry of entries) this.#queue.release(entry);
    this.#movedCount += entries.length;
  }

  /** Those that are in the store alone; they need not pass through memory in order. */
  async #moveStored(through: Sequence): Promise<void> {
    let from: number = this.#queue.snapshot().from;
    while (from <= through && this.#room > 0 && !this.#queue.isRemoved) {
      const page = await this.#read(from as Sequence);
      const last = page.at(-1);
      if (last === undefined) return;
      const unread = this.#queue.snapshot().from;
      const wanted = page
        .filter(({ sequence }) => sequence >= unread && sequence <= through)
        .filter(({ sequence, message }) => !this.#queue.isHeld(sequence) && this.#isWanted(message))
        .slice(0, this.#room);
      if (wanted.length > 0) await this.#moveHeld(wanted);
      from = last.sequence + 1;
    }
  }

  async #moveHeld(entries: readonly Entry[]): Promise<void> {
    const sequences = entries.map(({ sequence }) => sequence);
    this.#queue.hold(sequences);
    for (const entry of entries) this.#move(entry);
    try {
      await this.#waits.seal();
    } catch (error) {
      this.#queue.returnHeld(sequences);
      throw error;
    }
    this.#queue.consumeHeld(sequences);
    this.#movedCount += entries.length;
  }

  async #read(from: Sequence): Promise<readonly Entry[]> {
    const { lease, settings } = this.#parts;
    const { number, destination } = this.#queue;
    if (number === undefined) return [];
    const limits = { messageCountMax: PAGE_MESSAGES, bytesMax: settings.pageBytes };
    const page = await lease.read(number, from, limits);
    return page.map(
      ({ sequence, payload }) =>
        new Entry(this.#queue, decodeMessage(payload, destination), sequence),
    );
  }

  #isWanted(message: Message): boolean {
    const { deadLetter, originalDestination } = message;
    if (deadLetter === undefined || originalDestination === undefined) return false;
    if (isTemporary(originalDestination)) return false;
    return this.#isSelected?.(message) !== false;
  }

  /** Adds the move of a letter to the open write group. */
  #move(entry: Entry): void {
    const { originalDestination } = entry.message;
    if (originalDestination === undefined) return;
    const message = this.#restored(entry.message, originalDestination);
    const { destinations, writes } = this.#parts;
    const place = destinations.ofBroker(originalDestination);
    if (place instanceof Queue) {
      writes.complete(place.accept(message));
    } else {
      const bodies = new StoredBodies();
      place.accept(message, bodies);
      bodies.write(writes);
    }
    this.#queue.addRemoval(entry);
  }

  /** As it was before it died, but stored, and without a time that is over. */
  #restored(letter: Message, destination: Destination): Message {
    const { originalExpiration = 0 } = letter.deadLetter ?? {};
    const isOver = originalExpiration <= this.#parts.clock.wallTime();
    return {
      ...letter,
      destination,
      originalDestination: undefined,
      expiration: isOver ? 0 : originalExpiration,
      redeliveryCount: 0,
      deadLetter: undefined,
    };
  }
}
