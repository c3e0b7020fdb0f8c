import type { BrokerSettings } from '../options.ts';
import type { DestinationPolicy, RedeliveryPolicy } from './destination-policy.ts';

/**
 * What holds where no policy says otherwise; docs/reference/configuration.md lists it. `undefined`
 * is "none": the client's own value, or no such limit.
 */
export const POLICY_DEFAULTS = Object.freeze({
  strictOrderDispatch: false,
  dispatchPolicy: { type: 'simple' },
  prioritizedMessages: false,
  allConsumersExclusiveByDefault: false,
  messageGroupRebalance: true,
  consumersBeforeDispatchStarts: 0,
  timeBeforeDispatchStarts: 0,
  queuePrefetch: undefined,
  queueBrowserPrefetch: undefined,
  topicPrefetch: undefined,
  durableTopicPrefetch: undefined,
  subscriptionRecoveryPolicy: { type: 'none' },
  alwaysRetroactive: false,
  pendingMessageLimitStrategy: { type: 'constant', limit: -1 },
  messageEvictionStrategy: { type: 'oldest' },
  slowConsumerStrategy: { type: 'none' },
  redeliveryPolicy: undefined,
  persistJMSRedelivered: true,
  storeLimit: 0,
  maxMessages: 0,
  maxConsumers: 0,
  maxProducers: 0,
  maxDestinations: -1,
  producerFlowControl: true,
  sendFailIfNoSpace: false,
  gcInactiveDestinations: false,
  inactiveTimeoutBeforeGC: 60_000,
  offlineDurableSubscriberTimeout: -1,
  advisoryForConsumed: false,
  advisoryForDelivery: false,
  advisoryForDispatched: false,
  advisoryForDiscardingMessages: false,
  advisoryForSlowConsumers: false,
  advisoryForFastProducers: false,
  advisoryWhenFull: false,
  sendAdvisoryIfNoConsumers: false,
  includeBodyForAdvisory: false,
} as const);

/** What a redelivery policy leaves open; the values are those of ActiveMQ's clients. */
export const REDELIVERY_DEFAULTS: Required<RedeliveryPolicy> = Object.freeze({
  maximumRedeliveries: 6,
  initialRedeliveryDelay: 1000,
  redeliveryDelay: 1000,
  maximumRedeliveryDelay: -1,
  useExponentialBackOff: false,
  backOffMultiplier: 5,
  useCollisionAvoidance: false,
  collisionAvoidanceFactor: 0.15,
});

/** The defaults of a broker: some are options of it. */
export function policyDefaults(
  settings: BrokerSettings,
): Readonly<Record<keyof DestinationPolicy, unknown>> {
  return {
    ...POLICY_DEFAULTS,
    memoryLimit: settings.destinationMemoryLimitBytes,
    sendFailIfNoSpaceAfterTimeout: settings.sendTimeoutMs,
    deadLetterStrategy: {
      type: 'shared',
      deadLetterQueue: settings.deadLetterQueue,
      processExpired: settings.areExpiredDeadLettered,
      processNonPersistent: settings.areNonPersistentDeadLettered,
      expiration: 0,
    },
  };
}
