import type { DestinationPolicy, PolicyEntry } from './destination-policy.ts';
import { isMapping } from './shape.ts';
import { compareSpecificity } from './specificity.ts';

/** What several entries make together. */
export interface MergedPolicy {
  readonly policy: DestinationPolicy;
  /** Which entry each value is from; of a value that is merged, by its path (`redeliveryPolicy.redeliveryDelay`). */
  readonly sources: ReadonlyMap<string, PolicyEntry>;
}

/**
 * Options whose values are options themselves, each to be set alone. The strategies are not among
 * them: a strategy is chosen by its `type`, and what was said for another does not fit it.
 */
const MERGED_WITHIN: ReadonlySet<string> = new Set(['redeliveryPolicy']);

/** Merges entries that cover one destination: of each value the one of the most specific entry counts. */
export function mergePolicies(covering: readonly PolicyEntry[]): MergedPolicy {
  const policy: Record<string, unknown> = {};
  const sources = new Map<string, PolicyEntry>();
  for (const entry of [...covering].sort(bySpecificity)) {
    for (const [key, value] of Object.entries(entry)) {
      if (value === undefined || key === 'queue' || key === 'topic') continue;
      if (MERGED_WITHIN.has(key) && isMapping(value)) {
        policy[key] = { ...(policy[key] as object), ...value };
        for (const name of Object.keys(value)) sources.set(`${key}.${name}`, entry);
        continue;
      }
      policy[key] = value;
      sources.set(key, entry);
    }
  }
  return { policy, sources };
}

/** The least specific first. */
function bySpecificity(one: PolicyEntry, other: PolicyEntry): number {
  return compareSpecificity(patternOf(one), patternOf(other));
}

function patternOf({ queue, topic }: PolicyEntry): string {
  return queue ?? topic;
}
