import type { Message } from '@batonmq/model';
import { propertiesOf } from '../message/message-properties.ts';
import type { DispatchPolicy } from '../policy/destination-policy.ts';
import type { TopicSubscription } from '../subscription/topic-subscription.ts';

/** Names, on a topic that ends with {@link ADDRESSED_SUFFIX}, the only client a message is for. */
const ADDRESSEE_PROPERTY = 'PTP_CLIENTID';
const ADDRESSED_SUFFIX = '.PTP';

/**
 * The subscriptions of a topic in the order in which they are served. Each message goes through all
 * of them before the next one does, so all see the same order whatever the policy.
 */
export class DispatchOrder {
  readonly #type: DispatchPolicy['type'];
  #all = new Set<TopicSubscription>();

  constructor({ type }: DispatchPolicy) {
    this.#type = type;
  }

  get size(): number {
    return this.#all.size;
  }

  [Symbol.iterator](): IterableIterator<TopicSubscription> {
    return this.#all.values();
  }

  add(subscription: TopicSubscription): void {
    this.#all.add(subscription);
    if (this.#type !== 'priority' && this.#type !== 'priorityNetwork') return;
    this.#all = new Set(
      [...this.#all].sort((one, other) => other.options.priority - one.options.priority),
    );
  }

  delete(subscription: TopicSubscription): void {
    this.#all.delete(subscription);
  }

  clear(): void {
    this.#all.clear();
  }

  /** Call it when a message went to all: the first of this time is the last of the next. */
  rotate(): void {
    if (this.#type !== 'roundRobin') return;
    for (const first of this.#all) {
      this.#all.delete(first);
      this.#all.add(first);
      return;
    }
  }

  /** The only client a message may go to, as `clientIdFilter` wants it; `undefined` is no such limit, `null` is nobody. */
  addresseeOf(message: Message): string | null | undefined {
    if (this.#type !== 'clientIdFilter') return undefined;
    const addressee = propertiesOf(message)?.get(ADDRESSEE_PROPERTY);
    if (addressee === undefined || addressee.kind === 'null') return undefined;
    const isAddressed = message.destination.name.endsWith(ADDRESSED_SUFFIX);
    return isAddressed && addressee.kind === 'string' ? addressee.value : null;
  }
}
