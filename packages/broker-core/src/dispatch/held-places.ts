import { isBrokerError, type Sequence } from '@batonmq/model';
import { runsOf } from '../message/runs.ts';
import { decodeMessage } from '../message/stored-message.ts';
import { seenAll } from '../subscription/redelivered.ts';
import type { TermParts } from '../term-parts.ts';
import { Entry } from './entry.ts';
import type { Lane } from './lane.ts';

/** Pause before messages are read again after the store failed to read them. */
const READ_RETRY_MS = 1000;

/**
 * Places of a lane that prepared transactions hold since before this broker took over: a sequence
 * each, the messages are in the store. They get their broker sequence at once, so that one that comes back
 * comes before all that were given out since.
 */
export class HeldPlaces {
  readonly #lane: Lane;
  readonly #parts: TermParts;
  readonly #brokerSequences = new Map<Sequence, number>();

  constructor(lane: Lane, parts: TermParts) {
    this.#lane = lane;
    this.#parts = parts;
  }

  has(sequence: Sequence): boolean {
    return this.#brokerSequences.has(sequence);
  }

  add(sequences: readonly Sequence[]): void {
    for (const each of sequences) {
      this.#brokerSequences.set(each, this.#parts.nextBrokerSequence());
    }
  }

  forget(sequences: readonly Sequence[]): void {
    for (const each of sequences) this.#brokerSequences.delete(each);
  }

  /** Reads them, a page at a time, and gives each page to its queue. They stay held until then. */
  giveBack(sequences: readonly Sequence[]): void {
    this.#giveBack(sequences).catch((error: unknown) => {
      if (this.#isOver) return;
      this.#parts.logger.log('error', 'cannot read what a transaction gave back; trying again', {
        destination: this.#lane.key,
        retryMs: READ_RETRY_MS,
        code: isBrokerError(error) ? error.code : undefined,
        error,
      });
      this.#parts.clock.setTimer(READ_RETRY_MS, () => {
        if (!this.#isOver) this.giveBack(sequences.filter((each) => this.has(each)));
      });
    });
  }

  async #giveBack(sequences: readonly Sequence[]): Promise<void> {
    for (const run of runsOf(sequences)) {
      let from: number = run.first;
      const end = run.first + run.count;
      while (from < end) {
        const page = await this.#read(from as Sequence, end - from);
        if (this.#isOver) return;
        const entries = page.filter(({ sequence }) => sequence < end && this.has(sequence));
        this.#takeBack(entries);
        from = (page.at(-1)?.sequence ?? end) + 1;
      }
    }
  }

  #takeBack(entries: readonly Entry[]): void {
    const { queue } = this.#lane;
    this.#lane.tookBack(entries.map(({ sequence }) => sequence));
    queue.giveBack(entries, seenAll(entries));
    this.#parts.writes.seal();
    queue.dispatch();
  }

  async #read(from: Sequence, count: number): Promise<readonly Entry[]> {
    const { lease, settings } = this.#parts;
    const { number, queue } = this.#lane;
    if (number === undefined) return [];
    const messageCountMax = Math.min(count, settings.pageMessages);
    const page = await lease.read(number, from, { messageCountMax, bytesMax: settings.pageBytes });
    return page.map(({ sequence, redeliveryCount, payload }) => {
      const message = decodeMessage(payload, queue.decodedAs);
      const entry = new Entry(this.#lane, message, sequence, redeliveryCount, payload.length);
      entry.brokerSequence = this.#brokerSequences.get(sequence) ?? 0;
      return entry;
    });
  }

  get #isOver(): boolean {
    return this.#parts.isOver || this.#lane.queue.isRemoved;
  }
}
