import { isBrokerError, isQueue, type Message, type Sequence } from '@batonmq/model';
import type { RecoveredDestination, StoredMessage } from '@batonmq/store-spi';
import { decodeMessage } from '../message/stored-message.ts';
import type { TermParts } from '../term-parts.ts';
import type { Queue } from './queue.ts';

/** Pause before a page is asked for again after the store failed to read it. */
const READ_RETRY_MS = 1000;

/** A message that was read back. */
export interface PagedMessage {
  readonly message: Message;
  readonly sequence: Sequence;
  readonly storedCount: number;
}

/**
 * The stored messages of a queue that are not in memory: everything durable from `from` up. They
 * cost no memory here; the store knows where they are. One page is read at a time.
 */
export class Backlog {
  readonly #queue: Queue;
  readonly #parts: TermParts;
  readonly #paged: (page: readonly PagedMessage[]) => void;
  #from = 1;
  #messageCount = 0;
  #durableThrough = 0;
  #isReading = false;

  constructor(queue: Queue, parts: TermParts, paged: (page: readonly PagedMessage[]) => void) {
    this.#queue = queue;
    this.#parts = parts;
    this.#paged = paged;
  }

  get messageCount(): number {
    return this.#messageCount;
  }

  /** The first sequence that is not in memory. */
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

  /** Messages of it that {@link Queue.isHeld} names are somebody's already: it neither counts nor pages them. */
  exclude(messageCount: number): void {
    this.#messageCount = Math.max(0, this.#messageCount - messageCount);
  }

  /**
   * A message became durable. True if it stays in the store alone: there are others before it, or
   * there is no room.
   */
  keeps(sequence: Sequence, isWindowFull: boolean): boolean {
    this.#durableThrough = sequence;
    if (this.#messageCount === 0) {
      if (!isWindowFull) return false;
      this.#from = sequence;
    }
    this.#messageCount += 1;
    return true;
  }

  /** Reads the next page, unless one is on its way. */
  read(messageCountMax: number): void {
    const { number } = this.#queue;
    if (this.#isReading || this.#messageCount === 0 || number === undefined) return;
    this.#isReading = true;
    const limits = { messageCountMax, bytesMax: this.#parts.settings.pageBytes };
    this.#parts.lease
      .read(number, this.from, limits)
      .then((stored) => stored.map((each) => this.#decoded(each)))
      .then(
        (page) => {
          this.#isReading = false;
          if (!this.#parts.isOver && !this.#queue.isRemoved) this.#take(page);
        },
        (error: unknown) => {
          if (!this.#parts.isOver) this.#retry(messageCountMax, error);
        },
      );
  }

  clear(): void {
    this.#messageCount = 0;
  }

  #decoded({ sequence, redeliveryCount, payload }: StoredMessage): PagedMessage {
    const { destination } = this.#queue;
    // What a subscription keeps may come from several topics; each message names its own.
    const message = decodeMessage(payload, isQueue(destination) ? destination : undefined);
    return { message, sequence, storedCount: redeliveryCount };
  }

  #take(read: readonly PagedMessage[]): void {
    // The store may already show a message whose append has not settled here. It is counted in
    // when that happens; to take it now would make it appear twice.
    const durable = read.filter(({ sequence }) => sequence <= this.#durableThrough);
    const last = durable.at(-1);
    if (last === undefined) this.#reportMissing();
    else this.#from = last.sequence + 1;
    const page = durable.filter(({ sequence }) => !this.#queue.isHeld(sequence));
    this.#messageCount = Math.max(0, this.#messageCount - page.length);
    this.#paged(page);
  }

  #reportMissing(): void {
    this.#parts.logger.log('error', 'the store has fewer messages than it counted', {
      destination: this.#queue.destination.key,
      from: this.#from,
      missingCount: this.#messageCount,
    });
    this.#messageCount = 0;
  }

  /** A place that cannot be read stops its queue, loudly: to go on behind it would drop messages in silence. */
  #retry(messageCountMax: number, error: unknown): void {
    this.#parts.logger.log('error', 'cannot read a backlog; trying again', {
      destination: this.#queue.destination.key,
      from: this.#from,
      retryMs: READ_RETRY_MS,
      code: isBrokerError(error) ? error.code : undefined,
      error,
    });
    this.#parts.clock.setTimer(READ_RETRY_MS, () => {
      this.#isReading = false;
      if (!this.#parts.isOver && !this.#queue.isRemoved) this.read(messageCountMax);
    });
  }
}
