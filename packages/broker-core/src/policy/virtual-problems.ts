import { BrokerError, matchesPattern, parseDestination } from '@batonmq/model';
import { describeProblems, here, within, type Problem } from './shape.ts';
import { VIRTUAL_DESTINATION } from './virtual-shape.ts';
import {
  forwardKey,
  MIRRORED_QUEUES_DEFAULTS,
  VIRTUAL_TOPIC_DEFAULTS,
  withDefaultVirtualTopic,
  type CompositeDestination,
  type MirroredQueues,
  type VirtualDestination,
  type VirtualTopic,
} from './virtual-destination.ts';

/** @throws `BATON_INVALID_OPTION` naming everything that is wrong with the entries. */
export function resolveVirtualDestinations(
  given: readonly VirtualDestination[],
): readonly VirtualDestination[] {
  const problems = [...virtualProblems(given)];
  if (problems.length === 0) return withDefaultVirtualTopic(given);
  const text = `Wrong virtual destinations: ${describeProblems(problems)}`;
  throw new BrokerError('BATON_INVALID_OPTION', text);
}

/** Everything that is wrong with virtual destinations; `path` begins with the place of the entry. */
export function* virtualProblems(entries: unknown): Generator<Problem> {
  if (!Array.isArray(entries)) {
    yield* here('must be a list, each entry with a type');
    return;
  }
  const wellFormed: VirtualDestination[] = [];
  for (const [index, entry] of (entries as readonly unknown[]).entries()) {
    const problems = [...VIRTUAL_DESTINATION(entry)];
    yield* within(index, problems);
    if (problems.length > 0) continue;
    const virtual = entry as VirtualDestination;
    yield* within(index, nameProblems(virtual, wellFormed));
    wellFormed.push(virtual);
  }
  for (const [index, entry] of (entries as readonly unknown[]).entries()) {
    const virtual = wellFormed.find((each) => each === entry);
    if (virtual !== undefined) yield* within(index, loopProblems(virtual, wellFormed));
  }
}

/** The names of the queues of a topic, with `*` where the application stands. */
export function queuesPattern(virtual: VirtualTopic, topic: string): string {
  const { prefix, postfix } = { ...VIRTUAL_TOPIC_DEFAULTS, ...virtual };
  return `${prefix}${topic}${postfix}`;
}

/** The topic on which a queue is mirrored. */
export function mirrorOf(virtual: MirroredQueues, queue: string): string {
  const { prefix, postfix } = { ...MIRRORED_QUEUES_DEFAULTS, ...virtual };
  return `${prefix}${queue}${postfix}`;
}

function* nameProblems(
  virtual: VirtualDestination,
  before: readonly VirtualDestination[],
): Generator<Problem> {
  if (virtual.type === 'mirroredQueues') {
    const { prefix, postfix } = { ...MIRRORED_QUEUES_DEFAULTS, ...virtual };
    if (prefix === '' && postfix === '') yield* here('needs a prefix or a postfix');
    if (`${prefix}${postfix}`.includes('*')) yield* here('names one topic, without *');
    if (before.some(({ type }) => type === virtual.type)) yield* here('may be there once');
    return;
  }
  if (virtual.type === 'virtualTopic') {
    yield* topicProblems(virtual);
    return;
  }
  if (before.some((other) => other.type === virtual.type && other.name === virtual.name)) {
    yield { path: ['name'], message: `is in two entries; put all of forwardTo into one` };
  }
}

function* topicProblems(virtual: VirtualTopic): Generator<Problem> {
  const { prefix, name, postfix, queues, selectorAware, singleSelectorPerDestination } = {
    ...VIRTUAL_TOPIC_DEFAULTS,
    ...virtual,
  };
  if (prefix === '' && postfix === '') yield* here('needs a prefix or a postfix');
  if (singleSelectorPerDestination && !selectorAware) {
    const message = 'has no meaning without "selectorAware: true"';
    yield { path: ['singleSelectorPerDestination'], message };
  }
  for (const [index, queue] of queues.entries()) {
    const isOne = matchesPattern(`${prefix}>`, queue) && !/[*>,?]/.test(queue);
    if (isOne && queue.endsWith(postfix)) continue;
    const path = ['queues', index];
    yield { path, message: `is no queue of a topic ${name}: ${queuesPattern(virtual, name)}` };
  }
}

