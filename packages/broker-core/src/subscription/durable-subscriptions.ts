import { BrokerError, compositeParts, isWildcard } from '@batonmq/model';
import type { RecoveredDestination } from '@batonmq/store-spi';
import type { ClientConnection } from '../connection/client-connection.ts';
import { requireConsumerPlace } from '../limit/consumer-places.ts';
import type { Topic } from '../destination/topic.ts';
import type { TermParts } from '../term-parts.ts';
import { DurableSubscription } from './durable-subscription.ts';
import { QueueSubscription } from './queue-subscription.ts';
import {
  coversTopic,
  decodeDefinition,
  definitionOf,
  hasSameReader,
  encodeDefinition,
  isSameDefinition,
  isSubscriptionKey,
  subscriptionKey,
  type SubscriptionDefinition,
} from './subscription-definition.ts';
import type { SubscribeOptions, Subscription } from './subscription.ts';

/** Keyed state: the definitions, by the key of their queue. */
const SPACE = 'subscription';

const OFFLINE_FOR_EVER = -1;

/** The durable subscriptions of a term, by key. */
export class DurableSubscriptions {
  readonly #parts: TermParts;
  readonly #all = new Map<string, DurableSubscription>();
  readonly #ofConsumer = new Map<Subscription, DurableSubscription>();
  /** Queues that the store knows, until the definitions that belong to them are read. */
  readonly #recovered = new Map<string, RecoveredDestination>();

  constructor(parts: TermParts) {
    this.#parts = parts;
  }

  [Symbol.iterator](): Iterator<DurableSubscription> {
    return this.#all.values();
  }

  /** True if a destination that was recovered is the queue of a subscription. */
  recoveredQueue(recovered: RecoveredDestination): boolean {
    if (!isSubscriptionKey(recovered.key)) return false;
    this.#recovered.set(recovered.key, recovered);
    return true;
  }

  recovered(space: string, key: string, value: Uint8Array): void {
    if (space !== SPACE) return;
    const queue = this.#recovered.get(key);
    this.#recovered.delete(key);
    this.#all.set(key, new DurableSubscription(decodeDefinition(value), this.#parts, queue));
  }

  /** A queue without a definition is what a crash left of one that was being made or removed. */
  endRecovery(): void {
    for (const { destination } of this.#recovered.values()) {
      this.#parts.writes.appendDestination({ type: 'destination-removed', destination });
    }
    this.#recovered.clear();
  }

