import { BrokerError } from './broker-error.ts';

export type DestinationKind = 'queue' | 'topic' | 'temp-queue' | 'temp-topic';

/**
 * Where messages are sent to and consumed from. `name` may hold wildcards (`*` one level, a final
 * `>` any further levels) where a consumer uses it, and a comma-separated list (a composite).
 * `key` is the text form `queue://A.B`, equal for equal destinations.
 */
export interface Destination {
  readonly kind: DestinationKind;
  readonly name: string;
  readonly key: string;
}

const PREFIXES: readonly (readonly [string, DestinationKind])[] = [
  ['queue://', 'queue'],
  ['topic://', 'topic'],
  ['temp-queue://', 'temp-queue'],
  ['temp-topic://', 'temp-topic'],
];

export function destination(kind: DestinationKind, name: string): Destination {
  if (name.length === 0) {
    throw new BrokerError(
      'BATON_INVALID_DESTINATION',
      `A ${kind} needs a name; the name given is empty`,
    );
  }
  return { kind, name, key: `${kind}://${name}` };
}

/** Reads `queue://A`, `topic://A`, `temp-queue://A`, `temp-topic://A`; a bare name is a queue unless `bare` says otherwise. */
export function parseDestination(text: string, bare: DestinationKind = 'queue'): Destination {
  for (const [prefix, kind] of PREFIXES) {
    if (text.startsWith(prefix)) return destination(kind, text.slice(prefix.length));
  }
  return destination(bare, text);
}

export function isQueue(target: Destination): boolean {
  return target.kind === 'queue' || target.kind === 'temp-queue';
}

export function isTemporary(target: Destination): boolean {
  return target.kind === 'temp-queue' || target.kind === 'temp-topic';
}

export function isComposite(target: Destination): boolean {
  return target.name.includes(',');
}

/** The parts of a composite, each once, in order; a destination that is not composite is its own only part. */
export function compositeParts(target: Destination): readonly Destination[] {
  if (!isComposite(target)) return [target];
  const parts = new Map<string, Destination>();
  for (const text of target.name.split(',')) {
    const part = parseDestination(text.trim(), target.kind);
    parts.set(part.key, part);
  }
  return [...parts.values()];
}

/** True if the name holds `*` or a final `>` as a whole level. */
export function isWildcard(target: Destination): boolean {
  return target.name
    .split('.')
    .some(
      (level, index, levels) => level === '*' || (level === '>' && index === levels.length - 1),
    );
}

/** True if `pattern` (of the same kind) covers the concrete `name`: `A.>` covers `A`, `A.B` and `A.B.C`. */
export function matchesPattern(pattern: string, name: string): boolean {
  const want = pattern.split('.');
  const have = name.split('.');
  for (const [index, level] of want.entries()) {
    if (level === '>' && index === want.length - 1) return true;
    if (index >= have.length) return false;
    if (level !== '*' && level !== have[index]) return false;
  }
  return want.length === have.length;
}
