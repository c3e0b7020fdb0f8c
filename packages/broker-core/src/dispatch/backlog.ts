import { isBrokerError, type Message, type Sequence } from '@batonmq/model';
import type { RecoveredDestination, StoredMessage } from '@batonmq/store-spi';
import { decodeMessage } from '../message/stored-message.ts';
import type { TermParts } from '../term-parts.ts';
import type { Lane } from './lane.ts';
import { Places } from './places.ts';

/** Pause before a page is asked for again after the store failed to read it. */
const READ_RETRY_MS = 1000;

/** A message that was read back. */
export interface PagedMessage {
  readonly message: Message;
  readonly sequence: Sequence;
  readonly storedCount: number;
  readonly storedBytes: number;
}

/** What is read, and who takes it: the page holds everything durable from `from` to before `end`. */
interface PageRead {
  readonly from: Sequence;
  readonly messageCountMax: number;
  readonly take: (page: readonly PagedMessage[], end: number, from: Sequence) => void;
}

/**
 * The stored messages of a lane that are not in memory. They cost no memory here; the store knows
 * where they are. One page is read at a time, for the lane or for somebody else.
 *
 * - *Gathered*: they are everything durable from `from` up, and are read once and in order.
 * - *Scattered*: some before others that are in memory. `from` is the first of them or less, and
 *   {@link Places} tells which of what is read is in memory already.
 */
export class Backlog {
  readonly #lane: Lane;
  readonly #parts: TermParts;
  #from = 1;
  #messageCount = 0;
  #durableThrough = 0;
  #places: Places | undefined;
  /** Gathered: those from `from` up that a transaction held and gave back or consumed. No page may bring them again. */
  readonly #settledAhead = new Set<Sequence>();
  #isReading = false;

  constructor(lane: Lane, parts: TermParts) {
    this.#lane = lane;
    this.#parts = parts;
  }

  get messageCount(): number {
    return this.#messageCount;
  }

