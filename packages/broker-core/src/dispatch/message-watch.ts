import type { ConnectionId, Destination, Message } from '@batonmq/model';
import type { BrokerEvent } from '../events.ts';
import type { DestinationPolicy } from '../policy/destination-policy.ts';
import { POLICY_DEFAULTS } from '../policy/policy-defaults.ts';
import type { SubscribeOptions } from '../subscription/subscription.ts';

/** Whom a message went to. */
export interface Recipient {
  readonly connectionId: ConnectionId;
  readonly options: Pick<SubscribeOptions, 'consumerKey'>;
}

/**
 * Tells of single messages of a destination. Only a destination whose policy asks for it has one, so
 * all others pay one comparison for each message.
 */
export class MessageWatch {
  readonly #policy: DestinationPolicy;
  readonly #emit: (event: BrokerEvent) => void;

  static of(
    policy: DestinationPolicy,
    emit: (event: BrokerEvent) => void,
  ): MessageWatch | undefined {
    const {
      advisoryForDelivery = POLICY_DEFAULTS.advisoryForDelivery,
      advisoryForDispatched = POLICY_DEFAULTS.advisoryForDispatched,
      advisoryForConsumed = POLICY_DEFAULTS.advisoryForConsumed,
      sendAdvisoryIfNoConsumers = POLICY_DEFAULTS.sendAdvisoryIfNoConsumers,
    } = policy;
    const isAsked =
      advisoryForDelivery ||
      advisoryForDispatched ||
      advisoryForConsumed ||
      sendAdvisoryIfNoConsumers;
    return isAsked ? new MessageWatch(policy, emit) : undefined;
  }

  constructor(policy: DestinationPolicy, emit: (event: BrokerEvent) => void) {
    this.#policy = policy;
    this.#emit = emit;
  }

  /** The destination has it: a stored message is durable. */
  delivered(destination: Destination, message: Message, hasConsumers: boolean): void {
    if (this.#policy.advisoryForDelivery === true) {
      this.#emit({ type: 'message-delivered', destination, message });
    }
    if (hasConsumers || message.isPersistent) return;
    if (this.#policy.sendAdvisoryIfNoConsumers === true) {
      this.#emit({ type: 'message-without-consumer', destination, message });
    }
  }

  dispatched(destination: Destination, message: Message, to: Recipient): void {
    if (this.#policy.advisoryForDispatched !== true) return;
    const { connectionId, options } = to;
    const { consumerKey } = options;
    this.#emit({ type: 'message-dispatched', destination, message, connectionId, consumerKey });
  }

  consumed(destination: Destination, message: Message): void {
    if (this.#policy.advisoryForConsumed !== true) return;
    this.#emit({ type: 'message-consumed', destination, message });
  }
}
