import type { BrokerError, Message, Sequence } from '@batonmq/model';
import type { Receipt } from '../connection/connection.ts';
import type { Backlog, PagedMessage } from '../dispatch/backlog.ts';
import { Entry } from '../dispatch/entry.ts';
import type { Lane } from '../dispatch/lane.ts';
import type { TermParts } from '../term-parts.ts';
import { ExpiryIndex, type Span } from './expiry-index.ts';
import { secondOf } from './expiry-second.ts';

/** What is read in one go of messages whose expirations are not known. */
const UNREAD_STEP_SEQUENCES = 256;

/** Pause before a dead letter that found no room is tried again. */
const NO_ROOM_RETRY_MS = 30_000;

/**
 * Removes the messages of a lane that expire while they are in the store alone, a step of at most 256 sequences at a time.
 * It knows their times from when they came to lie there ({@link ExpiryIndex}). What lay there before this broker
 * took over is unread: it is read once, in steps that somebody else asks for.
 *
 * A step has the backlog for itself: nothing is paged in before the removals are durable, so nothing that
 * is removed here appears anywhere else.
 */
export class ExpirySweep {
  readonly #lane: Lane;
  readonly #backlog: Backlog;
  readonly #parts: TermParts;
  readonly #index = new ExpiryIndex();
  #unread: Span | undefined;
  #isRunning = false;
  /** Something is due, and a page was on its way. */
  #isWaiting = false;

  constructor(lane: Lane, backlog: Backlog, parts: TermParts) {
    this.#lane = lane;
    this.#backlog = backlog;
    this.#parts = parts;
  }

  get earliest(): number {
    return this.#index.earliest;
  }

  get hasUnread(): boolean {
    this.#skipPaged();
    return this.#unread !== undefined;
  }

  /** Messages that are in the store since before this broker took over, and some of them may expire. */
  recovered(unread: Span): void {
    this.#unread = unread;
  }

  /** A message is in the store alone. */
  added(sequence: Sequence, { expiration }: Message): void {
    if (expiration === 0) return;
    this.#index.add(sequence, expiration);
    this.#lane.queue.expiresIn(this.#index.earliest);
  }

  /** It is in memory now. */
  removed(sequence: Sequence, { expiration }: Message): void {
    if (expiration !== 0) this.#index.delete(sequence);
  }

  /** Removes what is due, if anything is. */
  run(): void {
    const due = this.#index.due(secondOf(this.#parts.clock.wallTime()));
    if (due !== undefined) this.#begin(due);
    else if (!this.#isRunning) this.#lane.queue.expiresIn(this.#index.earliest);
  }

  /** Reads a bit of what is unread. */
  readOn(): void {
    if (!this.hasUnread || this.#unread === undefined) return;
    const { first, last } = this.#unread;
    this.#begin({ first, last: Math.min(first + UNREAD_STEP_SEQUENCES - 1, last) as Sequence });
  }

  /** The page that was on its way is here. */
  pageEnded(): void {
    if (this.#isWaiting) this.run();
  }

  clear(): void {
    this.#index.clear();
    this.#unread = undefined;
  }

  #begin(span: Span): void {
    if (this.#isRunning || this.#parts.isDraining) return;
    if (this.#backlog.messageCount === 0) {
      this.clear();
      return;
    }
    this.#isRunning = this.#backlog.lend(span, (page, end) => {
      this.#take(span, page, end);
    });
    this.#isWaiting = !this.#isRunning;
  }

  /** @param end - The page has everything before it. */
  #take(span: Span, page: readonly PagedMessage[], end: number): void {
    const last = Math.min(span.last, end - 1) as Sequence;
    this.#index.deleteSpan({ first: span.first, last });
    this.#skipUnread(last + 1);
    const now = this.#parts.clock.wallTime();
    const expired: Entry[] = [];
    for (const each of page) {
      const { expiration } = each.message;
      if (each.sequence > last || expiration === 0) continue;
      if (!this.#backlog.isInStoreAlone(each.sequence)) continue;
      if (expiration <= now) expired.push(this.#entryOf(each));
      else this.#index.add(each.sequence, expiration);
    }
    if (expired.length === 0) this.#end();
    else this.#lane.queue.expireStored(expired, new Removal(expired, this.#removed));
  }

  readonly #removed = (expired: readonly Entry[], error: BrokerError | undefined): void => {
    if (this.#lane.queue.isRemoved) return;
    const retryAt = this.#parts.clock.wallTime() + NO_ROOM_RETRY_MS;
    for (const entry of expired) {
      if (error === undefined) {
        this.#backlog.entered(entry.sequence);
        this.#lane.queue.forget(entry);
      } else {
        this.#index.add(entry.sequence, retryAt);
      }
    }
    this.#end();
  };

  #entryOf({ message, sequence, storedCount, storedBytes }: PagedMessage): Entry {
    return new Entry(this.#lane, message, sequence, storedCount, storedBytes);
  }

  #end(): void {
    this.#isRunning = false;
    // Who waits for a page goes first, so that neither holds up the other for ever.
    this.#backlog.takeBack();
    this.run();
  }

  #skipPaged(): void {
    this.#skipUnread(this.#backlog.from);
  }

  #skipUnread(from: number): void {
    if (this.#unread === undefined) return;
    const { first, last } = this.#unread;
    const next = Math.max(first, from) as Sequence;
    this.#unread = next > last ? undefined : { first: next, last };
  }
}

/** The removal of expired messages, and their moves to where dead letters are. */
class Removal implements Receipt {
  readonly #expired: readonly Entry[];
  readonly #done: (expired: readonly Entry[], error: BrokerError | undefined) => void;

  constructor(
    expired: readonly Entry[],
    done: (expired: readonly Entry[], error: BrokerError | undefined) => void,
  ) {
    this.#expired = expired;
    this.#done = done;
  }

  settled(error?: BrokerError): void {
    this.#done(this.#expired, error);
  }
}
