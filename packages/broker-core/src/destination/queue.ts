import {
  isTemporary,
  type Destination,
  type DestinationNumber,
  type Message,
  type Sequence,
} from '@batonmq/model';
import type { RecoveredDestination } from '@batonmq/store-spi';
import type { DestinationPolicy } from '../policy/destination-policy.ts';
import type { QueueSubscription } from '../subscription/queue-subscription.ts';
import type { TermParts } from '../term-parts.ts';
import { encodeMessage } from '../message/stored-message.ts';
import { NOT_STORED } from '../write-queue.ts';
import { Backlog, type PagedMessage } from './backlog.ts';
import { ConsumerRing, type Attachment } from './consumer-ring.ts';
import { Deque } from './deque.ts';
import { Entry } from './entry.ts';
import { HeldPlaces } from './held-places.ts';
import { MemoryUsage } from './memory-usage.ts';
import type { Route } from './routes.ts';

/** Bytes of ready stored messages, of all queues together. */
export interface Window {
  usedBytes: number;
}

/** Messages a queue may keep ready although the windows of all queues together are full. */
const WINDOW_MESSAGES_MIN = 32;

/**
 * A queue: each message goes to one consumer, the oldest first.
 *
 * Where a message can be, in order from the front:
 *
 *     returned   came back from a consumer; sorted by broker sequence
 *     ready      in order of arrival; of stored messages only a window
 *     backlog    stored messages behind the window, known by sequence and count only
 *
 * and beside that, dispatched: in the list of its subscription, or held by a prepared transaction.
 *
 * 1. A stored message is ready or dispatched only after it is durable.
 * 2. The stored messages in memory are exactly those before `backlog.from` that were not removed;
 *    those from there up are in the store alone. So they are read once and in order.
 * 3. Broker sequences grow along `returned`, then `ready`; every dispatched one is less than those of `ready`.
 */
export class Queue {
  readonly destination: Destination;
  readonly policy: DestinationPolicy;
  readonly memory: MemoryUsage;
  readonly consumers = new ConsumerRing();
  /** Where its messages go on to; most queues pass nothing on. */
  route: Route | undefined = undefined;
  isRemoved = false;
  enqueuedCount = 0;
  dequeuedCount = 0;
  readonly #parts: TermParts;
  readonly #backlog: Backlog;
  #ready = new Deque<Entry>();
  #returned = new Deque<Entry>();
  #undead: { entry: Entry; cause: string }[] = [];
  #held: HeldPlaces | undefined;
  #inFlightCount = 0;
  /** Of stored messages in `ready`. */
  #windowBytes = 0;
  #expiringCount = 0;
  #number: DestinationNumber | undefined;
  #nextSequence = 1;
  #isDispatching = false;
  /** Set by what happens during a walk that may give entries it has passed by a taker. */
  #isWalkStale = false;

