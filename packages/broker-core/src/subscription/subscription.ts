import type { BrokerError, Destination, Message, TransactionId } from '@batonmq/model';
import type { Receipt } from '../connection/connection.ts';

/** One message on its way to a consumer. */
export interface Delivery {
  readonly message: Message;
  /** Concrete destination, also for a wildcard subscription. */
  readonly destination: Destination;
  /** Grows with each message this broker takes in or reads back; echoed by clients as the last one delivered. */
  readonly brokerSequence: number;
  /** How often it was delivered before without an ack. */
  readonly redeliveryCount: number;
  /** True for the first message of a message group that this consumer gets as its owner. */
  readonly isFirstForConsumer?: boolean;
  /**
   * Of a queue that serves one exclusive consumer: grows with each change of who that is, over
   * takeovers too. What the consumer writes to may refuse a smaller one than it has seen.
   */
  readonly exclusiveEpoch?: number | undefined;
  /** Milliseconds that the broker let it wait before this redelivery; none if its policy has no delays. */
  readonly redeliveryDelay?: number | undefined;
}

/** Where a subscription's messages go. Called in dispatch order; must not throw. */
export interface DispatchSink {
  deliver(delivery: Delivery): void;
  /** A pull ended without a message, or a browser has seen everything. */
  exhausted(): void;
  /** The broker ended the subscription: its destination was deleted. */
  ended(reason: BrokerError): void;
  /** True while the connection's output is congested; the broker then waits for `Subscription.resume`. */
  readonly isCongested: boolean;
}

export interface SubscribeOptions {
  /** Unique in the connection, e.g. `ID:…:1:1`. */
  readonly consumerKey: string;
  readonly destination: Destination;
  /** Messages sent and not yet acked at any time; 0 makes the consumer pull. */
  readonly prefetchCount: number;
  readonly selector?: string | undefined;
  readonly isBrowser: boolean;
  readonly isNoLocal: boolean;
  readonly isExclusive: boolean;
  readonly isRetroactive: boolean;
  /** −128 to 127; greater is served first. */
  readonly priority: number;
  readonly subscriptionName?: string | undefined;
  /** Topics: undelivered messages beyond the prefetch that are kept for it at most. @defaultValue 0, what policies say */
  readonly maximumPendingMessages?: number | undefined;
  /** True for the consumer of a network of brokers. @defaultValue false */
  readonly isNetwork?: boolean | undefined;
  readonly sink: DispatchSink;
}

/** Names messages of a subscription's dispatched list, as clients do: by producer and its count. */
export interface MessageReference {
  readonly producerKey: string;
  readonly producerSequence: number;
}

/**
 * - `standard`: consumed, the range from `first` (or the head) to `last`;
 * - `individual`: consumed, `last` alone;
 * - `delivered`: the application has them, nothing is consumed, as many more may be sent;
 * - `redelivered`: the client redelivers locally; only checked;
 * - `poison`: the range goes to the dead-letter queue;
 * - `expired`: the range had expired at the client.
 */
export type AckKind =
  'standard' | 'individual' | 'delivered' | 'redelivered' | 'poison' | 'expired';

export interface Ack {
  readonly kind: AckKind;
  readonly first?: MessageReference | undefined;
  readonly last?: MessageReference | undefined;
  readonly messageCount: number;
  readonly transactionId?: TransactionId | undefined;
  readonly cause?: string | undefined;
}

/** What {@link Subscription.close} is told when the client cannot say what its application saw. */
export const LAST_DELIVERED_UNKNOWN = -2;
/** What {@link Subscription.close} is told when the application saw nothing. */
export const LAST_DELIVERED_NONE = -1;

/** A consumer at the broker. */
export interface Subscription {
  readonly options: SubscribeOptions;
  /** Settles once durable (`standard`, `individual`, `poison`, `expired` outside a transaction), else at the end of the turn. */
  ack(ack: Ack, receipt?: Receipt): void;
  /** Asks for one message, replacing an earlier pull. `timeoutMs`: −1 only what is there now, 0 wait for ever. */
  pull(timeoutMs: number): void;
  setPrefetch(prefetchCount: number): void;
  /** The sink's congestion is over. */
  resume(): void;
  /**
   * Unacked messages go back to the front of their queues in order. Their redelivery counts grow:
   * none for {@link LAST_DELIVERED_NONE}, else up to and including the one with that broker sequence if
   * it is among them. For {@link LAST_DELIVERED_UNKNOWN} they grow up to the one after those of which the
   * client acked the delivery; of the rest only counts of 0 become 1 (docs/adr/0015).
   */
  close(lastDelivered: number): void;
}
