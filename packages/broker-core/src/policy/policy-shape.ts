import type { DestinationPolicy } from './destination-policy.ts';
import { selector } from './selector-shape.ts';
import { between, fields, flag, name, text, typed, whole, type Shape } from './shape.ts';

/** For what kind of destination an option means something. */
type Scope = 'queue' | 'topic' | 'both';

const NO_OPTIONS = fields({});
const IS_STORED = { isStored: flag };

const DISPATCH_POLICY = typed({
  simple: NO_OPTIONS,
  roundRobin: NO_OPTIONS,
  strictOrder: NO_OPTIONS,
  priority: NO_OPTIONS,
  priorityNetwork: NO_OPTIONS,
  clientIdFilter: NO_OPTIONS,
});

const RECOVERY_KINDS: Readonly<Record<string, Shape>> = {
  none: NO_OPTIONS,
  lastImage: fields(IS_STORED),
  fixedCount: fields({ maximumSize: whole(1), ...IS_STORED }),
  fixedSized: fields({ maximumSize: whole(1), ...IS_STORED }),
  timed: fields({ recoverDuration: whole(1), ...IS_STORED }),
  queryBased: fields({ query: selector, maximumSize: whole(1), ...IS_STORED }, ['query']),
};

const SUBSCRIPTION_RECOVERY_POLICY = typed({
  ...RECOVERY_KINDS,
  retained: fields({ wrapped: typed(RECOVERY_KINDS), ...IS_STORED }),
});

const PENDING_MESSAGE_LIMIT_STRATEGY = typed({
  constant: fields({ limit: whole(-1) }, ['limit']),
  prefetchRate: fields({ multiplier: between(0, 1000) }),
});

const WATERMARK = { evictExpiredMessagesHighWatermark: whole(0) };

const MESSAGE_EVICTION_STRATEGY = typed({
  oldest: fields(WATERMARK),
  oldestMessageWithLowestPriority: fields(WATERMARK),
  uniqueProperty: fields({ propertyName: name, ...WATERMARK }, ['propertyName']),
});

const ABORT = fields({
  checkPeriod: whole(1),
  maxSlowCount: whole(-1),
  maxSlowDuration: whole(1),
  maxTimeSinceLastAck: whole(1),
  ignoreIdleConsumers: flag,
  ignoreNetworkConsumers: flag,
  abortConnection: flag,
});

const SLOW_CONSUMER_STRATEGY = typed({
  none: NO_OPTIONS,
  abortSlowConsumer: ABORT,
  abortSlowAckConsumer: ABORT,
});

const REDELIVERY_POLICY = fields({
  maximumRedeliveries: whole(-1),
  initialRedeliveryDelay: whole(0),
  redeliveryDelay: whole(0),
  maximumRedeliveryDelay: whole(-1),
  useExponentialBackOff: flag,
  backOffMultiplier: between(1, 1000),
  useCollisionAvoidance: flag,
  collisionAvoidanceFactor: between(0, 1),
});

const ANY_DEAD_LETTER = { processExpired: flag, processNonPersistent: flag, expiration: whole(0) };

const DEAD_LETTER_STRATEGY = typed({
  shared: fields({ deadLetterQueue: name, ...ANY_DEAD_LETTER }),
  individual: fields({
    queuePrefix: text,
    queueSuffix: text,
    topicPrefix: text,
    topicSuffix: text,
    useQueueForQueueMessages: flag,
    useQueueForTopicMessages: flag,
    destinationPerDurableSubscriber: flag,
    ...ANY_DEAD_LETTER,
  }),
  discard: NO_OPTIONS,
});

/** Every option of a policy: for what it is, and what it may be. */
export const POLICY_SHAPE: Readonly<Record<keyof DestinationPolicy, readonly [Scope, Shape]>> = {
  strictOrderDispatch: ['queue', flag],
  dispatchPolicy: ['topic', DISPATCH_POLICY],
  prioritizedMessages: ['queue', flag],
  messageGroupRebalance: ['queue', flag],
  allConsumersExclusiveByDefault: ['queue', flag],
  consumersBeforeDispatchStarts: ['queue', whole(0)],
  timeBeforeDispatchStarts: ['queue', whole(0)],
  queuePrefetch: ['queue', whole(0)],
  queueBrowserPrefetch: ['queue', whole(0)],
  topicPrefetch: ['topic', whole(0)],
  durableTopicPrefetch: ['topic', whole(0)],
  subscriptionRecoveryPolicy: ['topic', SUBSCRIPTION_RECOVERY_POLICY],
  alwaysRetroactive: ['topic', flag],
  pendingMessageLimitStrategy: ['topic', PENDING_MESSAGE_LIMIT_STRATEGY],
  messageEvictionStrategy: ['topic', MESSAGE_EVICTION_STRATEGY],
  slowConsumerStrategy: ['both', SLOW_CONSUMER_STRATEGY],
  redeliveryPolicy: ['both', REDELIVERY_POLICY],
  deadLetterStrategy: ['both', DEAD_LETTER_STRATEGY],
  persistJMSRedelivered: ['both', flag],
  memoryLimit: ['both', whole(1024)],
  storeLimit: ['queue', whole(0)],
  maxMessages: ['queue', whole(0)],
  maxConsumers: ['both', whole(0)],
  maxProducers: ['both', whole(0)],
  maxDestinations: ['both', whole(-1)],
  producerFlowControl: ['queue', flag],
  sendFailIfNoSpace: ['both', flag],
  sendFailIfNoSpaceAfterTimeout: ['both', whole(1)],
  gcInactiveDestinations: ['both', flag],
  inactiveTimeoutBeforeGC: ['both', whole(1)],
  offlineDurableSubscriberTimeout: ['topic', whole(-1)],
  advisoryForConsumed: ['both', flag],
  advisoryForDelivery: ['both', flag],
  advisoryForDispatched: ['both', flag],
  advisoryForDiscardingMessages: ['both', flag],
  advisoryForSlowConsumers: ['both', flag],
  advisoryForFastProducers: ['both', flag],
  advisoryWhenFull: ['both', flag],
  sendAdvisoryIfNoConsumers: ['both', flag],
  includeBodyForAdvisory: ['both', flag],
};

/** The names of all options of a policy. */
export const POLICY_NAMES = Object.freeze(
  Object.keys(POLICY_SHAPE),
) as readonly (keyof DestinationPolicy)[];
