/**
 * What may be set for destinations. Names and meanings are ActiveMQ's where it has them; times are
 * milliseconds, sizes are bytes. docs/reference/activemq-differences.md says where a default differs.
 */
export interface DestinationPolicy {
  // --- dispatch

  /** Queues: fill one consumer before the next, instead of taking turns. @defaultValue false */
  readonly strictOrderDispatch?: boolean;
  /** Topics: who is served first. @defaultValue `simple` */
  readonly dispatchPolicy?: DispatchPolicy;
  /** Queues: higher `JMSPriority` first. @defaultValue false */
  readonly prioritizedMessages?: boolean;
  /** Every consumer is an exclusive one. @defaultValue false */
  readonly allConsumersExclusiveByDefault?: boolean;
  /**
   * Queues: a message group with nothing unacknowledged moves from a consumer that has two groups more than
   * another of its priority. @defaultValue true
   */
  readonly messageGroupRebalance?: boolean;
  /** Consumers that must be there before a queue gives anything out. @defaultValue 0 */
  readonly consumersBeforeDispatchStarts?: number;
  /** How long a queue waits after its first consumer came. @defaultValue 0, or 1000 if only the count is set */
  readonly timeBeforeDispatchStarts?: number;
  /** Prefetch of consumers that ask for more, or name none. @defaultValue none: what the client asks for */
  readonly queuePrefetch?: number;
  readonly queueBrowserPrefetch?: number;
  readonly topicPrefetch?: number;
  readonly durableTopicPrefetch?: number;

  // --- topics

  /** What a retroactive consumer gets on top. @defaultValue `{ type: 'none' }` */
  readonly subscriptionRecoveryPolicy?: SubscriptionRecoveryPolicy;
  /** Every consumer of a topic is retroactive. @defaultValue false */
  readonly alwaysRetroactive?: boolean;
  /** How many undelivered messages a topic consumer may have. @defaultValue none: `topicBacklogMessages` of the broker */
  readonly pendingMessageLimitStrategy?: PendingMessageLimitStrategy;
  /** Which messages go when it has more. @defaultValue `{ type: 'oldest' }` */
  readonly messageEvictionStrategy?: MessageEvictionStrategy;
  /** What happens to consumers that are too slow. @defaultValue `{ type: 'none' }` */
  readonly slowConsumerStrategy?: SlowConsumerStrategy;

  // --- redelivery, dead letters, expiry

  /** Redelivery by the broker. @defaultValue none: clients count, as with ActiveMQ */
  readonly redeliveryPolicy?: RedeliveryPolicy;
  /** Where messages go that cannot be delivered. @defaultValue `{ type: 'shared' }` */
  readonly deadLetterStrategy?: DeadLetterStrategy;
  /** Whether the count of deliveries is stored. @defaultValue true */
  readonly persistJMSRedelivered?: boolean;

  // --- limits

  /** Bytes in memory. @defaultValue `destinationMemoryLimitBytes` of the broker */
  readonly memoryLimit?: number;
  /** Bytes of stored messages. 0 is none. @defaultValue 0 */
  readonly storeLimit?: number;
  /** Messages. 0 is none. @defaultValue 0 */
  readonly maxMessages?: number;
  /** Consumers. 0 is none. @defaultValue 0 */
  readonly maxConsumers?: number;
  /** Producers. 0 is none. @defaultValue 0 */
  readonly maxProducers?: number;
  /** Destinations below this pattern. −1 is none. @defaultValue −1 */
  readonly maxDestinations?: number;
  /** False pages messages that find no memory to the store instead of holding up senders. @defaultValue true */
  readonly producerFlowControl?: boolean;
  /** A full destination refuses at once instead of holding up senders. @defaultValue false */
  readonly sendFailIfNoSpace?: boolean;
  /** How long a sender is held up before it is refused. @defaultValue `sendTimeoutMs` of the broker */
  readonly sendFailIfNoSpaceAfterTimeout?: number;

  // --- life

  /** Removes destinations that nobody uses and that are empty. @defaultValue false */
  readonly gcInactiveDestinations?: boolean;
  /** How long nobody must have used it. @defaultValue 60 000 */
  readonly inactiveTimeoutBeforeGC?: number;
  /** How long a durable subscription may be offline before it is removed. −1 is for ever. @defaultValue −1 */
  readonly offlineDurableSubscriberTimeout?: number;

  // --- advisories

  /** Advisory `MessageConsumed` for each message that was acked. @defaultValue false */
  readonly advisoryForConsumed?: boolean;
  /** Advisory `MessageDelivered` for each message that the destination took. @defaultValue false */
  readonly advisoryForDelivery?: boolean;
  /** Advisory `MessageDispatched` for each message that went to a consumer. @defaultValue false */
  readonly advisoryForDispatched?: boolean;
  /** Advisory `MessageDiscarded` for each message that a slow topic consumer lost. @defaultValue false */
  readonly advisoryForDiscardingMessages?: boolean;
  /** Advisory `SlowConsumer` when a consumer is full while messages wait for it. @defaultValue false */
  readonly advisoryForSlowConsumers?: boolean;
  /** Advisory `FastProducer` when a producer has to wait for room. @defaultValue false */
  readonly advisoryForFastProducers?: boolean;
  /** Advisory `FULL` when a limit of the destination, or of the broker, is reached. @defaultValue false */
  readonly advisoryWhenFull?: boolean;
  /** Advisory `NoConsumer`, the message itself, when a non-persistent one finds no consumer. @defaultValue false */
  readonly sendAdvisoryIfNoConsumers?: boolean;
  /** Advisories about a message have its body too, not only its headers and properties. @defaultValue false */
  readonly includeBodyForAdvisory?: boolean;
}

