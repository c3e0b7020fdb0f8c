import type { Delivery, DispatchSink, MessageReference, Subscription } from '@batonmq/broker-core';
import { isBrokerError, present, type BrokerError } from '@batonmq/model';
import type { ConsumerInfo } from '@batonmq/openwire';
import { wireDestination } from './destination-conversion.ts';
import { wireMessageOf } from './message-conversion.ts';
import type { Peer } from './peer.ts';

/** What a consumer's subscription delivers, on its way into the peer's output. */
export class ConsumerSink implements DispatchSink {
  readonly #peer: Peer;
  readonly #info: ConsumerInfo;
  readonly #forget: () => void;
  /** Set once the broker has answered `subscribe`, which may deliver before that. */
  #subscription: Subscription | undefined;
  #deliveredCount = 0;

  constructor(peer: Peer, info: ConsumerInfo, forget: () => void) {
    this.#peer = peer;
    this.#info = info;
    this.#forget = forget;
  }

  attach(subscription: Subscription): void {
    this.#subscription = subscription;
  }

  /** Messages it was given so far. */
  get deliveredCount(): number {
    return this.#deliveredCount;
  }

  get isCongested(): boolean {
    return this.#peer.isCongested;
  }

  deliver(delivery: Delivery): void {
    this.#deliveredCount += 1;
    const { peer, info } = { peer: this.#peer, info: this.#info };
    try {
      peer.write({
        type: 'MessageDispatch',
        commandId: 0,
        responseRequired: false,
        consumerId: info.consumerId,
        destination: wireDestination(delivery.destination),
        message: wireMessageOf(delivery, peer.context.clock.wallTime()),
        redeliveryCounter: delivery.redeliveryCount,
      });
    } catch (error) {
      if (!isBrokerError(error)) throw error;
      this.#undeliverable(delivery, error);
    }
  }

  /** The end of a browse or of an unanswered pull: a dispatch of nothing. */
  exhausted(): void {
    this.#peer.write({
      type: 'MessageDispatch',
      commandId: 0,
      responseRequired: false,
      consumerId: this.#info.consumerId,
      destination: null,
      message: null,
      redeliveryCounter: 0,
    });
  }

  ended(reason: BrokerError): void {
    this.#forget();
    this.#peer.log('info', 'consumer ended by the broker', { error: reason });
    this.#peer.write({
      type: 'ConsumerControl',
      commandId: 0,
      responseRequired: false,
      destination: null,
      close: true,
      consumerId: this.#info.consumerId,
      prefetch: 0,
      flush: false,
      start: false,
      stop: false,
    });
  }

  /**
   * A message that this peer's format cannot carry (larger than the frame it allows, a type its
   * version lacks) would come back for ever: it is dead-lettered with the reason.
   */
  #undeliverable(delivery: Delivery, error: BrokerError): void {
    this.#peer.log('warn', 'message cannot be encoded for its consumer', { error });
    const message: MessageReference = {
      producerKey: delivery.message.id.producerId.key,
      producerSequence: delivery.message.id.producerSequence,
    };
    // Not from inside the call that delivers.
    this.#peer.context.clock.setImmediate(() => {
      const subscription = present(this.#subscription, 'subscribe has returned by now');
      const cause = error.message;
      subscription.ack({ kind: 'poison', first: message, last: message, messageCount: 1, cause });
    });
  }
}
