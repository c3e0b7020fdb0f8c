import { BrokerError } from '@batonmq/model';
import { POLICY_DEFAULTS } from '../policy/policy-defaults.ts';
import { Queue } from '../destination/queue.ts';
import type { Topic } from '../destination/topic.ts';

/** Consumers of a destination; browsers are none. */
export function consumerCount(target: Queue | Topic): number {
  return target instanceof Queue
    ? target.consumers.attachments.size
    : target.subscriptions.size + target.activeDurableCount;
}

/** True if one more consumer may come. */
export function hasConsumerPlace(target: Queue | Topic): boolean {
  const maxConsumers = maxConsumersOf(target);
  return maxConsumers === 0 || consumerCount(target) < maxConsumers;
}

/** @throws `BATON_LIMIT` if there are as many consumers as there may be. */
export function requireConsumerPlace(target: Queue | Topic): void {
  if (hasConsumerPlace(target)) return;
  const { key } = target.destination;
  const allowed = maxConsumersOf(target);
  throw new BrokerError(
    'BATON_LIMIT',
    `${key} has ${consumerCount(target)} consumers; "maxConsumers" allows ${allowed}`,
    {
      details: { destination: key, limit: 'maxConsumers', allowed, used: consumerCount(target) },
    },
  );
}

function maxConsumersOf({ policy }: Queue | Topic): number {
  return policy.maxConsumers ?? POLICY_DEFAULTS.maxConsumers;
}