/** A policy and the destinations it is for: `{ queue: 'orders.>', memoryLimit: 1048576 }`. */
export type PolicyEntry = DestinationPolicy &
  (
    | { readonly queue: string; readonly topic?: never }
    | { readonly topic: string; readonly queue?: never }
  );

export type DispatchPolicy =
  | { readonly type: 'simple' | 'roundRobin' | 'strictOrder' | 'priority' | 'priorityNetwork' }
  | { readonly type: 'clientIdFilter' };

export type SubscriptionRecoveryPolicy =
  | { readonly type: 'none' }
  | { readonly type: 'lastImage'; readonly isStored?: boolean }
  | {
      readonly type: 'fixedCount';
      /** Messages. @defaultValue 100 */
      readonly maximumSize?: number;
      readonly isStored?: boolean;
    }
  | {
      readonly type: 'fixedSized';
      /** Bytes. @defaultValue 65 536 */
      readonly maximumSize?: number;
      readonly isStored?: boolean;
    }
  | {
      readonly type: 'timed';
      /** @defaultValue 60 000 */
      readonly recoverDuration?: number;
      readonly isStored?: boolean;
    }
  | {
      readonly type: 'queryBased';
      /** A selector over what is kept of the last `maximumSize` messages. */
      readonly query: string;
      readonly maximumSize?: number;
      readonly isStored?: boolean;
    }
  | {
      readonly type: 'retained';
      readonly wrapped?: SubscriptionRecoveryPolicy;
      readonly isStored?: boolean;
    };

export type PendingMessageLimitStrategy =
  /** Messages; −1 is the broker's own limit, 0 none beyond the prefetch. */
  | { readonly type: 'constant'; readonly limit: number }
  /** This many times the prefetch. @defaultValue 0.5 */
  | { readonly type: 'prefetchRate'; readonly multiplier?: number };

export type MessageEvictionStrategy = (
  | { readonly type: 'oldest' }
  | { readonly type: 'oldestMessageWithLowestPriority' }
  | { readonly type: 'uniqueProperty'; readonly propertyName: string }
) & {
  /** From this many on expired ones go first. @defaultValue 1000 */
  readonly evictExpiredMessagesHighWatermark?: number;
};

export type SlowConsumerStrategy =
  | { readonly type: 'none' }
  | {
      /** `abortSlowConsumer`: full for too long; `abortSlowAckConsumer`: no ack for too long. */
      readonly type: 'abortSlowConsumer' | 'abortSlowAckConsumer';
      /** @defaultValue 30 000 */
      readonly checkPeriod?: number;
      /** −1 is no limit. @defaultValue −1 */
      readonly maxSlowCount?: number;
      /** @defaultValue 30 000 */
      readonly maxSlowDuration?: number;
      /** @defaultValue 30 000 */
      readonly maxTimeSinceLastAck?: number;
      /** @defaultValue true */
      readonly ignoreIdleConsumers?: boolean;
      /** @defaultValue true */
      readonly ignoreNetworkConsumers?: boolean;
      /** Closes the whole connection instead of asking the consumer to close. @defaultValue false */
      readonly abortConnection?: boolean;
    };

export interface RedeliveryPolicy {
  /** Redeliveries before a message becomes a dead letter. −1 is for ever. @defaultValue 6 */
  readonly maximumRedeliveries?: number;
  /** @defaultValue 1000 */
  readonly initialRedeliveryDelay?: number;
  /** @defaultValue 1000 */
  readonly redeliveryDelay?: number;
  /** −1 is none. @defaultValue −1 */
  readonly maximumRedeliveryDelay?: number;
  /** @defaultValue false */
  readonly useExponentialBackOff?: boolean;
  /** @defaultValue 5 */
  readonly backOffMultiplier?: number;
  /** @defaultValue false */
  readonly useCollisionAvoidance?: boolean;
  /** @defaultValue 0.15 */
  readonly collisionAvoidanceFactor?: number;
}

export type DeadLetterStrategy = {
  /** @defaultValue true */
  readonly processExpired?: boolean;
  /** @defaultValue `areNonPersistentDeadLettered` of the broker */
  readonly processNonPersistent?: boolean;
  /** How long a dead letter lives. 0 is for ever. @defaultValue 0 */
  readonly expiration?: number;
} & (
  | { readonly type: 'shared'; readonly deadLetterQueue?: string }
  | {
      readonly type: 'individual';
      /** @defaultValue 'ActiveMQ.DLQ.Queue.' */
      readonly queuePrefix?: string;
      readonly queueSuffix?: string;
      /** @defaultValue 'ActiveMQ.DLQ.Topic.' */
      readonly topicPrefix?: string;
      readonly topicSuffix?: string;
      /** @defaultValue true */
      readonly useQueueForQueueMessages?: boolean;
      /** @defaultValue true */
      readonly useQueueForTopicMessages?: boolean;
      /** @defaultValue false */
      readonly destinationPerDurableSubscriber?: boolean;
    }
  | { readonly type: 'discard' }
);
