import {
  BrokerError,
  isQueue,
  isTemporary,
  isWildcard,
  matchesPattern,
  type Destination,
} from '@batonmq/model';
import { describeProblems } from '../policy/shape.ts';
import { authorizationProblems } from './authorization-problems.ts';
import { ADVISORY_PREFIX, isAdvisoryName } from './reserved-names.ts';
import type { Action, Authorizer, Principal } from './security.ts';

/** Groups that may do something; `*` is everybody who was let in, guests too. */
export interface Permissions {
  /** Consume and browse. @defaultValue nobody */
  readonly read?: readonly string[];
  /** Send. @defaultValue nobody */
  readonly write?: readonly string[];
  /** Create and remove; also by being the first to use a destination. @defaultValue nobody */
  readonly admin?: readonly string[];
}

/** Who may use the destinations of a pattern: `{ queue: 'orders.>', read: ['workers'] }`. */
export type AuthorizationEntry = Permissions &
  (
    | { readonly queue: string; readonly topic?: never }
    | { readonly topic: string; readonly queue?: never }
  );

export interface AuthorizationOptions {
  readonly entries: readonly AuthorizationEntry[];
  /** Who may use temporary destinations. @defaultValue everybody who was let in */
  readonly tempDestinations?: Permissions;
}

const EVERYBODY = '*';

/** In force unless an entry names advisory topics: clients need them. */
const ADVISORY_ENTRY: AuthorizationEntry = { topic: `${ADVISORY_PREFIX}>`, read: [EVERYBODY] };
/** The advisories that show messages of others, and so what only their readers may see. */
const SHOWING_MESSAGES = new Set([
  'Expired',
  'MessageDLQd',
  'MessageDelivered',
  'MessageDispatched',
  'MessageConsumed',
  'MessageDiscarded',
  'NoConsumer',
]);

/**
 * Rights by patterns of destinations, as ActiveMQ's `authorizationEntry` gives them: the groups of all entries
 * that cover a destination are united, and where none covers it nobody may do anything.
 *
 * Advisory topics (`ActiveMQ.Advisory.…`) are covered only by entries whose pattern begins with that name.
 * Without any such entry everybody may read them, but for those that show messages, and nobody may send to them.
 *
 * @throws `BATON_INVALID_OPTION` naming everything that is wrong.
 */
export function authorizationEntries(options: AuthorizationOptions): Authorizer {
  const problems = [...authorizationProblems(options)];
  if (problems.length > 0) {
    throw new BrokerError('BATON_INVALID_OPTION', describeProblems(problems));
  }
  return new EntriesAuthorizer(options);
}

class EntriesAuthorizer implements Authorizer {
  readonly #entries: readonly AuthorizationEntry[];
  readonly #temporary: Permissions | undefined;
  readonly #hasAdvisoryEntry: boolean;

  constructor({ entries, tempDestinations }: AuthorizationOptions) {
    this.#entries = entries;
    this.#temporary = tempDestinations;
    this.#hasAdvisoryEntry = entries.some(namesAdvisories);
  }

  isAllowed(principal: Principal, action: Action, target: Destination): boolean {
    if (isTemporary(target)) {
      return this.#temporary === undefined || permits(this.#temporary, action, principal);
    }
    return this.#entriesFor(target).some((entry) => permits(entry, action, principal));
  }

  #entriesFor(target: Destination): readonly AuthorizationEntry[] {
    if (!isAdvisoryName(target)) return this.#entries.filter((entry) => covers(entry, target));
    if (this.#hasAdvisoryEntry) {
      return this.#entries.filter((entry) => namesAdvisories(entry) && covers(entry, target));
    }
    return showsMessages(target) ? [] : [ADVISORY_ENTRY];
  }
}

function namesAdvisories({ topic }: AuthorizationEntry): boolean {
  return topic?.startsWith(ADVISORY_PREFIX) === true;
}

function showsMessages({ name }: Destination): boolean {
  const [family = ''] = name.slice(ADVISORY_PREFIX.length).split('.');
  return SHOWING_MESSAGES.has(family);
}

function permits(permissions: Permissions, action: Action, { groups }: Principal): boolean {
  const allowed = permissions[action] ?? [];
  return allowed.includes(EVERYBODY) || groups.some((group) => allowed.includes(group));
}

function covers({ queue, topic }: AuthorizationEntry, target: Destination): boolean {
  const pattern = isQueue(target) ? queue : topic;
  if (pattern === undefined) return false;
  return isWildcard(target)
    ? overlap(pattern.split('.'), target.name.split('.'))
    : matchesPattern(pattern, target.name);
}

/** Whether some name is covered by both patterns. */
function overlap(one: readonly string[], other: readonly string[]): boolean {
  const [first, ...rest] = one;
  const [otherFirst, ...otherRest] = other;
  if (isRest(one) || isRest(other)) return true;
  if (first === undefined || otherFirst === undefined) return first === otherFirst;
  const agree = first === otherFirst || first === '*' || otherFirst === '*';
  return agree && overlap(rest, otherRest);
}

function isRest(levels: readonly string[]): boolean {
  return levels.length === 1 && levels[0] === '>';
}
