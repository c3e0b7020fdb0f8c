import type { Deque } from '../dispatch/deque.ts';
import type { TopicMessage } from '../destination/topic.ts';
import { propertiesOf } from '../message/message-properties.ts';
import type {
  DestinationPolicy,
  MessageEvictionStrategy,
  PendingMessageLimitStrategy,
} from '../policy/destination-policy.ts';
import { POLICY_DEFAULTS } from '../policy/policy-defaults.ts';

/** What the strategies leave open. */
const PENDING_DEFAULTS = Object.freeze({
  prefetchMultiplier: 0.5,
  evictExpiredMessagesHighWatermark: 1000,
});

/** How much a topic consumer may leave lying, and what goes when it is more. */
export class PendingLimit {
  /** From this many on expired ones go first. */
  readonly expiredWatermark: number;
  readonly #strategy: PendingMessageLimitStrategy;
  readonly #eviction: MessageEvictionStrategy;
  /** What the consumer asks for itself. */
  readonly #ownLimit: number;
  readonly #brokerLimit: number;

  /**
   * @param ownLimit - Of the consumer; 0 is none.
   * @param brokerLimit - Never passed.
   */
  constructor(policy: DestinationPolicy, ownLimit: number, brokerLimit: number) {
    this.#strategy =
      policy.pendingMessageLimitStrategy ?? POLICY_DEFAULTS.pendingMessageLimitStrategy;
    this.#eviction = policy.messageEvictionStrategy ?? POLICY_DEFAULTS.messageEvictionStrategy;
    this.expiredWatermark =
      this.#eviction.evictExpiredMessagesHighWatermark ??
      PENDING_DEFAULTS.evictExpiredMessagesHighWatermark;
    this.#ownLimit = ownLimit;
    this.#brokerLimit = brokerLimit;
  }

  /** Messages beyond the prefetch. A consumer that has no prefetch yet has only the broker's limit. */
  of(prefetchCount: number): number {
    const limit = Math.min(this.#brokerLimit, this.#ofStrategy(prefetchCount));
    return this.#ownLimit > 0 ? Math.min(limit, this.#ownLimit) : limit;
  }

  /** Takes out what goes next; at least one. Looks through all of `pending` unless the oldest goes. */
  evict(pending: Deque<TopicMessage>): readonly TopicMessage[] {
    switch (this.#eviction.type) {
      case 'oldest':
        return oldest(pending);
      case 'oldestMessageWithLowestPriority':
        return lowest(pending);
      case 'uniqueProperty':
        return repeated(pending, this.#eviction.propertyName);
    }
  }

  #ofStrategy(prefetchCount: number): number {
    if (this.#strategy.type === 'constant') {
      return this.#strategy.limit < 0 ? Infinity : this.#strategy.limit;
    }
    if (prefetchCount === 0) return Infinity;
    const { multiplier = PENDING_DEFAULTS.prefetchMultiplier } = this.#strategy;
    return Math.floor(prefetchCount * multiplier);
  }
}

function oldest(pending: Deque<TopicMessage>): readonly TopicMessage[] {
  const first = pending.shift();
  return first === undefined ? [] : [first];
}

function lowest(pending: Deque<TopicMessage>): readonly TopicMessage[] {
  let lowestIndex = 0;
  let lowestPriority = Infinity;
  for (let index = 0; index < pending.length; index += 1) {
    const priority = pending.at(index)?.message.priority ?? Infinity;
    if (priority >= lowestPriority) continue;
    lowestIndex = index;
    lowestPriority = priority;
  }
  const found = pending.removeAt(lowestIndex);
  return found === undefined ? [] : [found];
}

/** All but the newest of each value; the oldest if no value repeats. Messages without the property have one value together. */
function repeated(pending: Deque<TopicMessage>, propertyName: string): readonly TopicMessage[] {
  const newest = new Map<unknown, TopicMessage>();
  const gone = new Set<TopicMessage>();
  for (const each of pending) {
    const value = propertiesOf(each.message)?.get(propertyName)?.value;
    const older = newest.get(value);
    if (older !== undefined) gone.add(older);
    newest.set(value, each);
  }
  if (gone.size === 0) return oldest(pending);
  pending.filter((each) => !gone.has(each));
  return [...gone];
}
