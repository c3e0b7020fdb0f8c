import type { DestinationNumber, Message, Sequence } from '@batonmq/model';
import type { RecoveredDestination } from '@batonmq/store-spi';
import { encodeMessage, payloadBytes } from '../message/stored-message.ts';
import type { TermParts } from '../term-parts.ts';
import { NOT_STORED } from '../write-queue.ts';
import { ExpirySweep } from '../expiry/expiry-sweep.ts';
import { Backlog, type PagedMessage } from './backlog.ts';
import { Deque } from './deque.ts';
import { Entry } from './entry.ts';
import { HeldPlaces } from './held-places.ts';
import type { Queue } from '../destination/queue.ts';
import type { Selection } from './selection.ts';
import { countReady, Views } from './views.ts';

/** Messages a lane may keep ready although the windows of all queues together are full. */
const WINDOW_MESSAGES_MIN = 32;

/**
 * The messages of a queue that are in one line: all of them, or those of one priority.
 *
 * Where a message can be, in order from the front:
 *
 *     returned   came back from a consumer; in their original order
 *     ready      in order of arrival; of stored messages only a window
 *     backlog    stored messages behind the window, or passed over; known by their number only
 *
 * and beside that, dispatched: in the list of its subscription, or held by a prepared transaction.
 *
 * 1. A stored message is ready or dispatched only after it is durable.
 * 2. While every consumer wants every message, the stored messages in memory are exactly those
 *    before `backlog.from` that were not removed; those from there up are in the store alone. So they
 *    are read once and in order. While some consumer has a selector, {@link Views} says what is where.
 * 3. Stored messages are in `ready` in the order of their sequences.
 */
export class Lane {
  readonly queue: Queue;
  /** What the store knows it by. */
  readonly key: string;
  /** Lanes of greater priority are served first. */
  readonly priority: number;
  readonly #parts: TermParts;
  readonly #backlog: Backlog;
  #views: Views | undefined;
  #ready = new Deque<Entry>();
  #returned = new Deque<Entry>();
  /** Stored messages in `ready`. */
  #windowCount = 0;
  #windowBytes = 0;
  /** True if groups that wait fill the window, and no more of them can be parked. */
  #isParkingInVain = false;
  readonly #sweep: ExpirySweep;
  /** The store knows that some of its messages expire. */
  #isKnownToExpire = false;
  #held: HeldPlaces | undefined;
  #number: DestinationNumber | undefined;
  #nextSequence = 1;
  #firstOfThisTerm = 1;

  constructor(queue: Queue, key: string, priority: number, parts: TermParts) {
    this.queue = queue;
    this.key = key;
    this.priority = priority;
    this.#parts = parts;
    this.#backlog = new Backlog(this, parts);
    this.#sweep = new ExpirySweep(this, this.#backlog, parts);
    if (queue.consumers.isSelective) this.#scatter();
  }

  /** The number the store knows it by; none before its first stored message. */
  get number(): DestinationNumber | undefined {
    return this.#number;
  }

  /** Messages that wait for a consumer. */
  get waitingCount(): number {
    return this.#ready.length + this.#returned.length + this.#backlog.messageCount;
  }

