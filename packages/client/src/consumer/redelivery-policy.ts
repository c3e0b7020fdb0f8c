import type { JmsSettings } from '../uri-settings.ts';

/** How often and how soon a message that was rolled back is delivered again by this client. */
export interface RedeliveryPolicy {
  /** Deliveries after the first; a message that exceeds it goes to the dead letter queue. -1 is no limit. */
  readonly redeliveriesMax: number;
  /** Milliseconds before the first redelivery. */
  readonly initialDelayMs: number;
  /** Milliseconds before each further one. */
  readonly delayMs: number;
  readonly useExponentialBackOff: boolean;
  readonly backOffMultiplier: number;
  /** -1 is no limit. */
  readonly delayMsMax: number;
}

export function redeliveryPolicy(jms: JmsSettings): RedeliveryPolicy {
  return {
    redeliveriesMax: jms['redeliveryPolicy.maximumRedeliveries'],
    initialDelayMs: jms['redeliveryPolicy.initialRedeliveryDelay'],
    delayMs: jms['redeliveryPolicy.redeliveryDelay'],
    useExponentialBackOff: jms['redeliveryPolicy.useExponentialBackOff'],
    backOffMultiplier: jms['redeliveryPolicy.backOffMultiplier'],
    delayMsMax: jms['redeliveryPolicy.maximumRedeliveryDelay'],
  };
}

export function isExhausted(policy: RedeliveryPolicy, redeliveryCount: number): boolean {
  return policy.redeliveriesMax >= 0 && redeliveryCount > policy.redeliveriesMax;
}

/** Milliseconds to wait before the n-th redelivery, counted from 1. */
export function redeliveryDelay(policy: RedeliveryPolicy, redeliveryCount: number): number {
  if (redeliveryCount <= 1) return policy.initialDelayMs;
  const growth = policy.useExponentialBackOff
    ? policy.backOffMultiplier ** (redeliveryCount - 1)
    : 1;
  const delayMs = policy.delayMs * growth;
  return policy.delayMsMax >= 0 ? Math.min(delayMs, policy.delayMsMax) : delayMs;
}
