/**
 * Who owns which message group of a queue.
 *
 *             a consumer takes a message          acked to the last, or the owner left
 *     unknown ──────────────────────────▶ owned ─┬─────────────────────────────────────▶ unknown
 *        ▲                                 ▲  │  │ closing message taken                    ▲
 *        │        awaited owner came back  │  │  └───────────▶ closing ─ all acked ────────┘
 *        └── time is up ── awaited ────────┘  └─ owner left ─▶ orphaned ─ nothing unacked ─┘
 *                             ▲
 *        recovered from the store
 *
 * A new owner is sent the first stored message when the store has its name, and not before: a broker
 * that takes over must know whom to wait for. Nothing behind that message goes to this consumer before it.
 *
 * 1. Messages of a group that are dispatched and not settled are all at one consumer: its owner
 *    changes only while there are none. So the order of a group holds whoever owns it.
 * 2. Once a message of a group is passed by in a walk, so are all later ones of the group.
 * 3. While a message of a group waits for its next redelivery, so do all of the group.
 *
 * A group with nothing unacked is remembered only for its owner's sake. There is a limit to how many
 * owners are; beyond it the group that was quiet longest starts anew with its next message, which is
 * no harm to (1). So there may be any number of groups.
 */

import type { Receipt } from '../connection/connection.ts';

/** A consumer, as far as groups are concerned. */
export interface GroupConsumer {
  /** The same for a client that comes back after a failover. */
  readonly consumerKey: string;
  /** Greater ones get new groups first. */
  readonly priority: number;
}

/** Where owners are stored, so that they survive a failover. */
export interface OwnerStore {
  /** `receipt` is settled when that is durable. */
  put(groupId: string, consumerKey: string, receipt: Receipt): void;
  remove(groupId: string): void;
  /** Some of those that were put are durable: there may be something to give out. */
  recorded(): void;
}

export interface MessageGroupsSettings {
  /** Owners that are remembered. */
  readonly ownersMax: number;
  /** Quiet groups move from a consumer that has two more than another. */
  readonly isRebalancing: boolean;
}

/** A message of a group. */
export interface GroupedMessage {
  /** 1 asks for an owner anew, a negative one closes the group. */
  readonly groupSequence: number;
  /** Whether its owner has to be known after a failover. */
  readonly isStored: boolean;
  /** Set when it is given out: whether it is its consumer's first of the group. */
  isFirstForConsumer: boolean;
}

/** Says who may have what. */
export interface GroupJudge<C, M> {
  /** Whether the message is for the consumer at all. */
  wants(consumer: C, message: M): boolean;
  /** Of one that wants it: how many messages it can take now; 0 if not this one. */
  room(consumer: C, message: M): number;
  /** It waits for a message: nothing behind that one goes to it until the next walk. */
  holdBack(consumer: C): void;
  isHeldBack(consumer: C): boolean;
}

export class MessageGroup<C> implements Receipt {
  readonly id: string;
  owner: C | undefined = undefined;
  /** True until `owner` is given the first message. */
  isNewToOwner = false;
  /** As the store has it, or will have. */
  storedOwner: string | undefined = undefined;
  /** Records of owners that are on their way to the store. */
  recordingCount = 0;
  /** Dispatched and not settled; all at `owner`, or at one that left. */
  unackedCount = 0;
  /** Messages that wait for their next redelivery. */
  delayedCount = 0;
  isAwaited = false;
  isClosing = false;
  isForgotten = false;
  /** Set by use, taken away when an owner to forget is looked for. */
  isUsed = false;
  /** The walk in which a message of it was passed by. */
  passedInWalk = 0;
  readonly #recorded: () => void;

  constructor(id: string, recorded: () => void) {
    this.id = id;
    this.#recorded = recorded;
  }

  /** The store has an owner. */
  settled(): void {
    this.recordingCount -= 1;
    this.#recorded();
  }

  /** True if nothing of it is anywhere but in the queue. */
  get isQuiet(): boolean {
    return this.unackedCount === 0 && this.delayedCount === 0;
  }
}

/** What a consumer owns. */
interface Owned<C> {
  readonly groups: Set<MessageGroup<C>>;
  /** Of these, those of which it has nothing yet. */
  newCount: number;
}

/** Groups looked at to find one to forget; more would cost more for one message than it is worth. */
const LOOKS_MAX = 64;