  /** Messages that wait although consumers are there, because none of them may have them. */
  get unmatchedCount(): number {
    if (this.#views === undefined || this.#views.size === 0) return 0;
    let count = this.#views.unmatchedCount;
    for (const entry of this.#inMemory()) if (entry.views?.length === 0) count += 1;
    return count;
  }

  /** Entries that {@link at} shows. */
  get inMemoryCount(): number {
    return this.#returned.length + this.#ready.length;
  }

  get windowBytes(): number {
    return this.#windowBytes;
  }

  /** Entries that may be ready for one selection. */
  get readyMax(): number {
    return this.#isWindowFull ? WINDOW_MESSAGES_MIN : this.#parts.settings.queueWindowMessages;
  }

  /** Makes the store know it. */
  ensureStored(): DestinationNumber {
    this.#number ??= this.#parts.destinations.storeKey(this.key);
    return this.#number;
  }

  /** The store has it already. */
  recovered(recovered: RecoveredDestination): void {
    this.#number = recovered.destination;
    this.#nextSequence = recovered.nextSequence;
    this.#firstOfThisTerm = recovered.nextSequence;
    this.queue.room.recovered(recovered);
    this.#backlog.recovered(recovered);
  }

  /** See {@link Queue.accept}. */
  accept(message: Message, isBodyElsewhere: boolean): Entry {
    const destination = this.ensureStored();
    if (message.expiration !== 0) this.#expires();
    const entry = new Entry(this, message, this.#nextSequence as Sequence);
    this.#nextSequence += 1;
    if (!isBodyElsewhere) {
      const targets = [{ destination, sequence: entry.sequence }];
      const payload = encodeMessage(message);
      this.queue.room.encoded(entry, payloadBytes(payload));
      this.#parts.writes.add({ type: 'message-added', targets, payload }, entry.bytes);
    }
    return entry;
  }

  /** A message that was accepted is durable, or need not be. True if there may be something to give out. */
  sent(entry: Entry): boolean {
    if (!entry.isStored) {
      if (this.#views !== undefined) entry.views = this.#views.of(entry);
    } else if (!this.#keeps(entry)) {
      this.pageIn();
      // A walk finds out whether groups that wait stand in its way.
      return this.queue.consumers.hasGroups && !this.#isParkingInVain && this.#isClogged;
    }
    this.#makeReady(entry);
    return true;
  }

  /** The entry at a place in the order of dispatch. */
  at(index: number): Entry | undefined {
    const returnedCount = this.#returned.length;
    if (index < returnedCount) return this.#returned.at(index);
    return this.#ready.at(index - returnedCount);
  }

  /** Takes out `entry`, which is {@link at} that place. */
  take(entry: Entry, index: number): Entry {
    this.#isParkingInVain = false;
    const returnedCount = this.#returned.length;
    if (index < returnedCount) {
      this.#returned.removeAt(index);
    } else {
      this.#ready.removeAt(index - returnedCount);
      this.#leftReady(entry);
    }
    this.#waitsNoMore(entry);
    return entry;
  }

  /** Entries of it come back to the front, in their original order. */
  giveBack(entries: readonly Entry[]): void {
    if (entries.length === 0) return;
    for (const entry of entries) {
      entry.views = this.#views?.of(entry);
      this.#waits(entry);
    }
    const returned = inOrder([...this.#returned, ...entries]);
    this.#returned.clear();
    for (const entry of returned) this.#returned.push(entry);
    this.#passOver();
  }

  /**
   * Stored messages that a prepared transaction acked before this broker took over: they count as in
   * flight and stay in the store alone until it is resolved. Called before anybody consumes.
   */
  hold(sequences: readonly Sequence[]): void {
    this.#held ??= new HeldPlaces(this, this.#parts);
    this.#held.add(sequences);
    this.#backlog.exclude(sequences.length);
    this.queue.heldInLane(sequences.length);
  }

  isHeld(sequence: Sequence): boolean {
    return this.#held?.has(sequence) ?? false;
  }

  /** The transaction that held them was committed: they are consumed. */
  consumeHeld(sequences: readonly Sequence[]): void {
    this.#held?.forget(sequences);
    for (const sequence of sequences) {
      this.#backlog.cameBack(sequence);
      this.#backlog.gone(sequence);
    }
    this.queue.consumedInLane(sequences.length);
  }

  /** The transaction that held them was rolled back: they come back, as delivered once more. */
  returnHeld(sequences: readonly Sequence[]): void {
    if (!this.queue.isRemoved) this.#held?.giveBack(sequences);
  }

  /** Those that a transaction held are in memory from now on. */
  tookBack(sequences: readonly Sequence[]): void {
    this.#held?.forget(sequences);
    for (const sequence of sequences) this.#backlog.cameBack(sequence);
  }

  /** Somebody consumes with a selection that nobody had before. */
  selectionAdded(selection: Selection): void {
    if (this.#views === undefined) {
      if (!selection.isPlain) this.#scatter();
      return;
    }
    const view = this.#views.add(selection);
    for (const entry of this.#inMemory()) {
      if (selection.matches(entry)) entry.views = [...(entry.views ?? []), view];
    }
    this.#views.recount(this.#ready);
  }

  /** Nobody consumes with a selection any more. */
  selectionRemoved(selection: Selection): void {
    const view = this.#views?.remove(selection);
    if (view === undefined) return;
    for (const entry of this.#inMemory()) {
      entry.views = entry.views?.filter((other) => other !== view);
    }
    this.#passOver();
    this.#gather();
  }

  /** True if it was not there yet when this broker took over. */
  isOfThisTerm(sequence: Sequence): boolean {
    return sequence >= this.#firstOfThisTerm;
  }

  /** True while some of its stored messages are in the store alone. */
  get hasBacklog(): boolean {
    return this.#backlog.messageCount > 0;
  }

  /** True while messages for that selection may still come from the store. */
  isPaging(selection: Selection): boolean {
    return this.#views?.isBehind(selection) ?? this.#backlog.messageCount > 0;
  }

  /** True if messages for everybody are on their way from the store. */
  get isPagingForAll(): boolean {
    return this.#views === undefined && this.#backlog.messageCount > 0;
  }

  /** Reads ahead when half of the window is free and somebody consumes. */
  pageIn(): void {
    if (this.#backlog.messageCount === 0 || this.queue.consumers.attachments.size === 0) return;
    const { pageMessages } = this.#parts.settings;
    if (this.#views !== undefined) {
      const from = this.#views.nextFrom();
      if (from !== undefined) this.#backlog.read(from as Sequence, pageMessages);
      return;
    }
    if (this.#hasPlaceForPage) this.#backlog.read(this.#backlog.from, pageMessages);
  }

  /**
   * A walk passed by all that is ready. If that leaves no place for what is behind it, the groups that wait
   * keep only their next message in memory.
   */
  passedBy(): void {
    if (!this.#isClogged) return;
    const heads = this.#waitingHeads();
    this.#isParkingInVain = heads.size === 0;
    if (heads.size === 0) return;
    const views = this.#views ?? this.#scatter();
    for (const [groupId, head] of heads) {
      if (views.parked.park(groupId, head)) continue;
      this.#isParkingInVain = true;
      break;
    }
    this.#ready.filter((entry) => {
      const { sequence, isStored, message } = entry;
      const isKept = !isStored || views.parked.of(message.groupId, sequence) === undefined;
      if (!isKept) {
        this.#waitsNoMore(entry);
        this.#leftReady(entry);
        this.#left(entry, views);
      }
      return isKept;
    });
    views.recount(this.#ready);
  }

  /** A page of messages that everybody may have. */
  took(page: readonly PagedMessage[]): void {
    for (const { message, sequence, storedCount, storedBytes } of page) {
      this.#sweep.removed(sequence, message);
      this.#makeReady(new Entry(this, message, sequence, storedCount, storedBytes));
    }
  }

  /** A page that was read from `start` on and holds all before `end`, of which somebody may want some. */
  tested(start: Sequence, page: readonly PagedMessage[], end: number): void {
    if (this.#views === undefined) return;
    const taken = this.#views.take(start, page, end);
    for (const { sequence, message } of taken) this.#sweep.removed(sequence, message);
    this.#insert(taken);
    this.#views.recount(this.#ready);
    this.#gather();
  }

  pagedIn(): void {
    this.#gather();
    this.#sweep.pageEnded();
    this.queue.pagedIn();
  }

  /** The first second in which something expires that is in the store alone. */
  get expiresIn(): number {
    return this.#sweep.earliest;
  }

  /** Removes what has expired in the store alone, as far as it is known. */
  sweep(): void {
    this.#sweep.run();
  }

  /** Messages of it may expire that the store has since before this broker took over. False if it has none at all. */
  expectExpiring(): boolean {
    const { messageCount, from: first, durableThrough: last } = this.#backlog;
    if (messageCount === 0) {
      this.#parts.expiry.laneRemoved(this.key);
      return false;
    }
    this.#isKnownToExpire = true;
    this.#sweep.recovered({ first, last });
    return true;
  }

  get hasUnread(): boolean {
    return this.#sweep.hasUnread;
  }

  /** Reads a bit of what is {@link hasUnread}. */
  readUnread(): void {
    this.#sweep.readOn();
  }

  /** An entry of it was removed for good. */
  gone(entry: Entry): void {
    if (entry.isStored) this.#backlog.gone(entry.sequence);
  }

  /** Takes out those that have expired. */
  takeExpired(isExpired: (entry: Entry) => boolean): readonly Entry[] {
    const expired: Entry[] = [];
    const isKept = (entry: Entry): boolean => {
      if (!isExpired(entry)) return true;
      expired.push(entry);
      return false;
    };
    this.#returned.filter(isKept);
    const returnedCount = expired.length;
    this.#ready.filter(isKept);
    for (const entry of expired) this.#waitsNoMore(entry);
    for (const entry of expired.slice(returnedCount)) this.#leftReady(entry);
    return expired;
  }

  /** Takes out those that are in memory only. */
  takeUnstored(): readonly Entry[] {
    const unstored: Entry[] = [];
    const isKept = (entry: Entry): boolean => {
      if (entry.isStored) return true;
      this.#waitsNoMore(entry);
      unstored.push(entry);
      return false;
    };
    this.#returned.filter(isKept);
    const returnedCount = unstored.length;
    this.#ready.filter(isKept);
    for (const entry of unstored.slice(returnedCount)) this.#leftReady(entry);
    return unstored;
  }

  /** The messages a browser is shown: those in memory in order, then where in the store to go on, and until where. */
  snapshot(dispatched: readonly Entry[]): LaneSnapshot {
    const { from, durableThrough } = this.#backlog;
    const inMemory = [...dispatched.filter(({ lane }) => lane === this), ...this.#inMemory()];
    if (this.#views === undefined) {
      inMemory.sort((one, other) => one.brokerSequence - other.brokerSequence);
      return { lane: this, entries: inMemory, from, through: durableThrough };
    }
    // What is stored is all over the place, so it is read in order, with what of it is in memory.
    const entries = inMemory.filter(({ isStored }) => !isStored);
    return { lane: this, entries, from: 1 as Sequence, through: durableThrough };
  }

  /** Forgets everything in it. */
  clear(): void {
    this.#parts.window.usedBytes -= this.#windowBytes;
    this.#windowBytes = this.#windowCount = 0;
    this.#ready.clear();
    this.#returned.clear();
    this.#backlog.clear();
    this.#sweep.clear();
    if (this.#isKnownToExpire) this.#parts.expiry.laneRemoved(this.key);
  }

  #keeps(entry: Entry): boolean {
    const isKept =
      this.#views?.keeps(entry) ?? !this.#backlog.keeps(entry.sequence, this.#isWindowFull);
    if (!isKept) this.#sweep.added(entry.sequence, entry.message);
    return isKept;
  }

  #expires(): void {
    if (this.#isKnownToExpire) return;
    this.#isKnownToExpire = true;
    this.#parts.expiry.laneExpires(this.key);
  }

  #waits({ message: { expiration } }: Entry): void {
    if (expiration !== 0) this.queue.expiring.add(expiration);
  }

  #waitsNoMore({ message: { expiration } }: Entry): void {
    if (expiration !== 0) this.queue.expiring.delete(expiration);
  }

  /** An entry went back to the store. */
  #left(entry: Entry, views: Views): void {
    views.left(entry);
    this.#sweep.added(entry.sequence, entry.message);
  }

  get #isWindowFull(): boolean {
    const { queueWindowMessages, queueWindowBytes, windowBytes } = this.#parts.settings;
    const { readyCount = 0, readyBytes = 0 } = this.#views?.parked ?? {};
    const count = this.#windowCount - readyCount;
    if (count >= queueWindowMessages) return true;
    if (this.#windowBytes - readyBytes >= queueWindowBytes) return true;
    return this.#parts.window.usedBytes >= windowBytes && count >= WINDOW_MESSAGES_MIN;
  }

  get #hasPlaceForPage(): boolean {
    const { queueWindowMessages, queueWindowBytes } = this.#parts.settings;
    if (this.#windowCount * 2 > queueWindowMessages) return false;
    return this.#windowBytes * 2 <= queueWindowBytes && !this.#isWindowFull;
  }

  /** True if there is more in the store, and no place to read it. */
  get #isClogged(): boolean {
    if (this.#backlog.messageCount === 0) return false;
    return this.#views?.isClogged ?? !this.#hasPlaceForPage;
  }

  /** Of the groups that were passed by in this walk, the first messages that are ready. */
  #waitingHeads(): ReadonlyMap<string, Entry> {
    const heads = new Map<string, Entry>();
    for (const entry of this.#ready) {
      const { groupId } = entry.message;
      if (groupId === undefined || !entry.isStored || entry.parked !== undefined) continue;
      if (!heads.has(groupId) && this.queue.consumers.isPassedBy(entry)) heads.set(groupId, entry);
    }
    return heads;
  }

  #makeReady(entry: Entry): void {
    this.#enter(entry);
    this.#ready.push(entry);
  }

  /** Puts entries that were passed over, and are in order, where they belong. */
  #insert(entries: readonly Entry[]): void {
    if (entries.length === 0) return;
    const merged = new Deque<Entry>();
    let index = 0;
    for (const entry of this.#ready) {
      let next: Entry | undefined;
      while (
        entry.isStored &&
        (next = entries[index]) !== undefined &&
        next.sequence < entry.sequence
      ) {
        merged.push(next);
        index += 1;
      }
      merged.push(entry);
    }
    for (const entry of entries.slice(index)) merged.push(entry);
    for (const entry of entries) this.#enter(entry);
    this.#ready = merged;
  }

  #enter(entry: Entry): void {
    entry.brokerSequence = this.#parts.nextBrokerSequence();
    if (entry.isStored) {
      this.#windowCount += 1;
      this.#windowBytes += entry.bytes;
      this.#parts.window.usedBytes += entry.bytes;
    }
    this.#waits(entry);
    countReady(entry, 1);
  }

  #leftReady(entry: Entry): void {
    countReady(entry, -1);
    entry.parked = undefined;
    if (!entry.isStored) return;
    this.#windowCount -= 1;
    this.#windowBytes -= entry.bytes;
    this.#parts.window.usedBytes -= entry.bytes;
  }

  *#inMemory(): Iterable<Entry> {
    yield* this.#returned;
    yield* this.#ready;
  }

  /** Somebody wants only some of the messages, or some groups are to be passed over. */
  #scatter(): Views {
    this.#backlog.scatter();
    const { queueWindowMessages, queueWindowBytes } = this.#parts.settings;
    const parkedLimits = { messageCountMax: queueWindowMessages, bytesMax: queueWindowBytes };
    const views = new Views(this, this.#backlog, parkedLimits);
    this.#views = views;
    for (const selection of this.queue.consumers.selections) views.add(selection);
    for (const entry of this.#inMemory()) entry.views = views.of(entry);
    views.recount(this.#ready);
    this.#passOver();
    return views;
  }

  /** Everybody wants everything again, and those who are there have come past what was passed over. */
  #gather(): void {
    const views = this.#views;
    if (views === undefined || this.queue.consumers.isSelective || views.size > 1) return;
    const { durableThrough, messageCount } = this.#backlog;
    if (messageCount > 0 && views.parked.size > 0) return;
    const from = Math.min(views.onlyFrom ?? 1, durableThrough + 1);
    if (!this.#backlog.gather(messageCount === 0 ? durableThrough + 1 : from)) return;
    this.#views = undefined;
    for (const entry of this.#inMemory()) entry.views = entry.parked = undefined;
  }

  /** Leaves in the store what is stored and nobody may have, while somebody is there. */
  #passOver(): void {
    const views = this.#views;
    if (views === undefined || views.size === 0) return;
    const isKept = (entry: Entry): boolean => {
      if (!entry.isStored || entry.views === undefined || entry.views.length > 0) return true;
      this.#waitsNoMore(entry);
      this.#left(entry, views);
      return false;
    };
    this.#returned.filter(isKept);
    this.#ready.filter((entry) => {
      if (isKept(entry)) return true;
      this.#leftReady(entry);
      return false;
    });
  }
}

/** What a browser sees of a lane. */
export interface LaneSnapshot {
  readonly lane: Lane;
  readonly entries: readonly Entry[];
  readonly from: Sequence;
  readonly through: Sequence;
}

/** In the order they came in: by sequence those that have one, among each other and the rest by when they were ready. */
function inOrder(entries: readonly Entry[]): readonly Entry[] {
  const stored = entries.filter(({ sequence }) => sequence !== NOT_STORED);
  const others = entries.filter(({ sequence }) => sequence === NOT_STORED);
  stored.sort((one, other) => one.sequence - other.sequence);
  others.sort((one, other) => one.brokerSequence - other.brokerSequence);
  const merged: Entry[] = [];
  let index = 0;
  for (const entry of stored) {
    let other: Entry | undefined;
    while ((other = others[index]) !== undefined && other.brokerSequence < entry.brokerSequence) {
      merged.push(other);
      index += 1;
    }
    merged.push(entry);
  }
  merged.push(...others.slice(index));
  return merged;
}
