import {
  BrokerError,
  compositeParts,
  isQueue,
  isTemporary,
  isWildcard,
  matchesPattern,
  parseDestination,
  type ConnectionId,
  type Destination,
  type DestinationNumber,
  type Message,
} from '@batonmq/model';
import type { RecoveredDestination } from '@batonmq/store-spi';
import type { VirtualDestination } from '../policy/virtual-destination.ts';
import { QueueSubscription } from '../subscription/queue-subscription.ts';
import type { Subscription } from '../subscription/subscription.ts';
import { TopicSubscription } from '../subscription/topic-subscription.ts';
import type { Access } from '../security/access.ts';
import type { TermParts } from '../term-parts.ts';
import { parseLaneKey } from '../dispatch/lane-key.ts';
import { hasConsumerPlace, requireConsumerPlace } from '../limit/consumer-places.ts';
import { DestinationQuotas } from '../limit/destination-quotas.ts';
import { Queue } from './queue.ts';
import { Routes } from '../virtual/routes.ts';
import { Topic, topicMessage } from './topic.ts';

/** Hears of every destination there is and of each that comes, as far as its pattern covers it. */
interface Wildcard {
  readonly pattern: Destination;
  readonly subscription: QueueSubscription | TopicSubscription;
  /** Of its client; what that may not read is passed over. */
  readonly access: Access | undefined;
}

/** The queues and topics of a term, by key. They are made when first used and go when removed. */
export class Destinations {
  readonly #parts: TermParts;
  readonly #all = new Map<string, Queue | Topic>();
  readonly #wildcards = new Set<Wildcard>();
  /** Of temporary destinations. */
  readonly #owners = new Map<string, ConnectionId>();
  readonly #routes: Routes;
  readonly #quotas: DestinationQuotas;
  readonly #limitsConsumers: boolean;
  #nextNumber = 1;

  constructor(parts: TermParts, virtuals: readonly VirtualDestination[]) {
    this.#parts = parts;
    this.#routes = new Routes(virtuals, this);
    this.#quotas = new DestinationQuotas(parts.policies);
    this.#limitsConsumers = parts.policies.entries.some(({ maxConsumers = 0 }) => maxConsumers > 0);
  }

  [Symbol.iterator](): Iterator<Queue | Topic> {
    return this.#all.values();
  }

