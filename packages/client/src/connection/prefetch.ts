import { BrokerError, isQueue, type Destination } from '@batonmq/model';
import type { ConsumerOptions } from '../consumer/consumer.ts';
import type { JmsSettings } from '../uri-settings.ts';

/** A window field on the wire is 32 bits, but brokers cut it to this. */
const PREFETCH_MAX = 32_767;

/** The window of a consumer: its own option, or what the prefetch policy says for its kind. */
export function prefetchCount(
  from: Destination,
  options: ConsumerOptions,
  jms: JmsSettings,
): number {
  const count = options.prefetchCount ?? policyCount(from, options, jms);
  if (Number.isInteger(count) && count >= 0 && count <= PREFETCH_MAX) return count;
  throw new BrokerError(
    'BATON_INVALID_OPTION',
    `prefetchCount must be a whole number from 0 to ${PREFETCH_MAX}, not ${count}`,
  );
}

function policyCount(from: Destination, options: ConsumerOptions, jms: JmsSettings): number {
  const all = jms['prefetchPolicy.all'];
  if (all >= 0) return all;
  if (isQueue(from)) return jms['prefetchPolicy.queuePrefetch'];
  return options.subscriptionName === undefined
    ? jms['prefetchPolicy.topicPrefetch']
    : jms['prefetchPolicy.durableTopicPrefetch'];
}
