import { messageBytes, type BrokerError, type Destination, type Message } from '@batonmq/model';
import type { Receipt } from '../connection/connection.ts';
import type { DestinationPolicy } from '../policy/destination-policy.ts';
import type { DurableSubscription } from '../subscription/durable-subscription.ts';
import type { Delivery } from '../subscription/subscription.ts';
import type { TopicSubscription } from '../subscription/topic-subscription.ts';
import type { TermParts } from '../term-parts.ts';
import { MemoryUsage } from './memory-usage.ts';
import type { Route } from './routes.ts';
import type { StoredBodies } from './stored-bodies.ts';

/** A message on its way to the subscriptions of a topic, which share it. */
export interface TopicMessage extends Delivery {
  readonly bytes: number;
  /** Whose memory it counts in while a subscription keeps it; none for the broker's own messages. */
  readonly memory: MemoryUsage | undefined;
}

/**
 * A topic: each message goes to every subscription there is at that moment.
 *
 * All of them see the same order: that of the write queue as soon as anything of the topic is stored
 * or waits for a commit, that of the sends otherwise.
 */
export class Topic {
  readonly destination: Destination;
  readonly policy: DestinationPolicy;
  readonly memory: MemoryUsage;
  readonly subscriptions = new Set<TopicSubscription>();
  /** Those that collect its messages, with a consumer or without. */
  readonly durables = new Set<DurableSubscription>();
  /** Where its messages go on to; most topics pass nothing on. */
  route: Route | undefined = undefined;
  isRemoved = false;
  enqueuedCount = 0;
  readonly #parts: TermParts;
  /** Messages that wait for the write queue. */
  #awaitedCount = 0;

  constructor(destination: Destination, parts: TermParts) {
    this.destination = destination;
    this.policy = parts.policies.of(destination);
    this.#parts = parts;
    const { destinationMemoryLimitBytes } = parts.settings;
    this.memory = new MemoryUsage(destinationMemoryLimitBytes, parts.relieved, parts.memory);
  }

  /** True if a message may be published as it comes: nothing of it is stored, and none waits to be. */
  get isDirect(): boolean {
    return this.durables.size === 0 && this.#awaitedCount === 0;
  }

  get activeDurableCount(): number {
    let count = 0;
    for (const durable of this.durables) if (durable.isActive) count += 1;
    return count;
  }

  /** True if a message would be kept in memory only, at a place that is full. */
  isFullFor(message: Message): boolean {
    if (this.memory.isFull) return true;
    if (message.isPersistent) return false;
    for (const { isActive, queue } of this.durables)
      if (isActive && queue.memory.isFull) return true;
    return false;
  }

  /**
   * Takes a message in for every durable subscription that wants it, and for the consumers there are
   * when it is settled. The caller stores the bodies.
   */
  accept(message: Message, bodies: StoredBodies): void {
    const { writes } = this.#parts;
    for (const durable of this.durables) {
      const entry = durable.accept(message);
      if (entry === undefined) continue;
      if (entry.isStored) bodies.add(entry);
      writes.complete(entry);
    }
    this.#awaitedCount += 1;
    writes.complete(new Publication(this, message));
  }

  /** The write queue is done with a message that was accepted. */
  published(message: Message, error: BrokerError | undefined): void {
    this.#awaitedCount -= 1;
    if (error === undefined && !this.isRemoved) this.publish(message);
  }

  publish(message: Message): void {
    this.enqueuedCount += 1;
    if (this.subscriptions.size === 0) return;
    const delivery = topicMessage(message, this.destination, this.#parts, this.memory);
    for (const subscription of this.subscriptions) subscription.offer(delivery);
  }

  remove(): void {
    this.isRemoved = true;
    this.subscriptions.clear();
  }

  /** Called while it is full and senders wait. */
  watchSlowConsumers(): void {
    for (const subscription of this.subscriptions) subscription.holdsUpSenders();
  }
}

export function topicMessage(
  message: Message,
  destination: Destination,
  parts: TermParts,
  memory?: MemoryUsage,
): TopicMessage {
  return {
    message,
    destination,
    brokerSequence: parts.nextBrokerSequence(),
    redeliveryCount: message.redeliveryCount,
    bytes: messageBytes(message),
    memory,
  };
}

/** A message to a topic that is published when what is written with it is durable. */
class Publication implements Receipt {
  readonly #topic: Topic;
  readonly #message: Message;

  constructor(topic: Topic, message: Message) {
    this.#topic = topic;
    this.#message = message;
  }

  settled(error?: BrokerError): void {
    this.#topic.published(this.#message, error);
  }
}
