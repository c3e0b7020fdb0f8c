/**
 * A queue is one class because each entry is in one place at a time (a lane, a consumer, a delay, on its way to the dead
 * letters or out of the store), and every move between two of them changes the counts of both and may give others a
 * turn. How each place works is elsewhere: `dispatch/`, `group/`, `limit/`, `expiry/`.
 */
import {
  isQueue,
  isTemporary,
  type Destination,
  type DestinationNumber,
  type Message,
} from '@batonmq/model';
import type { RecoveredDestination } from '@batonmq/store-spi';
import type { Receipt } from '../connection/connection.ts';
import { ExpiryCounts } from '../expiry/expiry-counts.ts';
import { secondOf } from '../expiry/expiry-second.ts';
import type { DestinationPolicy } from '../policy/destination-policy.ts';
import { POLICY_DEFAULTS } from '../policy/policy-defaults.ts';
import type { QueueSubscription } from '../subscription/queue-subscription.ts';
import type { Redelivered } from '../subscription/redelivered.ts';
import type { TermParts } from '../term-parts.ts';
import { NOT_STORED } from '../write-queue.ts';
import type { Attachment } from '../dispatch/consumer-ring.ts';
import { Consumers } from '../dispatch/consumers.ts';
import { consumersSettings } from '../dispatch/consumers-settings.ts';
import { DelayedRedeliveries } from '../dispatch/delayed-redeliveries.ts';
import { DispatchGate } from '../dispatch/dispatch-gate.ts';
import { Entry } from '../dispatch/entry.ts';
import { Lane, type LaneSnapshot } from '../dispatch/lane.ts';
import { laneKey, NORMAL_PRIORITY } from '../dispatch/lane-key.ts';
import { MessageWatch } from '../dispatch/message-watch.ts';
import { ProducerPlaces } from '../limit/producer-places.ts';
import { QueueRoom } from '../limit/queue-room.ts';
import type { Route } from '../virtual/routes.ts';
import { SlowConsumers } from '../dispatch/slow-consumers.ts';
import type { Usage } from '../limit/usage.ts';
import type { WantedMessages } from '../virtual/wanted-messages.ts';

/** Bytes of ready stored messages, of all queues together. */
export interface Window {
  usedBytes: number;
}

/**
 * A queue: each message goes to one consumer, the oldest first. It has one {@link Lane}, or with
 * `prioritizedMessages` one for each priority that occurs, the greatest first. Messages that wait for
 * their next redelivery are beside the lanes ({@link DelayedRedeliveries}).
 */
export class Queue {
  readonly destination: Destination;
  readonly policy: DestinationPolicy;
  readonly room: QueueRoom;
  readonly consumers: Consumers;
  /** Where its messages go on to; most queues pass nothing on. */
  route: Route | undefined = undefined;
  /** Of a queue of a virtual topic that minds selectors. */
  wanted: WantedMessages | undefined = undefined;
  /** Of the queue of a durable subscription: `client:subscription`. */
  ownerName: string | undefined = undefined;
  /** Its producers, if its policy depends on them. */
  readonly producers: ProducerPlaces | undefined;
  isRemoved = false;
  /** Consumers that ever came. */
  #attachedCount = 0;
  enqueuedCount = 0;
  dequeuedCount = 0;
  readonly #parts: TermParts;
  /** The one that is there without priorities. */
  readonly #normal: Lane;
  /** Greatest priority first. */
  #lanes: readonly Lane[];
  readonly #gate: DispatchGate;
  #undead: { entry: Entry; cause: string }[] = [];
  /** Of a queue whose policy says that the broker redelivers. */
  readonly #delayed: DelayedRedeliveries | undefined;
  readonly #watch: MessageWatch | undefined;
  readonly #slowConsumers: SlowConsumers | undefined;
  /** Of what waits in memory. */
  readonly expiring = new ExpiryCounts((second) => {
    this.expiresIn(second);
  });
  #watchedSecond = Infinity;
  #inFlightCount = 0;
  #isDispatching = false;
  /** True if nobody may have what is ready, as of the last walk, and that cannot have changed since. */
  #isAllPassed = false;
  /** Set by what happens during a walk that may give entries it has passed by a taker. */
  #isWalkStale = false;