  constructor(destination: Destination, parts: TermParts, recovered?: RecoveredDestination) {
    this.destination = destination;
    this.policy = parts.policies.of(destination);
    this.#parts = parts;
    const { destinationMemoryLimitBytes } = parts.settings;
    this.memory = new MemoryUsage(destinationMemoryLimitBytes, parts.relieved, parts.memory);
    this.#backlog = new Backlog(this, parts, (page) => {
      this.#pagedIn(page);
    });
    if (recovered === undefined) return;
    this.#number = recovered.destination;
    this.#nextSequence = recovered.nextSequence;
    this.#backlog.recovered(recovered);
  }

  /** The number the store knows it by; none before its first stored message. */
  get number(): DestinationNumber | undefined {
    return this.#number;
  }

  get messageCount(): number {
    const waiting = this.#ready.length + this.#returned.length + this.#backlog.messageCount;
    return waiting + this.#inFlightCount + this.#undead.length;
  }

  get inFlightCount(): number {
    return this.#inFlightCount;
  }

  get memoryBytes(): number {
    return this.memory.usedBytes + this.#windowBytes;
  }

  /** True if a message of it is, or will be, in the store. */
  isStoring(message: Message): boolean {
    return message.isPersistent && !isTemporary(this.destination);
  }

  /**
   * Takes a message in; the open write group gets what makes it durable, unless `isBodyElsewhere`
   * (a composite send, whose one record names several queues). The entry is ready when it is settled.
   */
  accept(message: Message, isBodyElsewhere = false): Entry {
    if (!this.isStoring(message)) {
      const entry = new Entry(this, message, NOT_STORED);
      this.memory.add(entry.bytes);
      return entry;
    }
    const destination = this.ensureStored();
    const entry = new Entry(this, message, this.#nextSequence as Sequence);
    this.#nextSequence += 1;
    if (!isBodyElsewhere) {
      const targets = [{ destination, sequence: entry.sequence }];
      const payload = encodeMessage(message);
      this.#parts.writes.add({ type: 'message-added', targets, payload }, entry.bytes);
    }
    return entry;
  }

  /** Makes the store know it. */
  ensureStored(): DestinationNumber {
    this.#number ??= this.#parts.destinations.storeQueue(this.destination);
    return this.#number;
  }

  /** A message that was accepted is durable, or need not be: it may be dispatched. */
  sent(entry: Entry): void {
    if (this.isRemoved) return;
    this.enqueuedCount += 1;
    if (entry.isStored) {
      if (this.#backlog.keeps(entry.sequence, this.#isWindowFull)) {
        this.#pageIn();
        return;
      }
    }
    this.#makeReady(entry);
    this.dispatch();
  }

  /** The store had no room for a message that was accepted; its sender is told. */
  refused(entry: Entry): void {
    if (!entry.isStored) {
      if (!this.isRemoved) this.memory.remove(entry.bytes);
    } else if (entry.message.deadLetter === undefined) {
      this.#parts.marks.refused(entry.message);
    }
  }

  /** Gives out what can be given out. */
  dispatch(): void {
    if (this.#isDispatching) {
      // A sink may ack at once, which comes back here: what was passed by may have a taker now.
      this.#isWalkStale = true;
      return;
    }
    if (this.isRemoved || this.#parts.isDraining) return;
    this.#isDispatching = true;
    this.#walk();
    this.#isDispatching = false;
    this.#pageIn();
  }

  /**
   * Looks at the entries in order. One that nobody may have now is passed by; who gets room meanwhile
   * gets it first, so the walk starts again then: nobody gets messages out of order.
   */
  #walk(): void {
    let index = 0;
    for (;;) {
      if (this.#isWalkStale) index = 0;
      this.#isWalkStale = false;
      const entry = this.#at(index);
      if (entry === undefined) return;
      if (this.#isExpired(entry)) {
        this.#expire(this.#take(entry, index));
        this.#parts.writes.seal();
        continue;
      }
      const choice = this.consumers.choose();
      if (choice === 'no-room') return;
      if (choice === 'not-now') {
        index += 1;
        continue;
      }
      this.#take(entry, index);
      this.#inFlightCount += 1;
      choice.dispatch(entry);
    }
  }

  /** Those that were returned come first. */
  #at(index: number): Entry | undefined {
    const returnedCount = this.#returned.length;
    if (index < returnedCount) return this.#returned.at(index);
    return this.#ready.at(index - returnedCount);
  }

  attach(subscription: QueueSubscription): Attachment {
    return this.consumers.add(subscription);
  }

  /** True while messages for a consumer may still come from the store. */
  get isPaging(): boolean {
    return this.#backlog.messageCount > 0;
  }

  /** Adds the record that takes an entry out of the store to the open write group. */
  addRemoval(entry: Entry): void {
    if (!entry.isStored || this.isRemoved || this.#number === undefined) return;
    const { sequence } = entry;
    this.#parts.writes.add({ type: 'message-removed', destination: this.#number, sequence });
  }

  /** A dispatched entry leaves memory: it was consumed. */
  release(entry: Entry): void {
    if (this.isRemoved) return;
    this.#inFlightCount -= 1;
    this.forget(entry);
  }

  /** A dispatched entry becomes a dead letter, or is dropped if it may not. The caller seals the group. */
  bury(entry: Entry, cause: string): void {
    if (this.isRemoved) return;
    this.#inFlightCount -= 1;
    this.#bury(entry, cause, false);
  }

  /** A dispatched entry had expired at its consumer. The caller seals the group. */
  expireDispatched(entry: Entry): void {
    if (this.isRemoved) return;
    this.#inFlightCount -= 1;
    this.#expire(entry);
  }

  /** A message that was already dead when it was sent. The caller seals the group. */
  expireOnArrival(message: Message): void {
    this.#parts.deadLetters.add(message, this.destination, expiredCause(message), true);
  }

  /** An entry that is in no list any more is gone for good. */
  forget(entry: Entry): void {
    if (this.isRemoved) return;
    this.dequeuedCount += 1;
    if (!entry.isStored) this.memory.remove(entry.bytes);
  }

  /** Dead letters that the store had no room for; tried again with the next look for expired messages. */
  keepUndead(entry: Entry, cause: string): void {
    if (!this.isRemoved) this.#undead.push({ entry, cause });
  }

  /** Dispatched entries come back to the front, in their original order. The caller seals the group. */
  giveBack(entries: readonly Entry[], redelivered: ReadonlySet<Entry>): void {
    if (this.isRemoved || entries.length === 0) return;
    this.#inFlightCount -= entries.length;
    for (const entry of entries) {
      entry.subscription = undefined;
      entry.transaction = undefined;
      if (!redelivered.has(entry)) continue;
      entry.redeliveryCount += 1;
      this.#addCount(entry);
    }
    const all = [...this.#returned, ...entries];
    this.#isWalkStale = true;
    all.sort((one, other) => one.brokerSequence - other.brokerSequence);
    this.#returned.clear();
    for (const entry of all) {
      this.#returned.push(entry);
    }
    for (const entry of entries) if (entry.message.expiration !== 0) this.#expiringCount += 1;
  }

  /**
   * Stored messages that a prepared transaction acked before this broker took over: they count as in
   * flight and stay in the store alone until it is resolved. Called before anybody consumes.
   */
  hold(sequences: readonly Sequence[]): void {
    this.#held ??= new HeldPlaces(this, this.#parts);
    this.#held.add(sequences);
    this.#backlog.exclude(sequences.length);
    this.#inFlightCount += sequences.length;
  }

  isHeld(sequence: Sequence): boolean {
    return this.#held?.has(sequence) ?? false;
  }

  /** The transaction that held them was committed: they are consumed. */
  consumeHeld(sequences: readonly Sequence[]): void {
    if (this.isRemoved) return;
    this.#held?.forget(sequences);
    this.#inFlightCount -= sequences.length;
    this.dequeuedCount += sequences.length;
  }

  /** The transaction that held them was rolled back: they come back, as delivered once more. */
  returnHeld(sequences: readonly Sequence[]): void {
    if (!this.isRemoved) this.#held?.giveBack(sequences);
  }

  /** Looks for dead messages among those in memory, and at the head of a backlog nobody reads. */
  removeExpired(): void {
    if (this.isRemoved) return;
    const undead = this.#undead;
    this.#undead = [];
    for (const { entry, cause } of undead) this.#bury(entry, cause, false);
    if (this.#expiringCount > 0) {
      for (const entry of this.#takeExpired(this.#returned)) this.#expire(entry);
      for (const entry of this.#takeExpired(this.#ready)) {
        if (entry.isStored) this.#leftWindow(entry);
        this.#expire(entry);
      }
    }
    this.#parts.writes.seal();
    if (this.#ready.length === 0) this.#backlog.read(WINDOW_MESSAGES_MIN);
  }

  /** The messages a browser is shown: those in memory in order, then where in the store to go on, and until where. */
  snapshot(): { entries: readonly Entry[]; from: Sequence; through: Sequence } {
    const dispatched = [...this.consumers.attachments].flatMap(({ subscription }) =>
      subscription.dispatchedOf(this),
    );
    const entries = [...dispatched, ...this.#returned, ...this.#ready];
    entries.sort((one, other) => one.brokerSequence - other.brokerSequence);
    const { from, durableThrough } = this.#backlog;
    return { entries, from, through: durableThrough };
  }

  /** Forgets what is in memory only, for an owner that nobody consumes from any more. */
  dropUnstored(): void {
    for (const list of [this.#returned, this.#ready]) {
      list.filter((entry) => {
        if (entry.isStored) return true;
        if (entry.message.expiration !== 0) this.#expiringCount -= 1;
        this.forget(entry);
        return false;
      });
    }
  }

  /** Forgets everything in it; entries that are still out are ignored when they come back. */
  remove(): void {
    this.isRemoved = true;
    this.memory.remove(this.memory.usedBytes);
    this.#parts.window.usedBytes -= this.#windowBytes;
    this.#windowBytes = 0;
    this.#ready.clear();
    this.#returned.clear();
    this.#undead = [];
    this.#inFlightCount = 0;
    this.#backlog.clear();
  }

  get #isWindowFull(): boolean {
    const { queueWindowMessages, queueWindowBytes, windowBytes } = this.#parts.settings;
    const count = this.#ready.length;
    if (count >= queueWindowMessages || this.#windowBytes >= queueWindowBytes) return true;
    return this.#parts.window.usedBytes >= windowBytes && count >= WINDOW_MESSAGES_MIN;
  }

  /** Reads ahead when half of the window is free and somebody consumes. */
  #pageIn(): void {
    if (this.#backlog.messageCount === 0 || this.consumers.attachments.size === 0) return;
    const { queueWindowMessages, queueWindowBytes, pageMessages } = this.#parts.settings;
    if (this.#ready.length * 2 > queueWindowMessages) return;
    if (this.#windowBytes * 2 > queueWindowBytes || this.#isWindowFull) return;
    this.#backlog.read(pageMessages);
  }

  #pagedIn(page: readonly PagedMessage[]): void {
    for (const { message, sequence, storedCount } of page) {
      this.#makeReady(new Entry(this, message, sequence, storedCount));
    }
    this.dispatch();
    for (const { subscription } of this.consumers.attachments) subscription.pagingEnded();
  }

  #makeReady(entry: Entry): void {
    entry.brokerSequence = this.#parts.nextBrokerSequence();
    if (entry.isStored) {
      this.#windowBytes += entry.bytes;
      this.#parts.window.usedBytes += entry.bytes;
    }
    if (entry.message.expiration !== 0) this.#expiringCount += 1;
    this.#ready.push(entry);
  }

  /** Takes out `entry`, which is {@link #at} that place. */
  #take(entry: Entry, index: number): Entry {
    const returnedCount = this.#returned.length;
    if (index < returnedCount) {
      this.#returned.removeAt(index);
    } else {
      this.#ready.removeAt(index - returnedCount);
      if (entry.isStored) this.#leftWindow(entry);
    }
    if (entry.message.expiration !== 0) this.#expiringCount -= 1;
    return entry;
  }

  #leftWindow(entry: Entry): void {
    this.#windowBytes -= entry.bytes;
    this.#parts.window.usedBytes -= entry.bytes;
  }

  #isExpired(entry: Entry): boolean {
    const { expiration } = entry.message;
    return expiration !== 0 && expiration <= this.#parts.clock.wallTime();
  }

  #takeExpired(list: Deque<Entry>): readonly Entry[] {
    const expired: Entry[] = [];
    list.filter((entry) => {
      const isExpired = this.#isExpired(entry);
      if (isExpired) expired.push(entry);
      return !isExpired;
    });
    this.#expiringCount -= expired.length;
    return expired;
  }

  #expire(entry: Entry): void {
    this.#bury(entry, expiredCause(entry.message), true);
  }

  #bury(entry: Entry, cause: string, isExpired: boolean): void {
    if (this.#parts.deadLetters.move(entry, cause, isExpired)) return;
    this.addRemoval(entry);
    this.forget(entry);
  }

  #addCount(entry: Entry): void {
    if (!entry.isStored || this.#number === undefined) return;
    this.#parts.writes.add({
      type: 'redelivery-counted',
      destination: this.#number,
      sequence: entry.sequence,
      count: entry.redeliveryCount - entry.message.redeliveryCount,
    });
  }
}

function expiredCause(message: Message): string {
  return `Expired at ${message.expiration} (milliseconds since 1970)`;
}
