import { messageBytes, type BrokerError, type Destination, type Message } from '@batonmq/model';
import type { Receipt } from '../connection/connection.ts';
import type { DestinationPolicy } from '../policy/destination-policy.ts';
import type { Delivery } from '../subscription/subscription.ts';
import type { TopicSubscription } from '../subscription/topic-subscription.ts';
import type { TermParts } from '../term-parts.ts';
import { MemoryUsage } from './memory-usage.ts';

/** A message on its way to the subscriptions of a topic, which share it. */
export interface TopicMessage extends Delivery {
  readonly bytes: number;
  /** Whose memory it counts in while a subscription keeps it; none for the broker's own messages. */
  readonly memory: MemoryUsage | undefined;
}

/** A topic: each message goes to every subscription there is at that moment. */
export class Topic {
  readonly destination: Destination;
  readonly policy: DestinationPolicy;
  readonly memory: MemoryUsage;
  readonly subscriptions = new Set<TopicSubscription>();
  isRemoved = false;
  enqueuedCount = 0;
  readonly #parts: TermParts;

  constructor(destination: Destination, parts: TermParts) {
    this.destination = destination;
    this.policy = parts.policies.of(destination);
    this.#parts = parts;
    const { destinationMemoryLimitBytes } = parts.settings;
    this.memory = new MemoryUsage(destinationMemoryLimitBytes, parts.relieved, parts.memory);
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

/** A message to a topic that a transaction publishes when it is committed. */
export class Publication implements Receipt {
  readonly #topic: Topic;
  readonly #message: Message;

  constructor(topic: Topic, message: Message) {
    this.#topic = topic;
    this.#message = message;
  }

  settled(error?: BrokerError): void {
    if (error === undefined && !this.#topic.isRemoved) this.#topic.publish(this.#message);
  }
}