  /** A topic was made. */
  attachTo(topic: Topic): void {
    for (const durable of this.#all.values()) {
      if (this.#collects(durable.definition, topic)) topic.durables.add(durable);
    }
  }

  /**
   * Opens the consumer of a subscription, which is made if missing and made anew if it was another
   * one; the open write group gets what makes that durable, and the caller seals it.
   *
   * @throws as {@link definitionOf}, `BATON_INVALID_STATE` if it has a consumer, `BATON_LIMIT`,
   *   `BATON_INVALID_SELECTOR`, `BATON_UNAUTHORIZED` for another user's wildcard.
   */
  activate(
    name: string,
    options: SubscribeOptions,
    connection: ClientConnection,
  ): QueueSubscription {
    const reader = connection.access?.principal;
    const definition = definitionOf(name, options, connection.clientId, reader);
    const found = this.#all.get(subscriptionKey(definition.clientId, name));
    if (found?.isActive === true) throw inUse(definition);
    if (found !== undefined) requireOwner(found.definition, connection);
    for (const part of compositeParts(options.destination)) {
      if (isWildcard(part)) continue;
      requireConsumerPlace(this.#parts.destinations.resolve(part, connection.connectionId));
    }
    const durable = this.#sameOrAnew(found, definition);
    const subscription = new QueueSubscription(options, connection, this.#parts);
    subscription.attach(durable.queue);
    this.#ofConsumer.set(subscription, durable);
    if (durable !== found && options.isRetroactive) {
      for (const topic of this.#parts.destinations.topics()) {
        if (this.#collects(definition, topic)) topic.recallFor(durable);
      }
    }
    return subscription;
  }

  /** Its consumer is closed, if that was one. */
  deactivated(subscription: Subscription): void {
    const durable = this.#ofConsumer.get(subscription);
    if (durable === undefined) return;
    this.#ofConsumer.delete(subscription);
    durable.offlineSince = this.#parts.clock.now();
    durable.queue.dropUnstored();
  }

  /**
   * Removes a subscription with its backlog. The caller seals the open write group.
   *
   * @throws `BATON_INVALID_DESTINATION` if there is none, `BATON_INVALID_STATE` while it has a consumer,
   *   `BATON_UNAUTHORIZED`.
   */
  unsubscribe(connection: ClientConnection, name: string): void {
    const { clientId } = connection;
    const durable = this.#all.get(subscriptionKey(clientId, name));
    if (durable === undefined) {
      throw new BrokerError(
        'BATON_INVALID_DESTINATION',
        `No durable subscription exists for clientID: ${clientId} and subscriptionName: ${name}`,
        { details: { clientId, subscriptionName: name } },
      );
    }
    if (durable.isActive) throw inUse(durable.definition);
    connection.access?.demand('read from', durable.definition.destination);
    requireOwner(durable.definition, connection);
    this.#remove(durable);
  }

  /** Removes those that were offline for too long, and dead messages of the others. */
  scan(): void {
    const now = this.#parts.clock.now();
    for (const durable of this.#all.values()) {
      const { offlineDurableSubscriberTimeout = OFFLINE_FOR_EVER } = durable.queue.policy;
      const isForgotten =
        !durable.isActive &&
        offlineDurableSubscriberTimeout >= 0 &&
        now - durable.offlineSince >= offlineDurableSubscriberTimeout;
      if (!isForgotten) {
        durable.queue.retryUndead();
        continue;
      }
      this.#parts.logger.log('info', 'removed a durable subscription that was offline too long', {
        subscription: durable.key,
        offlineDurableSubscriberTimeout,
      });
      this.#remove(durable);
      this.#parts.writes.seal();
    }
  }

  #sameOrAnew(
    found: DurableSubscription | undefined,
    definition: SubscriptionDefinition,
  ): DurableSubscription {
    if (found !== undefined && isSameDefinition(found.definition, definition)) {
      if (!hasSameReader(found.definition, definition)) this.#redefine(found, definition);
      return found;
    }
    // Whatever is wrong with the new one must show before the old one is gone.
    const durable = new DurableSubscription(definition, this.#parts);
    if (found === undefined) this.#requireRoom(definition);
    else this.#remove(found);
    durable.queue.ensureStored();
    this.#all.set(durable.key, durable);
    this.#redefine(durable, definition);
    this.#tell('subscription-added', definition);
    return durable;
  }

  /** What it collects follows from its definition, here and at every later broker. */
  #redefine(durable: DurableSubscription, definition: SubscriptionDefinition): void {
    durable.definition = definition;
    const { key } = durable;
    const value = encodeDefinition(definition);
    this.#parts.writes.add({ type: 'state-put', space: SPACE, key, value });
    for (const topic of this.#parts.destinations.topics()) {
      if (this.#collects(definition, topic)) topic.durables.add(durable);
      else topic.durables.delete(durable);
    }
  }

  #collects(definition: SubscriptionDefinition, { destination }: Topic): boolean {
    if (!coversTopic(definition, destination)) return false;
    const names = compositeParts(definition.destination);
    return (
      names.some(({ key }) => key === destination.key) ||
      this.#parts.mayRead(definition.reader, destination)
    );
  }

  #remove(durable: DurableSubscription): void {
    const { key, queue } = durable;
    this.#all.delete(key);
    for (const topic of this.#parts.destinations.topics()) topic.durables.delete(durable);
    this.#parts.writes.add({ type: 'state-removed', space: SPACE, key });
    this.#parts.writes.seal();
    queue.remove();
    if (queue.number !== undefined) {
      const destination = queue.number;
      this.#parts.writes.appendDestination({ type: 'destination-removed', destination });
    }
    this.#tell('subscription-removed', durable.definition);
  }

  #tell(
    type: 'subscription-added' | 'subscription-removed',
    { clientId, name, destination }: SubscriptionDefinition,
  ): void {
    this.#parts.emit({ type, destination, clientId, subscriptionName: name });
  }

  #requireRoom({ destination }: SubscriptionDefinition): void {
    const { destinationsMax } = this.#parts.settings;
    if (this.#all.size < destinationsMax) return;
    throw new BrokerError(
      'BATON_LIMIT',
      `There are ${this.#all.size} durable subscriptions; "destinationsMax" allows no more`,
      { details: { destination: destination.key, destinationsMax } },
    );
  }
}

/** A wildcard's backlog was collected with the rights of one user; another's may be fewer. */
function requireOwner({ reader, name }: SubscriptionDefinition, by: ClientConnection): void {
  if (reader === undefined || by.access === undefined) return;
  const { userName } = by.access.principal;
  if (reader.userName === userName) return;
  throw new BrokerError(
    'BATON_UNAUTHORIZED',
    `User ${userName} is not authorized to use durable subscription ${name} of another user`,
    { details: { subscriptionName: name, userName } },
  );
}

function inUse({ clientId, name }: SubscriptionDefinition): BrokerError {
  return new BrokerError(
    'BATON_INVALID_STATE',
    `Durable consumer is in use for client: ${clientId} and subscriptionName: ${name}`,
    { details: { clientId, subscriptionName: name } },
  );
}
