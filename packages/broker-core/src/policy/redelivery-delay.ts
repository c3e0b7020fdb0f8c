import type { RedeliveryPolicy } from './destination-policy.ts';

/** Longer than any broker runs; a power of a large multiplier must stay a time. */
const LONGEST_MS = 2 ** 50;

/**
 * How long a message waits before its redelivery number `count`, from 1, in milliseconds: what an ActiveMQ
 * client with the same policy would wait.
 *
 * @param float - In [0, 1), for collision avoidance.
 */
export function redeliveryDelay(
  policy: Required<RedeliveryPolicy>,
  count: number,
  float: () => number,
): number {
  const { initialRedeliveryDelay } = policy;
  if (count <= 1) return initialRedeliveryDelay;
  const delay = policy.useExponentialBackOff ? backedOff(policy, count) : policy.redeliveryDelay;
  if (!policy.useCollisionAvoidance) return delay;
  const factor = policy.collisionAvoidanceFactor * (float() < 0.5 ? -1 : 1);
  return Math.round(delay * (1 + factor * float()));
}

/** The first delay that is not 0, and from there a power of the multiplier. */
function backedOff(policy: Required<RedeliveryPolicy>, count: number): number {
  const { initialRedeliveryDelay, backOffMultiplier, maximumRedeliveryDelay } = policy;
  const isFromInitial = initialRedeliveryDelay > 0;
  const start = isFromInitial ? initialRedeliveryDelay : policy.redeliveryDelay;
  const power = count - (isFromInitial ? 1 : 2);
  const delay = Math.min(Math.trunc(start * backOffMultiplier ** power), LONGEST_MS);
  if (maximumRedeliveryDelay < 0 || delay <= maximumRedeliveryDelay) return delay;
  return Math.max(maximumRedeliveryDelay, policy.redeliveryDelay);
}