/**
 * A message that comes back to a composite it was at would never end. Other virtual destinations need
 * no watching by themselves: what a virtual topic puts into its queues is not mirrored, so every circle
 * passes through a composite.
 */
function* loopProblems(
  start: VirtualDestination,
  all: readonly VirtualDestination[],
): Generator<Problem> {
  if (start.type !== 'compositeQueue' && start.type !== 'compositeTopic') return;
  const virtuals = withDefaultVirtualTopic(all);
  for (const [index, forward] of start.forwardTo.entries()) {
    const way = wayBack(start, forwardKey(forward), virtuals, []);
    if (way === undefined) continue;
    const path = ['forwardTo', index];
    yield { path, message: `leads back to ${start.name}: ${way.join(' -> ')}` };
  }
}

/** The way from `at` to a composite, if there is one. */
function wayBack(
  to: CompositeDestination,
  at: string,
  virtuals: readonly VirtualDestination[],
  before: readonly string[],
): readonly string[] | undefined {
  const { key } = parseDestination(at);
  const way = [...before, key];
  if (covers(to, key)) return way;
  if (before.includes(key)) return undefined;
  for (const virtual of virtuals) {
    for (const next of nextOf(virtual, key, virtuals)) {
      const found = wayBack(to, next, virtuals, way);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

function nextOf(
  virtual: VirtualDestination,
  key: string,
  virtuals: readonly VirtualDestination[],
): readonly string[] {
  const { kind, name } = parseDestination(key);
  switch (virtual.type) {
    case 'virtualTopic': {
      const pattern = virtual.name ?? VIRTUAL_TOPIC_DEFAULTS.name;
      const isTopic = kind === 'topic' && overlaps(pattern, name);
      return isTopic ? [`queue://${queuesPattern(virtual, name)}`] : [];
    }
    case 'mirroredQueues':
      return kind === 'queue' && !isOfVirtualTopic(virtuals, name)
        ? [`topic://${mirrorOf(virtual, name)}`]
        : [];
    default:
      return covers(virtual, key) ? virtual.forwardTo.map(forwardKey) : [];
  }
}

/** True for a queue that a virtual topic may fill. */
export function isOfVirtualTopic(virtuals: readonly VirtualDestination[], queue: string): boolean {
  return topicsOfQueue(virtuals, queue).length > 0;
}

/** The virtual topics that may fill a queue. */
export function topicsOfQueue(
  virtuals: readonly VirtualDestination[],
  queue: string,
): readonly VirtualTopic[] {
  return virtuals
    .filter((virtual) => virtual.type === 'virtualTopic')
    .filter((virtual) =>
      topicOf(virtual, queue).some((topic) => matchesPattern(nameOf(virtual), topic)),
    );
}

function nameOf({ name = VIRTUAL_TOPIC_DEFAULTS.name }: VirtualTopic): string {
  return name;
}

/** The topic that a queue is for, if its name has the form of one. */
function topicOf(virtual: VirtualTopic, queue: string): readonly string[] {
  const { prefix, postfix } = { ...VIRTUAL_TOPIC_DEFAULTS, ...virtual };
  if (!queue.endsWith(postfix)) return [];
  const rest = queue.slice(0, queue.length - postfix.length);
  const levels = prefix.split('.');
  const own = rest.split('.');
  const last = levels.pop() ?? '';
  if (own.length <= levels.length) return [];
  if (!levels.every((level, index) => level === '*' || level === own[index])) return [];
  const name = own.slice(levels.length).join('.');
  return name.startsWith(last) ? [name.slice(last.length)] : [];
}

function covers({ type, name }: CompositeDestination, key: string): boolean {
  const target = parseDestination(key);
  const kind = type === 'compositeQueue' ? 'queue' : 'topic';
  return target.kind === kind && overlaps(name, target.name);
}

/** True if there is a name that both patterns cover. */
function overlaps(one: string, other: string): boolean {
  const [first = '', ...rest] = one.split('.');
  const [otherFirst = '', ...otherRest] = other.split('.');
  if (first === '>' || otherFirst === '>') return true;
  if (first !== otherFirst && first !== '*' && otherFirst !== '*') return false;
  if (rest.length === 0 || otherRest.length === 0) {
    return endsHere(rest) && endsHere(otherRest);
  }
  return overlaps(rest.join('.'), otherRest.join('.'));
}

/** A final `>` stands for no further level too. */
function endsHere(rest: readonly string[]): boolean {
  return rest.length === 0 || (rest.length === 1 && rest[0] === '>');
}
