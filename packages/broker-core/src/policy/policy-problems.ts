import { matchesPattern } from '@batonmq/model';
import type { DestinationPolicy, PolicyEntry } from './destination-policy.ts';
import { mergePolicies } from './merge.ts';
import { REDELIVERY_DEFAULTS } from './policy-defaults.ts';
import { POLICY_NAMES, POLICY_SHAPE } from './policy-shape.ts';
import { here, isMapping, pattern, within, type Problem } from './shape.ts';

/** What policies are measured against. */
export interface PolicyBounds {
  readonly memoryLimitBytes: number;
}

/** Everything that is wrong with the policies of a broker; `path` begins with the place of the entry. */
export function* policyProblems(entries: unknown, bounds: PolicyBounds): Generator<Problem> {
  if (!Array.isArray(entries)) {
    yield* here('must be a list, each entry with a queue or a topic');
    return;
  }
  const wellFormed: PolicyEntry[] = [];
  for (const [index, entry] of (entries as readonly unknown[]).entries()) {
    const problems = [...entryProblems(entry)];
    yield* within(index, problems);
    if (problems.length > 0) continue;
    yield* within(index, relationProblems(entry as PolicyEntry, wellFormed, bounds));
    wellFormed.push(entry as PolicyEntry);
  }
  yield* mergedProblems(entries as readonly PolicyEntry[], wellFormed);
}

/** The text of a policy's place, as people call it: `queue://orders.>`. */
export function patternKey({ queue, topic }: PolicyEntry): string {
  return queue === undefined ? `topic://${topic}` : `queue://${queue}`;
}

function* entryProblems(entry: unknown): Generator<Problem> {
  if (!isMapping(entry)) {
    yield* here('must be a policy with a queue or a topic it is for');
    return;
  }
  const { queue, topic, ...policy } = entry;
  if ((queue === undefined) === (topic === undefined)) {
    yield* here('must name either a queue or a topic it is for');
  }
  if (queue !== undefined) yield* within('queue', pattern(queue));
  if (topic !== undefined) yield* within('topic', pattern(topic));
  const kind = topic === undefined ? 'queue' : 'topic';
  for (const [key, value] of Object.entries(policy)) {
    if (!Object.hasOwn(POLICY_SHAPE, key)) {
      yield {
        path: [key],
        message: `is not an option of a policy; these are: ${POLICY_NAMES.join(', ')}`,
      };
      continue;
    }
    const [scope, shape] = POLICY_SHAPE[key as keyof DestinationPolicy];
    if (value === undefined) continue;
    if (scope !== 'both' && scope !== kind) {
      yield { path: [key], message: `means something for a ${scope} only` };
    }
    yield* within(key, shape(value));
  }
}

function* relationProblems(
  entry: PolicyEntry,
  before: readonly PolicyEntry[],
  bounds: PolicyBounds,
): Generator<Problem> {
  const key = patternKey(entry);
  if (before.some((other) => patternKey(other) === key)) {
    yield* here(`is the second entry for ${key}; which of them counts would be a matter of chance`);
  }
  if ((entry.memoryLimit ?? 0) > bounds.memoryLimitBytes) {
    const message = `must not be greater than "memoryLimitBytes" of the broker, ${bounds.memoryLimitBytes}`;
    yield { path: ['memoryLimit'], message };
  }
  yield* contradictions(entry);
}

/** Values that do not go together, in one entry or in what several make together. */
function* contradictions(policy: DestinationPolicy): Generator<Problem> {
  if (policy.sendFailIfNoSpace === true && policy.sendFailIfNoSpaceAfterTimeout !== undefined) {
    const message = 'has no meaning beside "sendFailIfNoSpace: true", which refuses at once';
    yield { path: ['sendFailIfNoSpaceAfterTimeout'], message };
  }
  if (policy.redeliveryPolicy === undefined) return;
  const { initialRedeliveryDelay, maximumRedeliveryDelay, useExponentialBackOff } = {
    ...REDELIVERY_DEFAULTS,
    ...policy.redeliveryPolicy,
  };
  if (maximumRedeliveryDelay >= 0 && maximumRedeliveryDelay < initialRedeliveryDelay) {
    const message = `must not be less than "initialRedeliveryDelay", ${initialRedeliveryDelay}`;
    yield { path: ['redeliveryPolicy', 'maximumRedeliveryDelay'], message };
  }
  if (policy.redeliveryPolicy.backOffMultiplier !== undefined && !useExponentialBackOff) {
    const message = 'has no meaning without "useExponentialBackOff: true"';
    yield { path: ['redeliveryPolicy', 'backOffMultiplier'], message };
  }
}

/** What an entry contradicts in the less specific entries that it stands on. */
function* mergedProblems(
  all: readonly PolicyEntry[],
  wellFormed: readonly PolicyEntry[],
): Generator<Problem> {
  for (const entry of wellFormed) {
    if ([...contradictions(entry)].length > 0) continue;
    const below = wellFormed.filter((other) => other !== entry && coversPattern(other, entry));
    if (below.length === 0) continue;
    const merged = mergePolicies([...below, entry]);
    yield* within(all.indexOf(entry), contradictions(merged.policy));
  }
}

function coversPattern(one: PolicyEntry, other: PolicyEntry): boolean {
  const covering = other.queue === undefined ? one.topic : one.queue;
  return covering !== undefined && matchesPattern(covering, other.queue ?? other.topic);
}
