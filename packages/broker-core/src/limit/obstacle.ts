import { BrokerError } from '@batonmq/model';
import type { BrokerSettings } from '../options.ts';
import { POLICY_DEFAULTS } from '../policy/policy-defaults.ts';
import type { Queue } from '../destination/queue.ts';
import type { Topic } from '../destination/topic.ts';
import type { Usage } from './usage.ts';

/** Why a message cannot be taken in now. */
export interface Obstacle {
  /** Where it has no room. */
  readonly target: Queue | Topic;
  /** What is full there: its own, or one of the whole broker. */
  readonly usage: Usage;
}

/** @param waitedMs - How long there was no room; 0 if nobody waits for it. */
export function noRoom({ target, usage }: Obstacle, waitedMs: number): BrokerError {
  const { name, limit, used } = usage;
  const { key } = target.destination;
  const unit = name === 'maxMessages' ? 'messages' : 'bytes';
  const wait = waitedMs === 0 ? '' : `; it waited ${waitedMs} ms`;
  return new BrokerError(
    'BATON_LIMIT',
    `${key} has no room for a message, which was not taken: "${name}" allows ${limit} ${unit} and ${used} are used${wait}`,
    { details: { destination: key, limit: name, allowed: limit, used } },
  );
}

/** True if nobody is to wait there. */
export function isRefusedAtOnce({ target }: Obstacle): boolean {
  return target.policy.sendFailIfNoSpace ?? POLICY_DEFAULTS.sendFailIfNoSpace;
}

/** How long senders wait there, in milliseconds. */
export function patienceMs({ target }: Obstacle, { sendTimeoutMs }: BrokerSettings): number {
  return target.policy.sendFailIfNoSpaceAfterTimeout ?? sendTimeoutMs;
}
