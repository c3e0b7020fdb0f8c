import { BrokerError, matchesPattern, type Destination } from '@batonmq/model';
import type { BrokerSettings } from '../options.ts';
import type { DestinationPolicy, PolicyEntry } from './destination-policy.ts';
import { mergePolicies } from './merge.ts';
import { policyDefaults, REDELIVERY_DEFAULTS } from './policy-defaults.ts';
import { patternKey, policyProblems } from './policy-problems.ts';
import { describeProblems, isMapping } from './shape.ts';

/** One value that is in force for a destination. */
export interface EffectiveValue {
  /** `null` is none: no limit, or the client's own value. */
  readonly value: unknown;
  /** `default`, or the pattern of the entry that sets it: `queue://orders.>`. */
  readonly source: string;
}

/** Every value in force, by its name; `redeliveryPolicy` by the names within it, if there is one. */
export type EffectivePolicy = Readonly<Record<string, EffectiveValue>>;

/**
 * The policies of a broker. Every entry that covers a destination counts; of each value the one of
 * the most specific entry (`compareSpecificity`) is in force, whatever the order of the entries.
 */
export class Policies {
  readonly #entries: readonly PolicyEntry[];
  readonly #settings: BrokerSettings;

  /** @throws `BATON_INVALID_OPTION` naming everything that is wrong with the entries. */
  constructor(entries: readonly PolicyEntry[], settings: BrokerSettings) {
    const problems = [...policyProblems(entries, settings)];
    if (problems.length > 0) {
      const text = `Wrong policies: ${describeProblems(problems)}`;
      throw new BrokerError('BATON_INVALID_OPTION', text);
    }
    this.#entries = entries;
    this.#settings = settings;
  }

  get entries(): readonly PolicyEntry[] {
    return this.#entries;
  }

  /** What is set for a concrete destination. Ask once per destination and keep it. */
  of(target: Destination): DestinationPolicy {
    return mergePolicies(this.#covering(target)).policy;
  }

  /** The entry whose value of an option is in force for a concrete destination; none if it is the default. */
  sourceOf(target: Destination, option: keyof DestinationPolicy): PolicyEntry | undefined {
    return mergePolicies(this.#covering(target)).sources.get(option);
  }

  /** Every value in force for a concrete destination, set or not, and where it is from. */
  effective(target: Destination): EffectivePolicy {
    const { policy, sources } = mergePolicies(this.#covering(target));
    const effective: Record<string, EffectiveValue> = {};
    const tell = (name: string, value: unknown): void => {
      const entry = sources.get(name);
      effective[name] = {
        value: value ?? null,
        source: entry === undefined ? 'default' : patternKey(entry),
      };
    };
    for (const [name, value] of Object.entries({ ...policyDefaults(this.#settings), ...policy })) {
      if (name !== 'redeliveryPolicy' || !isMapping(value)) {
        tell(name, value);
        continue;
      }
      for (const [part, each] of Object.entries({ ...REDELIVERY_DEFAULTS, ...value })) {
        tell(`${name}.${part}`, each);
      }
    }
    return effective;
  }

  #covering(target: Destination): readonly PolicyEntry[] {
    return this.#entries.filter((entry) => covers(entry, target));
  }
}

/** Temporary destinations are queues and topics here. */
export function covers({ queue, topic }: PolicyEntry, { kind, name }: Destination): boolean {
  const pattern = kind === 'queue' || kind === 'temp-queue' ? queue : topic;
  return pattern !== undefined && matchesPattern(pattern, name);
}