export class MessageGroups<C extends GroupConsumer, M extends GroupedMessage> {
  readonly #settings: MessageGroupsSettings;
  readonly #judge: GroupJudge<C, M>;
  readonly #store: OwnerStore;
  readonly #groups = new Map<string, MessageGroup<C>>();
  readonly #owned = new Map<C, Owned<C>>();
  /** By the key of who is awaited. */
  readonly #awaited = new Map<string, MessageGroup<C>[]>();
  #walk = 1;
  #recordingCount = 0;
  readonly #recorded = (): void => {
    this.#recordingCount -= 1;
    this.#store.recorded();
  };
  /** Some consumer may have two groups more than another. */
  #isUneven = false;

  constructor(settings: MessageGroupsSettings, judge: GroupJudge<C, M>, store: OwnerStore) {
    this.#settings = settings;
    this.#judge = judge;
    this.#store = store;
  }

  get size(): number {
    return this.#groups.size;
  }

  get isAwaiting(): boolean {
    return this.#awaited.size > 0;
  }

  /** True while some messages wait until the store has the new owners of their groups. */
  get isRecording(): boolean {
    return this.#recordingCount > 0;
  }

  ownedCount(consumer: C): number {
    return this.#owned.get(consumer)?.groups.size ?? 0;
  }

  /** The store knows an owner. Nobody else gets the group before it is back or {@link endWait}. */
  recovered(groupId: string, consumerKey: string): void {
    const group = this.of(groupId);
    group.storedOwner = consumerKey;
    group.isAwaited = true;
    const others = this.#awaited.get(consumerKey);
    if (others === undefined) this.#awaited.set(consumerKey, [group]);
    else others.push(group);
  }

  /** Owners that are not back by now will not be waited for. */
  endWait(): void {
    for (const groups of this.#awaited.values()) {
      for (const group of groups) {
        group.isAwaited = false;
        this.#unstore(group);
        this.#forgetIfOver(group);
      }
    }
    this.#awaited.clear();
  }

  joined(consumer: C): void {
    const owned: Owned<C> = { groups: new Set(), newCount: 0 };
    this.#owned.set(consumer, owned);
    for (const group of this.#awaited.get(consumer.consumerKey) ?? []) {
      group.isAwaited = false;
      group.owner = consumer;
      owned.groups.add(group);
    }
    this.#awaited.delete(consumer.consumerKey);
    this.#isUneven = this.#settings.isRebalancing;
  }

  /** Its groups are free as soon as what it had of them is settled. */
  left(consumer: C): void {
    const groups = this.#owned.get(consumer)?.groups ?? [];
    this.#owned.delete(consumer);
    for (const group of groups) {
      group.owner = undefined;
      group.isNewToOwner = false;
      this.#unstore(group);
      if (group.isQuiet) this.#forget(group);
    }
  }

  /** The queue begins to look at its messages from the first. */
  walkBegins(): void {
    this.#walk += 1;
  }

  /** True if a message of the group was passed by since then. */
  isPassedBy(group: MessageGroup<C>): boolean {
    return group.passedInWalk === this.#walk;
  }

  /** True if a message of the group is waited for, so that later ones are passed by. */
  isWaiting(group: MessageGroup<C>): boolean {
    if (group.delayedCount > 0) group.passedInWalk = this.#walk;
    return this.isPassedBy(group);
  }

  /** The group of that id, made if missing. */
  of(groupId: string): MessageGroup<C> {
    const found = this.#groups.get(groupId);
    if (found !== undefined) return found;
    if (this.#groups.size >= this.#settings.ownersMax) this.#forgetQuietest();
    const group = new MessageGroup<C>(groupId, this.#recorded);
    this.#groups.set(groupId, group);
    return group;
  }

  /**
   * Who takes a message of `group`, which is with that dispatched; none if nobody may now, or its new owner
   * is not stored yet. Messages of a group are asked for in their order.
   */
  choose(group: MessageGroup<C>, message: M): C | undefined {
    if (this.isPassedBy(group)) return undefined;
    if (group.recordingCount > 0 && group.owner !== undefined) this.#judge.holdBack(group.owner);
    const consumer = this.#chosen(group, message);
    if (consumer === undefined) {
      // One that no consumer wants holds up no others.
      if (this.#isWanted(message)) group.passedInWalk = this.#walk;
      return undefined;
    }
    if (consumer !== group.owner) this.#assign(group, consumer);
    if (message.isStored && group.storedOwner !== consumer.consumerKey) {
      this.#record(group, consumer.consumerKey);
      this.#judge.holdBack(consumer);
    }
    if (this.#judge.isHeldBack(consumer)) {
      group.passedInWalk = this.#walk;
      return undefined;
    }
    message.isFirstForConsumer = group.isNewToOwner || message.groupSequence === 1;
    this.#noLongerNew(group);
    group.unackedCount += 1;
    group.isUsed = true;
    if (message.groupSequence < 0) group.isClosing = true;
    return consumer;
  }

  /** A dispatched message of the group was consumed, given back, or is a dead letter. */
  settled(group: MessageGroup<C>): void {
    group.unackedCount -= 1;
    this.#forgetIfOver(group);
  }

  /** A message of the group waits for its next redelivery; it may be out still, {@link settled} follows then. */
  delayBegins(group: MessageGroup<C>): void {
    group.delayedCount += 1;
  }

  /** It is back in the queue, or gone. */
  delayEnds(group: MessageGroup<C>): void {
    group.delayedCount -= 1;
    this.#forgetIfOver(group);
  }

  /** The ack of the message that closed the group rides with this. */
  closed(group: MessageGroup<C>): void {
    if (group.isClosing) this.#unstore(group);
  }

  /** The queue is removed. */
  clear(): void {
    for (const group of this.#groups.values()) this.#forget(group);
    this.#awaited.clear();
  }

  #chosen(group: MessageGroup<C>, message: M): C | undefined {
    const { owner } = group;
    const { isQuiet } = group;
    if (group.isAwaited || group.isClosing || group.delayedCount > 0) return undefined;
    if (group.recordingCount > 0) return undefined;
    if (owner === undefined || !this.#judge.wants(owner, message)) {
      return isQuiet ? this.#best(message) : undefined;
    }
    if (isQuiet && !group.isNewToOwner) {
      if (message.groupSequence === 1) return this.#best(message);
      const lighter = this.#isUneven ? this.#lighter(owner, message) : undefined;
      if (lighter !== undefined) return lighter;
    }
    return this.#judge.room(owner, message) > 0 ? owner : undefined;
  }

  /** The greatest priority, then the fewest groups, then who came first. */
  #best(message: M): C | undefined {
    let best: C | undefined;
    let fewest = Infinity;
    for (const [consumer, owned] of this.#owned) {
      const { size } = owned.groups;
      if (best !== undefined) {
        if (consumer.priority < best.priority) continue;
        if (consumer.priority === best.priority && size >= fewest) continue;
      }
      if (!this.#mayOwn(consumer, owned, message)) continue;
      best = consumer;
      fewest = size;
    }
    return best;
  }

  /** The one with the fewest groups of those that have two less than the owner at least, and its priority. */
  #lighter(owner: C, message: M): C | undefined {
    this.#isUneven = this.#hasUneven();
    let lighter: C | undefined;
    let fewest = this.ownedCount(owner) - 1;
    for (const [consumer, owned] of this.#owned) {
      const { size } = owned.groups;
      if (consumer.priority !== owner.priority || size >= fewest) continue;
      if (!this.#mayOwn(consumer, owned, message)) continue;
      lighter = consumer;
      fewest = size;
    }
    return lighter;
  }

  #hasUneven(): boolean {
    let least = Infinity;
    let most = 0;
    for (const { groups } of this.#owned.values()) {
      const { size } = groups;
      least = Math.min(least, size);
      most = Math.max(most, size);
    }
    return most - least >= 2;
  }

  /** It has room beside what waits for its other new groups. */
  #mayOwn(consumer: C, { newCount }: Owned<C>, message: M): boolean {
    if (!this.#judge.wants(consumer, message)) return false;
    return this.#judge.room(consumer, message) > newCount;
  }

  #isWanted(message: M): boolean {
    for (const consumer of this.#owned.keys()) {
      if (this.#judge.wants(consumer, message)) return true;
    }
    return false;
  }

  #assign(group: MessageGroup<C>, consumer: C): void {
    this.#disown(group);
    group.owner = consumer;
    group.isNewToOwner = true;
    const owned = this.#owned.get(consumer);
    if (owned === undefined) return;
    owned.groups.add(group);
    owned.newCount += 1;
  }

  #disown(group: MessageGroup<C>): void {
    this.#noLongerNew(group);
    if (group.owner !== undefined) this.#owned.get(group.owner)?.groups.delete(group);
    group.owner = undefined;
  }

  #noLongerNew(group: MessageGroup<C>): void {
    if (!group.isNewToOwner) return;
    group.isNewToOwner = false;
    const owned = group.owner === undefined ? undefined : this.#owned.get(group.owner);
    if (owned !== undefined) owned.newCount -= 1;
  }

  #record(group: MessageGroup<C>, consumerKey: string): void {
    group.storedOwner = consumerKey;
    group.recordingCount += 1;
    this.#recordingCount += 1;
    this.#store.put(group.id, consumerKey, group);
  }

  #forgetIfOver(group: MessageGroup<C>): void {
    if (group.isQuiet && (group.isClosing || group.owner === undefined)) this.#forget(group);
  }

  #forget(group: MessageGroup<C>): void {
    this.#disown(group);
    group.isForgotten = true;
    this.#unstore(group);
    this.#groups.delete(group.id);
  }

  #unstore(group: MessageGroup<C>): void {
    if (group.storedOwner === undefined) return;
    group.storedOwner = undefined;
    this.#store.remove(group.id);
  }

  /** The first that was not used since it was last looked at; none if those looked at have messages out. */
  #forgetQuietest(): void {
    for (let look = 0; look < LOOKS_MAX; look += 1) {
      const [group] = this.#groups.values();
      if (group === undefined) return;
      if (group.isQuiet && !group.isUsed && !group.isAwaited && !group.isNewToOwner) {
        this.#forget(group);
        return;
      }
      group.isUsed = false;
      this.#groups.delete(group.id);
      this.#groups.set(group.id, group);
    }
  }
}