  /** The first sequence that is not in memory; scattered: no sequence before it is in the store alone. */
  get from(): Sequence {
    return (this.#messageCount > 0 ? this.#from : this.#durableThrough + 1) as Sequence;
  }

  /** The last sequence whose append has settled. */
  get durableThrough(): Sequence {
    return this.#durableThrough as Sequence;
  }

  recovered(destination: RecoveredDestination): void {
    this.#from = destination.firstSequence;
    this.#messageCount = destination.messageCount;
    this.#durableThrough = destination.nextSequence - 1;
  }

  /** Messages of it that {@link Lane.isHeld} names are somebody's already: it neither counts nor pages them. */
  exclude(messageCount: number): void {
    this.#messageCount = Math.max(0, this.#messageCount - messageCount);
  }

  /** Gathered: a message became durable. True if it stays in the store alone: there are others before it, or no room. */
  keeps(sequence: Sequence, isWindowFull: boolean): boolean {
    this.#durableThrough = sequence;
    if (this.#messageCount === 0) {
      if (!isWindowFull) return false;
      this.#from = sequence;
    }
    this.#messageCount += 1;
    return true;
  }

  scatter(): void {
    this.#places = new Places(this.from);
    for (const sequence of this.#settledAhead) this.#places.entered(sequence);
    this.#settledAhead.clear();
    if (this.#isReading) this.#places.readBegins();
  }

  /** Scattered: everything before `from` was tested. True if gathered again: nothing from there up is in memory. */
  gather(from: number): boolean {
    if (this.#isReading || this.#places === undefined || this.#places.presentThrough >= from) {
      return false;
    }
    this.#places = undefined;
    this.#from = from;
    return true;
  }

  /** Scattered: true if a durable message is in the store alone. */
  isAbsent(sequence: Sequence): boolean {
    return this.#places?.isAbsent(sequence) === true && !this.#lane.isHeld(sequence);
  }

  /** One that a transaction held is in memory now, or gone. It was not counted. */
  cameBack(sequence: Sequence): void {
    if (this.#places !== undefined) this.#places.entered(sequence);
    else if (sequence >= this.from) this.#settledAhead.add(sequence);
  }

  /** Scattered: a message became durable and is in memory. */
  arrived(sequence: Sequence): void {
    this.#durableThrough = sequence;
    this.#places?.entered(sequence);
  }

  /** Scattered: a message became durable and is not. */
  stayed(sequence: Sequence): void {
    if (this.#messageCount === 0) this.#from = sequence;
    this.#durableThrough = sequence;
    this.#messageCount += 1;
  }

  /** Scattered: one that was read is in memory now. */
  entered(sequence: Sequence): void {
    this.#places?.entered(sequence);
    this.#messageCount = Math.max(0, this.#messageCount - 1);
  }

  /** Scattered: one that was in memory is in the store alone now. */
  left(sequence: Sequence): void {
    this.#from = Math.min(this.from, sequence);
    this.#places?.left(sequence);
    this.#messageCount += 1;
  }

  /** One that was in memory is removed for good. */
  gone(sequence: Sequence): void {
    this.#places?.gone(sequence);
  }

  /** Scattered: none before `sequence` is in the store alone. */
  startsAt(sequence: number): void {
    this.#from = sequence;
  }

  /** True if a durable message is in the store alone. */
  isInStoreAlone(sequence: Sequence): boolean {
    if (sequence > this.#durableThrough) return false;
    if (this.#places !== undefined) return this.isAbsent(sequence);
    if (sequence < this.from || this.#settledAhead.has(sequence)) return false;
    return !this.#lane.isHeld(sequence);
  }

  /** Reads a page from `from` on and hands it to the lane, unless one is on its way. */
  read(from: Sequence, messageCountMax: number): void {
    this.#begin({ from, messageCountMax, take: this.#takePage });
  }

  /**
   * Reads what lies from `first` to `last`, or a part of it from its start, and pages nothing in until {@link takeBack}.
   * False if a page is on its way. What is in the store alone stays so meanwhile, unless the borrower says that it {@link entered} memory and is {@link gone}.
   */
  lend(
    { first, last }: { readonly first: Sequence; readonly last: Sequence },
    take: (page: readonly PagedMessage[], end: number) => void,
  ): boolean {
    return this.#begin({ from: first, messageCountMax: last - first + 1, take });
  }

  /** The borrower is done. */
  takeBack(): void {
    this.#isReading = false;
    this.#places?.readEnds();
    this.#lane.pagedIn();
  }

  clear(): void {
    this.#messageCount = 0;
  }

  #begin(page: PageRead): boolean {
    if (this.#isReading || this.#messageCount === 0 || this.#lane.number === undefined)
      return false;
    this.#isReading = true;
    if (this.#places === undefined) {
      this.#read(page);
      return true;
    }
    this.#places.readBegins();
    // What was removed before is not in the store any more once this comes after it.
    const read = (): void => {
      this.#read(page);
    };
    const { endOfTurn, writes } = this.#parts;
    endOfTurn.run(() => {
      writes.complete({ settled: read });
      writes.seal();
    });
    return true;
  }

  #missing(): void {
    this.#parts.logger.log('error', 'the store has fewer messages than it counted', {
      destination: this.#lane.key,
      from: this.#from,
      missingCount: this.#messageCount,
    });
    this.#messageCount = 0;
  }

  #read(page: PageRead): void {
    const { from, messageCountMax, take } = page;
    const { number, queue } = this.#lane;
    if (number === undefined || queue.isRemoved) return;
    const limits = { messageCountMax, bytesMax: this.#parts.settings.pageBytes };
    const durableThrough = this.#durableThrough;
    this.#parts.lease
      .read(number, from, limits)
      .then((stored) => stored.map((each) => this.#decoded(each)))
      .then(
        (read) => {
          if (this.#parts.isOver || queue.isRemoved) return;
          // The store may already show a message whose append has not settled here. It is counted in
          // when that happens; to take it now would make it appear twice.
          const durable = read.filter(({ sequence }) => sequence <= this.#durableThrough);
          take(durable, (durable.at(-1)?.sequence ?? durableThrough) + 1, from);
        },
        (error: unknown) => {
          if (!this.#parts.isOver) this.#retry(page, error);
        },
      );
  }

  #decoded({ sequence, redeliveryCount, payload }: StoredMessage): PagedMessage {
    const message = decodeMessage(payload, this.#lane.queue.decodedAs);
    return { message, sequence, storedCount: redeliveryCount, storedBytes: payload.length };
  }

  readonly #takePage = (page: readonly PagedMessage[], end: number, from: Sequence): void => {
    this.#isReading = false;
    if (this.#places === undefined) this.#takeAll(page, end);
    else this.#test(from, page, end);
    this.#places?.readEnds();
    this.#lane.pagedIn();
  };

  #takeAll(durable: readonly PagedMessage[], end: number): void {
    if (durable.length === 0) this.#missing();
    else this.#from = end;
    const page = durable.filter(
      ({ sequence }) => !this.#lane.isHeld(sequence) && !this.#settledAhead.has(sequence),
    );
    for (const sequence of this.#settledAhead) {
      if (sequence < end) this.#settledAhead.delete(sequence);
    }
    this.#messageCount = Math.max(0, this.#messageCount - page.length);
    this.#lane.took(page);
  }

  #test(from: Sequence, page: readonly PagedMessage[], end: number): void {
    const isComplete = from <= this.from && end > this.#durableThrough;
    if (page.length === 0 && isComplete && this.#messageCount > 0) this.#missing();
    this.#lane.tested(from, page, end);
  }

  /** A place that cannot be read stops its queue, loudly: to go on behind it would drop messages in silence. */
  #retry(page: PageRead, error: unknown): void {
    this.#parts.logger.log('error', 'cannot read a backlog; trying again', {
      destination: this.#lane.key,
      from: page.from,
      retryMs: READ_RETRY_MS,
      code: isBrokerError(error) ? error.code : undefined,
      error,
    });
    this.#parts.clock.setTimer(READ_RETRY_MS, () => {
      if (!this.#parts.isOver && !this.#lane.queue.isRemoved) this.#read(page);
    });
  }
}
