import { isTemporary } from '@batonmq/model';
import type { CancelTimer } from '@batonmq/runtime';
import { POLICY_DEFAULTS } from '../policy/policy-defaults.ts';
import { isAdvisoryName } from '../security/reserved-names.ts';
import type { TermParts } from '../term-parts.ts';
import { consumerCount } from '../limit/consumer-places.ts';
import { Queue } from './queue.ts';
import type { Topic } from './topic.ts';

/** Bounds of the time between two looks: the shortest that is worth it, and what a removal is late at most. */
const LOOK_MS_MIN = 100;
const LOOK_MS_MAX = 30_000;

/** A destination that nobody used when it was looked at. */
interface Idle {
  readonly since: number;
  readonly activity: number;
}

/**
 * Removes the destinations that nobody used for `inactiveTimeoutBeforeGC`, where `gcInactiveDestinations`
 * says so: empty ones without consumers, durable subscriptions, and producers of their own. To send and to
 * dispatch cost nothing for it: each look compares how much was done so far with the look before.
 *
 * It cannot meet a send or a subscription half way: each of them finds or makes its destination and
 * enters it within one turn, and what is on its way to the store counts as being there.
 */
export class InactiveDestinations {
  readonly #parts: TermParts;
  #idle = new Map<Queue | Topic, Idle>();
  #cancelTimer: CancelTimer | undefined;

  constructor(parts: TermParts) {
    this.#parts = parts;
  }

  start(): void {
    const { entries } = this.#parts.policies;
    if (!entries.some(({ gcInactiveDestinations }) => gcInactiveDestinations === true)) return;
    const shortest = Math.min(...entries.map(timeoutOf));
    this.#lookLater(Math.min(LOOK_MS_MAX, Math.max(LOOK_MS_MIN, shortest / 2)));
  }

  stop(): void {
    this.#cancelTimer?.();
  }

  #lookLater(delayMs: number): void {
    this.#cancelTimer = this.#parts.clock.setTimer(delayMs, () => {
      this.#look();
      this.#lookLater(delayMs);
    });
  }

  #look(): void {
    const now = this.#parts.clock.now();
    const before = this.#idle;
    this.#idle = new Map();
    for (const target of [...this.#parts.destinations]) {
      if (!this.#isUnused(target)) continue;
      const { activity } = target;
      const known = before.get(target);
      const idle = known?.activity === activity ? known : { since: now, activity };
      if (now - idle.since < timeoutOf(target.policy)) this.#idle.set(target, idle);
      else this.#remove(target);
    }
  }

  #isUnused(target: Queue | Topic): boolean {
    const { destination, policy, producers } = target;
    const { gcInactiveDestinations = POLICY_DEFAULTS.gcInactiveDestinations } = policy;
    if (!gcInactiveDestinations || isTemporary(destination) || isAdvisoryName(destination)) {
      return false;
    }
    if (consumerCount(target) > 0 || producers?.hasNamed === true || !target.isEmpty) return false;
    if (!(target instanceof Queue)) return target.durables.size === 0;
    return !target.isPaused && !this.#parts.destinations.isOfVirtualTopic(destination);
  }

  #remove({ destination }: Queue | Topic): void {
    this.#parts.logger.log('info', 'removed a destination that nobody used', {
      destination: destination.key,
    });
    this.#parts.destinations.remove(destination, undefined, false);
  }
}

function timeoutOf({
  inactiveTimeoutBeforeGC = POLICY_DEFAULTS.inactiveTimeoutBeforeGC,
}: {
  readonly inactiveTimeoutBeforeGC?: number;
}): number {
  return inactiveTimeoutBeforeGC;
}
