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
 * 1. Messages of a group that are dispatched and not settled are all at one consumer: its owner
 *    changes only while there are none. So the order of a group holds whoever owns it.
 * 2. Once a message of a group is passed by in a walk, so are all later ones of the group.
 * 3. While a message of a group waits for its next redelivery, so do all of the group.
 *
 * A group with nothing unacked is remembered only for its owner's sake. There is a limit to how many
 * owners are; beyond it the group that was quiet longest starts anew with its next message, which is
 * no harm to (1). So there may be any number of groups.
 */

/** A consumer, as far as groups are concerned. */
export interface GroupConsumer {
  /** The same for a client that comes back after a failover. */
  readonly consumerKey: string;
  /** Greater ones get new groups first. */
  readonly priority: number;
}

/** Where owners are stored, so that they survive a failover. */
export interface OwnerStore {
  put(groupId: string, consumerKey: string): void;
  remove(groupId: string): void;
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
  /** Of one that wants it: whether it can take it now. */
  canTake(consumer: C, message: M): boolean;
}

export class MessageGroup<C> {
  readonly id: string;
  owner: C | undefined = undefined;
  /** As the store has it. */
  storedOwner: string | undefined = undefined;
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

  constructor(id: string) {
    this.id = id;
  }

  /** True if nothing of it is anywhere but in the queue. */
  get isQuiet(): boolean {
    return this.unackedCount === 0 && this.delayedCount === 0;
  }
}

/** Groups looked at to find one to forget; more would cost more for one message than it is worth. */
const LOOKS_MAX = 64;

export class MessageGroups<C extends GroupConsumer, M extends GroupedMessage> {
  readonly #settings: MessageGroupsSettings;
  readonly #judge: GroupJudge<C, M>;
  readonly #store: OwnerStore;
  readonly #groups = new Map<string, MessageGroup<C>>();
  readonly #owned = new Map<C, Set<MessageGroup<C>>>();
  /** By the key of who is awaited. */
  readonly #awaited = new Map<string, MessageGroup<C>[]>();
  #walk = 1;
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

  ownedCount(consumer: C): number {
    return this.#owned.get(consumer)?.size ?? 0;
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
    const owned = new Set<MessageGroup<C>>();
    this.#owned.set(consumer, owned);
    for (const group of this.#awaited.get(consumer.consumerKey) ?? []) {
      group.isAwaited = false;
      group.owner = consumer;
      owned.add(group);
    }
    this.#awaited.delete(consumer.consumerKey);
    this.#isUneven = this.#settings.isRebalancing;
  }

  /** Its groups are free as soon as what it had of them is settled. */
  left(consumer: C): void {
    const owned = this.#owned.get(consumer) ?? new Set();
    this.#owned.delete(consumer);
    for (const group of owned) {
      group.owner = undefined;
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

  /** The group of that id, made if missing. */
  of(groupId: string): MessageGroup<C> {
    const found = this.#groups.get(groupId);
    if (found !== undefined) return found;
    if (this.#groups.size >= this.#settings.ownersMax) this.#forgetQuietest();
    const group = new MessageGroup<C>(groupId);
    this.#groups.set(groupId, group);
    return group;
  }

  /**
   * Who takes a message of `group`, which is with that dispatched; none if nobody may now. Messages of a
   * group are asked for in their order.
   */
  choose(group: MessageGroup<C>, message: M): C | undefined {
    if (this.isPassedBy(group)) return undefined;
    const consumer = this.#chosen(group, message);
    if (consumer === undefined) {
      // One that no consumer wants holds up no others.
      if (this.#isWanted(message)) group.passedInWalk = this.#walk;
      return undefined;
    }
    message.isFirstForConsumer = consumer !== group.owner || message.groupSequence === 1;
    if (consumer !== group.owner) this.#assign(group, consumer);
    if (message.isStored && group.storedOwner !== consumer.consumerKey) {
      group.storedOwner = consumer.consumerKey;
      this.#store.put(group.id, consumer.consumerKey);
    }
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
    if (owner === undefined || !this.#judge.wants(owner, message)) {
      return isQuiet ? this.#best(message) : undefined;
    }
    if (isQuiet && message.groupSequence === 1) return this.#best(message);
    const lighter = isQuiet && this.#isUneven ? this.#lighter(owner, message) : undefined;
    if (lighter !== undefined) return lighter;
    return this.#judge.canTake(owner, message) ? owner : undefined;
  }

  /** The greatest priority, then the fewest groups, then who came first. */
  #best(message: M): C | undefined {
    let best: C | undefined;
    let fewest = Infinity;
    for (const [consumer, { size }] of this.#owned) {
      if (best !== undefined) {
        if (consumer.priority < best.priority) continue;
        if (consumer.priority === best.priority && size >= fewest) continue;
      }
      if (!this.#mayTake(consumer, message)) continue;
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
    for (const [consumer, { size }] of this.#owned) {
      if (consumer.priority !== owner.priority || size >= fewest) continue;
      if (!this.#mayTake(consumer, message)) continue;
      lighter = consumer;
      fewest = size;
    }
    return lighter;
  }

  #hasUneven(): boolean {
    let least = Infinity;
    let most = 0;
    for (const { size } of this.#owned.values()) {
      least = Math.min(least, size);
      most = Math.max(most, size);
    }
    return most - least >= 2;
  }

  #mayTake(consumer: C, message: M): boolean {
    return this.#judge.wants(consumer, message) && this.#judge.canTake(consumer, message);
  }

  #isWanted(message: M): boolean {
    for (const consumer of this.#owned.keys()) {
      if (this.#judge.wants(consumer, message)) return true;
    }
    return false;
  }

  #assign(group: MessageGroup<C>, consumer: C): void {
    if (group.owner !== undefined) this.#owned.get(group.owner)?.delete(group);
    group.owner = consumer;
    this.#owned.get(consumer)?.add(group);
  }

  #forgetIfOver(group: MessageGroup<C>): void {
    if (group.isQuiet && (group.isClosing || group.owner === undefined)) this.#forget(group);
  }

  #forget(group: MessageGroup<C>): void {
    if (group.owner !== undefined) this.#owned.get(group.owner)?.delete(group);
    group.owner = undefined;
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
      if (group.isQuiet && !group.isUsed && !group.isAwaited) {
        this.#forget(group);
        return;
      }
      group.isUsed = false;
      this.#groups.delete(group.id);
      this.#groups.set(group.id, group);
    }
  }
}
