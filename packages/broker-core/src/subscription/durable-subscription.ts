import type { Message } from '@batonmq/model';
import type { RecoveredDestination } from '@batonmq/store-spi';
import type { Entry } from '../dispatch/entry.ts';
import { Queue } from '../destination/queue.ts';
import { messageFilter, type MessageFilter } from '../message/message-filter.ts';
import type { TermParts } from '../term-parts.ts';
import { subscriptionKey, type SubscriptionDefinition } from './subscription-definition.ts';

/**
 * A durable subscription: what it collects is a stored queue of its own, which no client can name. Its
 * consumer, of which there is one at a time, is a consumer of that queue. So a backlog, acks,
 * redelivery, dead letters and expiry are those of a queue.
 */
export class DurableSubscription {
  definition: SubscriptionDefinition;
  readonly key: string;
  readonly queue: Queue;
  /** Monotonic milliseconds since when nobody consumes from it. */
  offlineSince: number;
  readonly #parts: TermParts;
  readonly #isSelected: MessageFilter | undefined;

  constructor(
    definition: SubscriptionDefinition,
    parts: TermParts,
    recovered?: RecoveredDestination,
  ) {
    this.definition = definition;
    this.key = subscriptionKey(definition.clientId, definition.name);
    this.offlineSince = parts.clock.now();
    this.#parts = parts;
    this.#isSelected = messageFilter(definition.selector);
    const { kind, name } = definition.destination;
    this.queue = new Queue({ kind, name, key: this.key }, parts, recovered);
    this.queue.ownerName = `${definition.clientId}:${definition.name}`;
  }

  get isActive(): boolean {
    return this.queue.consumers.attachments.size > 0;
  }

  /** Takes a message of one of its topics; its body is stored elsewhere. None if it is not for this subscription. */
  accept(message: Message): Entry | undefined {
    if (!message.isPersistent && !this.isActive) return undefined;
    if (this.definition.isNoLocal && this.#isOwn(message)) return undefined;
    if (this.#isSelected?.(message) === false) return undefined;
    return this.queue.accept(message, true);
  }

  /** Its own is what any connection of its client id sent, so this holds while it is offline too. */
  #isOwn({ producerId }: Message): boolean {
    return this.#parts.clientIdOf(producerId.connectionId) === this.definition.clientId;
  }
}