  *topics(): Generator<Topic, undefined> {
    for (const each of this.#all.values()) if (each instanceof Topic) yield each;
    return undefined;
  }

  recovered(recovered: RecoveredDestination): void {
    this.reserve(recovered.destination);
    if (this.#parts.durables.recoveredQueue(recovered)) return;
    if (this.#parts.images.recovered(recovered)) return;
    const { queue: target, priority } = parseLaneKey(recovered.key);
    this.#recoveredQueue(target).recoveredLane(priority, recovered);
  }

  /** All that was stored is there: makes what the configuration wants to be there too. */
  endRecovery(): void {
    for (const queue of this.#routes.declaredQueues) this.queue(queue, undefined);
  }

  /** See `Broker.declareVirtualTopicQueue`. */
  declareVirtualTopicQueue(topic: string, consumer: string): Destination {
    const target = this.#routes.queueFor(topic, consumer);
    if (!this.#all.has(target.key)) this.#requireRoom(target);
    return this.queue(target, undefined).destination;
  }

  /** A topic of which the store has something; nobody is told that it is new. */
  recoveredTopic(target: Destination): void {
    if (this.#all.has(target.key)) return;
    const topic = new Topic(target, this.#parts);
    topic.route = this.#routes.added(target);
    this.#enter(topic);
    this.#parts.durables.attachTo(topic);
  }

  /** Gives a destination of the store the number that it will know it by; durable before any message of it. */
  storeKey(key: string): DestinationNumber {
    const destination = this.#nextNumber as DestinationNumber;
    this.#nextNumber += 1;
    this.#parts.writes.appendDestination({ type: 'destination-added', destination, key });
    return destination;
  }

  /** A number that stored state names: no destination to come gets it. */
  reserve(number: DestinationNumber): void {
    this.#nextNumber = Math.max(this.#nextNumber, number + 1);
  }

  /**
   * The destination of a send or a consumer, made if missing.
   *
   * @throws `BATON_INVALID_DESTINATION` for a wildcard or a temporary one that is gone, `BATON_LIMIT`.
   */
  resolve(target: Destination, by: ConnectionId | undefined): Queue | Topic {
    const found = this.#all.get(target.key);
    if (found !== undefined) return found;
    if (isTemporary(target)) throw missing(target);
    if (isWildcard(target)) {
      throw new BrokerError(
        'BATON_INVALID_DESTINATION',
        `${target.key} is a wildcard: it can be consumed from, not sent to`,
        { details: { destination: target.key } },
      );
    }
    if (target.name.includes('?')) throw withOptions(target);
    if (by !== undefined) this.#parts.requireCreatable(target, by);
    this.#requireRoom(target);
    return this.#create(target, by);
  }

  /** True if it is, or has, a queue that gets the messages of a virtual topic. */
  isOfVirtualTopic(target: Destination): boolean {
    return compositeParts(target).some((part) => this.#routes.topicsOf(part).length > 0);
  }

  /** The one of that key, if it exists. */
  find(key: string): Queue | Topic | undefined {
    return this.#all.get(key);
  }

  /** The queue of that name, made if missing. It is the broker's own need, so no limit forbids it. */
  queue(target: Destination, by: ConnectionId | undefined): Queue {
    const found = this.#all.get(target.key);
    return found instanceof Queue ? found : (this.#create(target, by) as Queue);
  }

  /** @throws `BATON_INVALID_DESTINATION` if there is no queue of that name. */
  existing(target: Destination): Queue {
    const found = this.#all.get(target.key);
    if (found instanceof Queue) return found;
    throw missing(target);
  }

  /** The destination of that name, made if missing; for the broker's own needs, so no limit forbids it. */
  ofBroker(target: Destination): Queue | Topic {
    return this.#all.get(target.key) ?? this.#create(target, undefined);
  }

  /** Creates `target` for `by`; a temporary one belongs to it from now on. */
  add(target: Destination, by: ConnectionId): void {
    for (const part of compositeParts(target)) {
      if (this.#all.has(part.key)) continue;
      if (part.name.includes('?')) throw withOptions(part);
      this.#parts.requireCreatable(part, by);
      this.#requireRoom(part);
      if (isTemporary(part)) this.#owners.set(part.key, by);
      const made = this.#create(part, by);
      if (made instanceof Queue && !isTemporary(part)) made.ensureStored();
    }
  }

  /** Removes `target` with its messages; one that does not exist is no error. */
  remove(target: Destination, by: ConnectionId | undefined, isForced: boolean): void {
    const found = this.#all.get(target.key);
    if (found === undefined) return;
    const subscriptions = subscriptionsOf(found);
    const durableCount = found instanceof Topic ? found.activeDurableCount : 0;
    const subscriptionCount = subscriptions.length + durableCount;
    if (subscriptionCount > 0 && !isForced && target.kind !== 'temp-topic') {
      throw new BrokerError(
        'BATON_INVALID_STATE',
        `Destination ${target.key} still has ${subscriptionCount} active subscriptions`,
        { details: { destination: target.key, subscriptionCount } },
      );
    }
    this.#all.delete(target.key);
    this.#routes.removed(target);
    this.#quotas.removed(target);
    this.#owners.delete(target.key);
    for (const subscription of subscriptions) this.#detach(subscription, found);
    found.remove();
    if (found instanceof Queue) {
      if (found.wanted !== undefined) this.#parts.wanted.forget(target);
      for (const { number: destination } of found.lanes) {
        if (destination === undefined) continue;
        this.#parts.writes.appendDestination({ type: 'destination-removed', destination });
      }
    }
    this.#parts.emit({ type: 'destination-removed', destination: target, connectionId: by });
  }

  /**
   * A temporary destination is its owner's alone to remove.
   *
   * @throws `BATON_UNAUTHORIZED` if that connection may not remove a destination that exists.
   */
  requireRemovable(
    target: Destination,
    { connectionId, access }: { connectionId: ConnectionId; access: Access | undefined },
  ): void {
    if (!this.#all.has(target.key)) return;
    access?.demand('remove', target);
    const owner = this.#owners.get(target.key);
    if (owner === undefined || owner === connectionId) return;
    throw new BrokerError(
      'BATON_UNAUTHORIZED',
      `${target.key} belongs to connection ${owner}; only that may remove it`,
      { details: { destination: target.key, owner } },
    );
  }

  /** Removes the temporary destinations of a connection that closes. */
  removeOwned(by: ConnectionId): void {
    for (const [key, owner] of this.#owners) {
      if (owner === by) this.remove(parseDestination(key), by, true);
    }
  }

  /** @throws `BATON_INVALID_DESTINATION`, `BATON_LIMIT`; the subscription is then attached to nothing that matters. */
  subscribe(
    subscription: QueueSubscription | TopicSubscription,
    by: ConnectionId,
    access?: Access,
  ): void {
    for (const part of compositeParts(subscription.options.destination)) {
      if (isWildcard(part)) {
        this.#wildcards.add({ pattern: part, subscription, access });
        for (const destination of this.#matching(part, access)) {
          attachIfPlace(subscription, destination);
        }
      } else {
        const destination = this.#consumable(part, by);
        requireConsumerPlace(destination);
        attach(subscription, destination);
      }
    }
  }

  unsubscribe(subscription: Subscription): void {
    for (const wildcard of this.#wildcards) {
      if (wildcard.subscription === subscription) this.#wildcards.delete(wildcard);
    }
    if (this.#limitsConsumers) this.#fillPlaces();
  }

  /** The queues a browser of `target` looks through. @throws as {@link resolve}. */
  browsable(target: Destination, by: ConnectionId, access?: Access): readonly Queue[] {
    const found = compositeParts(target).flatMap((part) =>
      isWildcard(part) ? this.#matching(part, access) : [this.#consumable(part, by)],
    );
    return [...new Set(found.filter((each) => each instanceof Queue))];
  }

  /** Senders wait for memory: tells the consumers of topics that are full. */
  watchSlowConsumers(): void {
    for (const destination of this.#all.values()) {
      if (destination instanceof Topic && destination.memory.isFull)
        destination.watchSlowConsumers();
    }
  }

  /** See `Broker.publish`. */
  publish(message: Message, only: Subscription | undefined): void {
    const { destination } = message;
    if (only !== undefined) {
      if (!(only instanceof TopicSubscription) || !this.#mayHear(only, destination)) return;
      only.offer(topicMessage(message, destination, this.#parts));
      return;
    }
    const found = this.#all.get(destination.key);
    if (found instanceof Topic) {
      found.publish(message);
      return;
    }
    // Nobody named it; a topic that only the broker speaks on is not worth making.
    const listeners = new Set<TopicSubscription>();
    for (const wildcard of this.#wildcards) {
      if (!hears(wildcard, destination)) continue;
      const { subscription } = wildcard;
      if (subscription instanceof TopicSubscription) listeners.add(subscription);
    }
    if (listeners.size === 0) return;
    const delivery = topicMessage(message, destination, this.#parts);
    for (const subscription of listeners) subscription.offer(delivery);
  }

  /** What it names it may read; of what a wildcard covers some may be kept from it. */
  #mayHear(subscription: TopicSubscription, destination: Destination): boolean {
    const names = compositeParts(subscription.options.destination);
    if (names.some(({ key }) => key === destination.key)) return true;
    for (const wildcard of this.#wildcards) {
      if (wildcard.subscription === subscription && hears(wildcard, destination)) return true;
    }
    return false;
  }

  /** One for all of its lanes. */
  #recoveredQueue(target: Destination): Queue {
    const found = this.#all.get(target.key);
    if (found instanceof Queue) return found;
    const queue = new Queue(target, this.#parts);
    queue.route = this.#routes.added(target);
    queue.wanted = this.#parts.wanted.wantedBy(target, this.#routes.topicsOf(target));
    this.#enter(queue);
    return queue;
  }

  #enter(made: Queue | Topic): void {
    this.#all.set(made.destination.key, made);
    this.#quotas.added(made.destination);
  }

  #requireRoom(target: Destination): void {
    this.#quotas.requireRoom(target);
    const { destinationsMax } = this.#parts.settings;
    if (this.#all.size < destinationsMax) return;
    throw new BrokerError(
      'BATON_LIMIT',
      `${target.key} would be destination ${this.#all.size + 1}; "destinationsMax" allows ${destinationsMax}`,
      { details: { destination: target.key, destinationsMax } },
    );
  }

  /** A consumer left: one of a wildcard that was passed over may take its place. */
  #fillPlaces(): void {
    for (const wildcard of this.#wildcards) {
      for (const each of this.#matching(wildcard.pattern, wildcard.access)) {
        attachIfPlace(wildcard.subscription, each);
      }
    }
  }

  #create(target: Destination, by: ConnectionId | undefined): Queue | Topic {
    const made = isQueue(target) ? new Queue(target, this.#parts) : new Topic(target, this.#parts);
    this.#enter(made);
    made.route = this.#routes.added(target);
    if (made instanceof Queue) this.#madeQueue(made);
    if (made instanceof Topic) this.#parts.durables.attachTo(made);
    for (const wildcard of this.#wildcards) {
      if (hears(wildcard, target)) attachIfPlace(wildcard.subscription, made);
    }
    this.#parts.emit({ type: 'destination-added', destination: target, connectionId: by });
    return made;
  }

  /** One that gets the messages of a virtual topic must outlive its consumers. */
  #madeQueue(queue: Queue): void {
    const topics = this.#routes.topicsOf(queue.destination);
    if (topics.length === 0) return;
    queue.ensureStored();
    queue.wanted = this.#parts.wanted.wantedBy(queue.destination, topics);
  }

  /** Only the connection that made a temporary destination may consume from it. */
  #consumable(target: Destination, by: ConnectionId): Queue | Topic {
    const owner = this.#owners.get(target.key);
    if (owner !== undefined && owner !== by) {
      throw new BrokerError(
        'BATON_INVALID_DESTINATION',
        `${target.key} belongs to connection ${owner}; only that may consume from it`,
        { details: { destination: target.key, owner } },
      );
    }
    return this.resolve(target, by);
  }

  #matching(pattern: Destination, access: Access | undefined): readonly (Queue | Topic)[] {
    return [...this.#all.values()].filter(
      ({ destination }) => covers(pattern, destination) && access?.mayRead(destination) !== false,
    );
  }

  #detach(subscription: QueueSubscription | TopicSubscription, from: Queue | Topic): void {
    const isAlone =
      subscription instanceof QueueSubscription && from instanceof Queue
        ? subscription.detach(from)
        : subscription instanceof TopicSubscription &&
          from instanceof Topic &&
          subscription.detach(from);
    if (!isAlone || isWildcard(subscription.options.destination)) return;
    subscription.end(
      new BrokerError(
        'BATON_INVALID_DESTINATION',
        `${from.destination.key} was removed while consumer ${subscription.options.consumerKey} listened to it`,
        { details: { destination: from.destination.key } },
      ),
    );
  }
}

function attach(subscription: QueueSubscription | TopicSubscription, to: Queue | Topic): void {
  if (subscription instanceof QueueSubscription && to instanceof Queue) subscription.attach(to);
  if (subscription instanceof TopicSubscription && to instanceof Topic) subscription.attach(to);
}

function attachIfPlace(
  subscription: QueueSubscription | TopicSubscription,
  to: Queue | Topic,
): void {
  if (hasConsumerPlace(to)) attach(subscription, to);
}

function subscriptionsOf(
  destination: Queue | Topic,
): readonly (QueueSubscription | TopicSubscription)[] {
  if (destination instanceof Topic) return [...destination.subscriptions];
  return [...destination.consumers.attachments].map(({ subscription }) => subscription);
}

function hears({ pattern, access }: Wildcard, target: Destination): boolean {
  return covers(pattern, target) && access?.mayRead(target) !== false;
}

function covers(pattern: Destination, target: Destination): boolean {
  return pattern.kind === target.kind && matchesPattern(pattern.name, target.name);
}

/** Consumers have read theirs by now. */
function withOptions(target: Destination): BrokerError {
  return new BrokerError(
    'BATON_INVALID_DESTINATION',
    `${target.key} has options, which are for consumers; send to the name before the question mark`,
    { details: { destination: target.key } },
  );
}

function missing(target: Destination): BrokerError {
  return new BrokerError(
    'BATON_INVALID_DESTINATION',
    `${target.key} does not exist, or not any more`,
    { details: { destination: target.key } },
  );
}
