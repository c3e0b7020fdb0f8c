import { matchesPattern, type Destination } from '@batonmq/model';
import type { DestinationPolicy, PolicyEntry } from './destination-policy.ts';

/**
 * The policies of a broker. Every entry that covers a destination counts, the most specific last: it
 * overrides single values of the others, not all of them.
 */
export class Policies {
  readonly #entries: readonly PolicyEntry[];

  constructor(entries: readonly PolicyEntry[]) {
    this.#entries = entries;
  }

  /** What is set for a concrete destination. Ask once per destination and keep it. */
  of(target: Destination): DestinationPolicy {
    const covering = this.#entries.filter((entry) => covers(entry, target));
    return Object.assign({}, ...covering) as DestinationPolicy;
  }
}

function covers({ queue, topic }: PolicyEntry, { kind, name }: Destination): boolean {
  const pattern = kind === 'queue' || kind === 'temp-queue' ? queue : topic;
  return pattern !== undefined && matchesPattern(pattern, name);
}
