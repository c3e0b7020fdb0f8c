import { BrokerError, type Destination } from '@batonmq/model';
import type { PolicyEntry } from '../policy/destination-policy.ts';
import { covers, type Policies } from '../policy/policies.ts';
import { POLICY_DEFAULTS } from '../policy/policy-defaults.ts';
import { patternKey } from '../policy/policy-problems.ts';
import { isAdvisoryName } from '../security/reserved-names.ts';

/**
 * How many destinations there may be below the patterns of policies. For a destination the most specific entry
 * that sets `maxDestinations` counts. Advisory topics are not counted.
 */
export class DestinationQuotas {
  readonly #policies: Policies;
  /** Destinations below each entry that has a limit. */
  readonly #counts = new Map<PolicyEntry, number>();

  constructor(policies: Policies) {
    this.#policies = policies;
    for (const entry of policies.entries) if (limitOf(entry) >= 0) this.#counts.set(entry, 0);
  }

  /** @throws `BATON_LIMIT` if there may not be another one like that. */
  requireRoom(target: Destination): void {
    if (this.#counts.size === 0 || isAdvisoryName(target)) return;
    const entry = this.#policies.sourceOf(target, 'maxDestinations');
    const used = entry && this.#counts.get(entry);
    if (entry === undefined || used === undefined || used < limitOf(entry)) return;
    const allowed = limitOf(entry);
    throw new BrokerError(
      'BATON_LIMIT',
      `${target.key} would be destination ${used + 1} of ${patternKey(entry)}; "maxDestinations" allows ${allowed}`,
      { details: { destination: target.key, limit: 'maxDestinations', allowed, used } },
    );
  }

  added(target: Destination): void {
    this.#count(target, 1);
  }

  removed(target: Destination): void {
    this.#count(target, -1);
  }

  #count(target: Destination, change: number): void {
    if (this.#counts.size === 0 || isAdvisoryName(target)) return;
    for (const [entry, count] of this.#counts) {
      if (covers(entry, target)) this.#counts.set(entry, count + change);
    }
  }
}

function limitOf({ maxDestinations = POLICY_DEFAULTS.maxDestinations }: PolicyEntry): number {
  return maxDestinations;
}
