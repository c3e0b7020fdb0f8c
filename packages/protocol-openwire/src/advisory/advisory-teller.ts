import type { Broker, Subscription } from '@batonmq/broker-core';
import type { Destination, Message } from '@batonmq/model';
import type { ConsumerId } from '@batonmq/openwire';
import type { Clock } from '@batonmq/runtime';
import { AdvisoryMessages, type AdvisoryContent } from './advisory-message.ts';
import { MASTER_TOPIC, topicNameOf, type AdvisoryFamily } from './advisory-topics.ts';
import { Audience } from './audience.ts';

/** Gives advisories to those who listen. */
export class AdvisoryTeller {
  readonly audience = new Audience();
  readonly #broker: Broker;
  readonly #clock: Clock;
  readonly #messages: AdvisoryMessages;
  #master: Message | undefined;

  constructor(broker: Broker, clock: Clock) {
    this.#broker = broker;
    this.#clock = clock;
    this.#messages = new AdvisoryMessages(broker.id, broker.name);
  }

  /** A client has reached the broker there: advisories name the last such place. */
  reachedAt(address: string): void {
    this.#messages.brokerUrl = address;
  }

  /** To be asked first where making the content takes something. */
  hears(family: AdvisoryFamily, target: Destination): boolean {
    return this.audience.hears(topicNameOf(family, target));
  }

  /** Tells everybody who listens now. */
  tell(content: AdvisoryContent): void {
    if (this.audience.hears(content.topic.name)) this.#broker.publish(this.#message(content));
  }

  /** Tells one consumer what the others know. */
  tellAgain(content: AdvisoryContent, to: Subscription, target: ConsumerId | null): void {
    const message = this.#message({ ...content, target: target ?? undefined });
    this.#broker.publish(message, to);
  }

  /** The broker does not serve any more: nobody listens. */
  clear(): void {
    this.audience.clear();
    this.#master = undefined;
  }

  /**
   * Tells one consumer that this broker serves: whoever listens came after that. All of a term are
   * told with the same message.
   */
  tellMaster(to: Subscription): void {
    this.#master ??= this.#message({ topic: MASTER_TOPIC });
    this.#broker.publish(this.#master, to);
  }

  /** Publishes a message that is its own advisory. */
  publish(message: Message): void {
    this.#broker.publish(message);
  }

  #message(content: AdvisoryContent): Message {
    return this.#messages.make(content, this.#clock.wallTime());
  }
}
