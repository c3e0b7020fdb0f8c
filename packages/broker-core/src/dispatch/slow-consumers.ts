import type { BrokerEvent } from '../events.ts';
import type { QueueSubscription } from '../subscription/queue-subscription.ts';
import type { Attachment } from './consumer-ring.ts';
import type { Queue } from '../destination/queue.ts';

/** Tells of consumers of a queue that are full while messages wait, each once until nothing waits any more. */
export class SlowConsumers {
  readonly #queue: Queue;
  readonly #emit: (event: BrokerEvent) => void;
  readonly #told = new Set<QueueSubscription>();

  constructor(queue: Queue, emit: (event: BrokerEvent) => void) {
    this.#queue = queue;
    this.#emit = emit;
  }

  /** All that could be given out was. */
  look(): void {
    const { consumers, messageCount, inFlightCount, decodedAs } = this.#queue;
    if (messageCount === inFlightCount) {
      this.#told.clear();
      return;
    }
    for (const { subscription } of consumers.attachments) {
      if (this.#told.has(subscription) || !subscription.isSlow) continue;
      this.#told.add(subscription);
      const { connectionId, options } = subscription;
      const { consumerKey, destination: asked } = options;
      const destination = decodedAs ?? asked;
      this.#emit({ type: 'consumer-slow', destination, connectionId, consumerKey });
    }
  }

  left({ subscription }: Attachment): void {
    this.#told.delete(subscription);
  }
}