  constructor(destination: Destination, parts: TermParts, recovered?: RecoveredDestination) {
    this.destination = destination;
    this.policy = parts.policies.of(destination);
    this.producers = ProducerPlaces.of(destination, this.policy);
    this.#parts = parts;
    this.room = new QueueRoom(this.policy, parts);
    this.consumers = new Consumers(
      consumersSettings(destination, this.policy, parts.settings),
      parts.groupOwners.storeOf(destination, () => {
        if (!parts.isOver) this.#dispatchAll();
      }),
      () => parts.nextBrokerSequence(),
    );
    this.#gate = new DispatchGate(this.policy, parts.clock, () => {
      if (!parts.isOver) this.#dispatchAll();
    });
    this.#normal = new Lane(this, destination.key, NORMAL_PRIORITY, parts);
    this.#lanes = [this.#normal];
    const { redeliveryPolicy } = this.policy;
    if (redeliveryPolicy !== undefined) {
      this.#delayed = new DelayedRedeliveries(redeliveryPolicy, parts, (entries) => {
        this.#redeliver(entries);
      });
    }
    this.#watch = MessageWatch.of(this.policy, parts.emit);
    const { advisoryForSlowConsumers = POLICY_DEFAULTS.advisoryForSlowConsumers } = this.policy;
    if (advisoryForSlowConsumers) this.#slowConsumers = new SlowConsumers(this, parts.emit);
    if (recovered !== undefined) this.#normal.recovered(recovered);
  }

  /** What the store knows: a lane for each priority of which there ever was a stored message. */
  get lanes(): readonly Lane[] {
    return this.#lanes;
  }

  /** The number that the store knows its normal lane by; none before its first stored message. */
  get number(): DestinationNumber | undefined {
    return this.#normal.number;
  }

  /** What its stored messages are read back as; what a subscription keeps may come from several topics, so each names its own. */
  get decodedAs(): Destination | undefined {
    return isQueue(this.destination) ? this.destination : undefined;
  }

  /** Where clients see a message of it: for what a subscription keeps that is the topic. */
  clientsName(message: Message): Destination {
    return this.decodedAs ?? message.destination;
  }

  /** The store has messages of that priority. */
  recoveredLane(priority: number, recovered: RecoveredDestination): void {
    this.#lane(priority).recovered(recovered);
  }

  get messageCount(): number {
    let count = this.#inFlightCount + this.#undead.length + (this.#delayed?.count ?? 0);
    for (const lane of this.#lanes) count += lane.waitingCount;
    return count;
  }

  /** Messages that wait although consumers are there, because none of them may have them. */
  get unmatchedCount(): number {
    let count = 0;
    for (const lane of this.#lanes) count += lane.unmatchedCount;
    return count;
  }

  get inFlightCount(): number {
    return this.#inFlightCount;
  }

  get memoryBytes(): number {
    let bytes = this.room.memory.used;
    for (const lane of this.#lanes) bytes += lane.windowBytes;
    return bytes;
  }

  /** True if a message of it is, or will be, in the store. */
  isStoring(message: Message): boolean {
    if (isTemporary(this.destination)) return false;
    return message.isPersistent || (this.room.mayPage && this.room.isPaging(this.#hasBacklog));
  }

  /** What has no room for a message; none if there is room. */
  fullFor(message: Message): Usage | undefined {
    return this.room.full(this.isStoring(message), message.isPersistent);
  }

  /** Grows with whatever is done to it. */
  get activity(): number {
    return this.enqueuedCount + this.dequeuedCount + this.#attachedCount;
  }

  /** True if nothing is in it, nor on its way to the store. */
  get isEmpty(): boolean {
    return this.room.isEmpty;
  }

  /**
   * Takes a message in; the open write group gets what makes it durable, unless `isBodyElsewhere`
   * (a composite send, whose one record names several queues). The entry is ready when it is settled.
   */
  accept(message: Message, isBodyElsewhere = false): Entry {
    const lane = this.#laneFor(message);
    const entry = this.isStoring(message)
      ? lane.accept(message, isBodyElsewhere)
      : new Entry(lane, message, NOT_STORED);
    this.room.accepted(entry);
    return entry;
  }

  /** Makes the store know it. */
  ensureStored(): void {
    this.#normal.ensureStored();
  }

  /** A message that was accepted is durable, or need not be: it may be dispatched. */
  sent(entry: Entry): void {
    if (this.isRemoved) return;
    this.enqueuedCount += 1;
    this.room.settled(entry);
    // Of what a subscription keeps, its topic tells.
    if (this.#watch !== undefined && this.decodedAs !== undefined) {
      const hasConsumers = this.consumers.attachments.size > 0;
      this.#watch.delivered(this.destination, entry.message, hasConsumers);
    }
    if (!entry.lane.sent(entry)) return;
    this.dispatch(this.#isAllPassed ? entry.lane : undefined);
  }

  /** The store had no room for a message that was accepted; its sender is told. */
  refused(entry: Entry): void {
    if (!this.isRemoved) {
      this.room.settled(entry);
      this.room.gone(entry);
    }
    if (entry.isStored && entry.message.deadLetter === undefined) {
      this.#parts.marks.refused(entry.message);
    }
  }

  /** Gives out what can be given out; `lane`: only the last of it may be, all others were passed by. */
  dispatch(lane?: Lane): void {
    if (this.#isDispatching) {
      // A sink may ack at once, which comes back here: what was passed by may have a taker now.
      this.#isWalkStale = true;
      return;
    }
    if (this.isRemoved || this.#parts.isDraining) return;
    if (!this.#gate.isOpen || this.#delayed?.isFull === true) return;
    this.#isDispatching = true;
    this.#isAllPassed = false;
    this.#walk(lane);
    this.#isDispatching = false;
    this.#slowConsumers?.look();
    this.#parts.groupOwners.seal();
    for (const lane of this.#lanes) lane.pageIn();
  }

  /**
   * Looks at the entries in order. One that nobody may have now is passed by; who gets room meanwhile
   * gets it first, so the walk starts again then: nobody gets messages out of order.
   */
  #walk(from: Lane | undefined): void {
    let laneIndex = from === undefined ? 0 : this.#lanes.indexOf(from);
    let index = from === undefined ? 0 : Math.max(0, from.inMemoryCount - 1);
    this.#isWalkStale = from === undefined;
    for (;;) {
      if (this.#isWalkStale) {
        laneIndex = index = 0;
        this.#isWalkStale = false;
        this.consumers.walkBegins();
      }
      const lane = this.#lanes[laneIndex];
      if (lane === undefined) {
        this.#isAllPassed = true;
        return;
      }
      const entry = lane.at(index);
      if (entry === undefined) {
        if (index > 0 && this.consumers.hasGroups) lane.passedBy();
        // Those of this lane go first, as soon as they are here.
        if (lane.isPagingForAll) return;
        laneIndex += 1;
        index = 0;
        continue;
      }
      if (this.#isExpired(entry)) {
        this.#expire(lane.take(entry, index));
        this.#parts.writes.seal();
        continue;
      }
      if (this.#delayed !== undefined && entry.isDelayOwed) {
        if (this.consumers.isBehindOthers(entry)) {
          index += 1;
          continue;
        }
        this.consumers.delayBegins(entry);
        this.#addDelayed(this.#delayed, lane.take(entry, index));
        continue;
      }
      const choice = this.consumers.choose(entry);
      if (choice === 'no-room') return;
      if (choice === 'not-now') {
        index += 1;
        continue;
      }
      lane.take(entry, index);
      this.#inFlightCount += 1;
      entry.exclusiveEpoch = this.consumers.exclusiveEpoch;
      // First, because a sink may ack at once.
      this.#watch?.dispatched(this.clientsName(entry.message), entry.message, choice);
      choice.dispatch(entry);
    }
  }

  attach(subscription: QueueSubscription): Attachment {
    this.#isAllPassed = false;
    this.#gate.consumerAdded();
    this.#attachedCount += 1;
    this.wanted?.joined(subscription.selector);
    const attachment = this.consumers.add(subscription);
    const { selection } = attachment;
    if (selection.size === 1) for (const lane of this.#lanes) lane.selectionAdded(selection);
    return attachment;
  }

  detach(attachment: Attachment): void {
    this.#isAllPassed = false;
    this.#gate.consumerRemoved();
    this.wanted?.left(attachment.subscription.selector);
    this.consumers.remove(attachment);
    this.#slowConsumers?.left(attachment);
    const { selection } = attachment;
    if (selection.size === 0) for (const lane of this.#lanes) lane.selectionRemoved(selection);
  }

  /** True while messages for a consumer may still come as soon as the store answers. */
  isPagingFor({ selection }: Attachment): boolean {
    if (!this.#gate.isOpen) return false;
    return this.consumers.isRecordingOwners || this.#lanes.some((lane) => lane.isPaging(selection));
  }

  /** True while nothing is given out, by order of an administrator. */
  get isPaused(): boolean {
    return this.#gate.isPaused;
  }

  pause(): void {
    this.#gate.isPaused = true;
  }

  resume(): void {
    this.#gate.isPaused = false;
    this.#dispatchAll();
  }

  /** A page of a lane was read. */
  pagedIn(): void {
    this.#dispatchAll();
  }

  /** Adds the record that takes an entry out of the store to the open write group. */
  addRemoval(entry: Entry): void {
    const { sequence, lane } = entry;
    if (!entry.isStored || this.isRemoved || lane.number === undefined) return;
    this.consumers.removed(entry);
    this.#parts.writes.add({ type: 'message-removed', destination: lane.number, sequence });
  }

  /** A dispatched entry leaves memory: it was consumed. */
  release(entry: Entry): void {
    if (this.isRemoved) return;
    this.#settled(entry);
    this.#watch?.consumed(this.clientsName(entry.message), entry.message);
    this.forget(entry);
  }

  /**
   * A dispatched entry was rejected: it becomes a dead letter, or is dropped if it may not, unless it is
   * to be redelivered. The caller seals the group.
   */
  bury(entry: Entry, cause: string): void {
    if (this.isRemoved) return;
    if (this.#delay(entry)) {
      this.#settled(entry);
      return;
    }
    this.#bury(entry, cause, false);
    this.#settled(entry);
  }

  /** A dispatched entry had expired at its consumer. The caller seals the group. */
  expireDispatched(entry: Entry): void {
    if (this.isRemoved) return;
    this.#expire(entry);
    this.#settled(entry);
  }

  /** A message that was already dead when it was sent. The caller seals the group. */
  expireOnArrival(message: Message): void {
    this.#tellExpired(message);
    this.#parts.deadLetters.add(message, this, expiredCause(message), true);
  }

  /** An entry that is in no list any more is gone for good. */
  forget(entry: Entry): void {
    if (this.isRemoved) return;
    this.dequeuedCount += 1;
    entry.lane.gone(entry);
    this.room.gone(entry);
  }

  /** Dead letters that the store had no room for; see {@link retryUndead}. */
  keepUndead(entry: Entry, cause: string): void {
    if (!this.isRemoved) this.#undead.push({ entry, cause });
  }

  /** Dispatched entries come back to the front, in their original order. The caller seals the group. */
  giveBack(entries: readonly Entry[], { seen, perhapsSeen }: Redelivered): void {
    if (this.isRemoved || entries.length === 0) return;
    const back: Entry[] = [];
    for (const entry of entries) {
      this.#settled(entry);
      entry.subscription = undefined;
      entry.transaction = undefined;
      const isSeen = seen.has(entry);
      if (isSeen && this.#isDelaying) {
        if (!this.#delay(entry)) this.#bury(entry, unackedCause(entry), false);
        continue;
      }
      if (isSeen || (entry.redeliveryCount === 0 && perhapsSeen.has(entry)))
        this.#countRedelivery(entry);
      back.push(entry);
    }
    this.#return(back);
  }

  /** Their delay is over: they come before what arrived after them. */
  #redeliver(entries: readonly Entry[]): void {
    if (this.isRemoved) return;
    this.#delayEnds(entries);
    this.#return(entries);
    this.dispatch();
  }

  /** Those of what waits for its redelivery that are not to be waited for any longer. */
  #takeDelayed(isWanted: (entry: Entry) => boolean): readonly Entry[] {
    const taken = this.#delayed?.take(isWanted) ?? [];
    this.#delayEnds(taken);
    return taken;
  }

  #addDelayed(delayed: DelayedRedeliveries, entry: Entry): void {
    const { expiration } = entry.message;
    if (expiration !== 0) this.expiring.add(expiration);
    delayed.add(entry);
  }

  #delayEnds(entries: readonly Entry[]): void {
    for (const entry of entries) {
      const { expiration } = entry.message;
      if (expiration !== 0) this.expiring.delete(expiration);
      this.consumers.delayEnds(entry);
    }
  }

  #return(entries: readonly Entry[]): void {
    this.#isWalkStale = true;
    this.#isAllPassed = false;
    for (const lane of this.#lanes) {
      const isItsOwn = (entry: Entry): boolean => entry.lane === lane;
      lane.giveBack(this.#lanes.length === 1 ? entries : entries.filter(isItsOwn));
    }
  }

  /** A lane holds messages for a transaction that was prepared before this broker took over: they are in flight. */
  heldInLane(count: number): void {
    this.#inFlightCount += count;
  }

  /** That transaction was committed. */
  consumedInLane(count: number): void {
    if (this.isRemoved) return;
    this.#inFlightCount -= count;
    this.dequeuedCount += count;
    this.room.goneUnread(count);
  }

  /** Something of it expires in that second. */
  expiresIn(second: number): void {
    if (second >= this.#watchedSecond) return;
    this.#parts.expiry.watch(this, second, this.#watchedSecond);
    this.#watchedSecond = second;
  }

  /** Removes what has expired; the second that it was watched for is here. */
  removeExpired(): void {
    if (this.isRemoved) return;
    this.#watchedSecond = Infinity;
    if (this.expiring.earliest <= secondOf(this.#parts.clock.wallTime())) this.#removeFromMemory();
    this.expiresIn(this.expiring.earliest);
    for (const lane of this.#lanes) lane.sweep();
  }

  #removeFromMemory(): void {
    const delayed = this.#takeDelayed((each) => this.#isExpired(each));
    for (const entry of delayed) this.#expire(entry);
    for (const lane of this.#lanes) {
      for (const entry of lane.takeExpired((each) => this.#isExpired(each))) this.#expire(entry);
    }
    this.#parts.writes.seal();
    // What waited behind them may go on.
    this.dispatch();
  }

  /** Messages have expired in the store alone: adds their ends to the write queue, as a group of `receipt`. */
  expireStored(expired: readonly Entry[], receipt: Receipt): void {
    const { writes, deadLetters } = this.#parts;
    for (const entry of expired) {
      this.#tellExpired(entry.message);
      deadLetters.add(entry.message, this, expiredCause(entry.message), true);
      this.addRemoval(entry);
    }
    writes.complete(receipt);
    writes.seal();
  }

  /** Tries again to move the dead letters that found no room. */
  retryUndead(): void {
    if (this.isRemoved || this.#undead.length === 0) return;
    const undead = this.#undead;
    this.#undead = [];
    for (const { entry, cause } of undead) this.#bury(entry, cause, false);
    this.#parts.writes.seal();
  }

  /** What a browser is shown, lane by lane. */
  snapshot(): readonly LaneSnapshot[] {
    const dispatched = [...this.consumers.attachments].flatMap(({ subscription }) =>
      subscription.dispatchedOf(this),
    );
    const out = [...dispatched, ...(this.#delayed?.entries ?? [])];
    return this.#lanes.map((lane) => lane.snapshot(out));
  }

  /** Forgets what is in memory only, for an owner that nobody consumes from any more. */
  dropUnstored(): void {
    for (const entry of this.#takeDelayed(({ isStored }) => !isStored)) this.forget(entry);
    for (const lane of this.#lanes) {
      for (const entry of lane.takeUnstored()) this.forget(entry);
    }
  }

  /** Forgets everything in it; entries that are still out are ignored when they come back. */
  remove(): void {
    this.isRemoved = true;
    this.consumers.forgetGroups();
    this.#gate.stop();
    this.room.clear();
    for (const lane of this.#lanes) lane.clear();
    this.#undead = [];
    this.#delayed?.clear();
    this.expiring.clear();
    this.#inFlightCount = 0;
  }

  #dispatchAll(): void {
    this.dispatch();
    for (const { subscription } of this.consumers.attachments) subscription.pagingEnded();
  }

  /** A dispatched entry is not with its consumer any more. */
  #settled(entry: Entry): void {
    this.#inFlightCount -= 1;
    this.#isAllPassed = false;
    this.consumers.settled(entry);
  }

  get #hasBacklog(): boolean {
    return this.#lanes.some((lane) => lane.hasBacklog);
  }

  #laneFor({ priority }: Message): Lane {
    const { prioritizedMessages = POLICY_DEFAULTS.prioritizedMessages } = this.policy;
    return prioritizedMessages && isQueue(this.destination) ? this.#lane(priority) : this.#normal;
  }

  #lane(priority: number): Lane {
    if (priority === NORMAL_PRIORITY) return this.#normal;
    const found = this.#lanes.find((lane) => lane.priority === priority);
    if (found !== undefined) return found;
    const lane = new Lane(this, laneKey(this.destination, priority), priority, this.#parts);
    this.#lanes = [...this.#lanes, lane].sort((one, other) => other.priority - one.priority);
    this.#isWalkStale = true;
    return lane;
  }

  #isExpired(entry: Entry): boolean {
    const { expiration } = entry.message;
    return expiration !== 0 && expiration <= this.#parts.clock.wallTime();
  }

  #expire(entry: Entry): void {
    this.#tellExpired(entry.message);
    this.#bury(entry, expiredCause(entry.message), true);
  }

  #tellExpired(message: Message): void {
    const destination = this.clientsName(message);
    this.#parts.emit({ type: 'message-expired', destination, message });
  }

  #bury(entry: Entry, cause: string, isExpired: boolean): void {
    if (this.#parts.deadLetters.move(entry, cause, isExpired)) return;
    this.addRemoval(entry);
    this.forget(entry);
  }

  /** A broker that stops delays nothing: whoever takes over does. */
  get #isDelaying(): boolean {
    return this.#delayed !== undefined && !this.#parts.isDraining;
  }

  /** Lets an entry wait for its next redelivery. False if it has none, or the broker does not redeliver here. */
  #delay(entry: Entry): boolean {
    if (this.#delayed?.allows(entry.redeliveryCount + 1) !== true) return false;
    entry.subscription = undefined;
    entry.transaction = undefined;
    this.#countRedelivery(entry);
    this.consumers.delayBegins(entry);
    this.#addDelayed(this.#delayed, entry);
    return true;
  }

  #countRedelivery(entry: Entry): void {
    entry.redeliveryCount += 1;
    const { persistJMSRedelivered = POLICY_DEFAULTS.persistJMSRedelivered } = this.policy;
    if (persistJMSRedelivered || this.#delayed !== undefined) this.#addCount(entry);
  }

  #addCount(entry: Entry): void {
    const { number } = entry.lane;
    if (!entry.isStored || number === undefined) return;
    this.#parts.writes.add({
      type: 'redelivery-counted',
      destination: number,
      sequence: entry.sequence,
      count: entry.redeliveryCount - entry.message.redeliveryCount,
    });
  }
}

function unackedCause({ redeliveryCount }: Entry): string {
  return `Delivered ${redeliveryCount + 1} times without an ack`;
}

function expiredCause(message: Message): string {
  return `Expired at ${message.expiration} (milliseconds since 1970)`;
}
