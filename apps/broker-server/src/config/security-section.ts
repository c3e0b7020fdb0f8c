import {
  authorizationProblems,
  resolveSecurityOptions,
  SECURITY_DEFAULTS,
  type AuthorizationEntry,
  type Permissions,
  type Problem,
  type SecurityOptions,
} from '@batonmq/broker-core';
import {
  resolveUsersFileOptions,
  USERS_FILE_DEFAULTS,
  type UsersFileOptions,
} from '@batonmq/users-file';
import { isMapping, optionProblems, type Options } from './option-section.ts';

/** Who is let in, and to what. */
export interface SecuritySection extends SecurityOptions, UsersFileOptions {
  /** File of users. Without one there are only guests. */
  readonly users?: string;
  /** Rights by destination. Without it, everybody who is let in may do everything. */
  readonly authorization?: readonly AuthorizationEntry[];
  /** Rights to temporary destinations; only beside `authorization`. @defaultValue everybody */
  readonly tempDestinations?: Permissions;
  /** Groups that may use the interface for operators. @defaultValue ['admins'] */
  readonly adminGroups?: readonly string[];
}

/** What means something by not being there. */
type Unset = 'users' | 'authorization' | 'tempDestinations';

export const SECURITY_SECTION_DEFAULTS: Required<Omit<SecuritySection, Unset>> = {
  ...SECURITY_DEFAULTS,
  ...USERS_FILE_DEFAULTS,
  adminGroups: ['admins'],
};

/** A section with every option that has a default. */
export function effectiveSecurity(
  section: SecuritySection,
): Required<Omit<SecuritySection, Unset>> & Pick<SecuritySection, Unset> {
  return { ...SECURITY_SECTION_DEFAULTS, ...section };
}

const OWN = ['users', 'authorization', 'tempDestinations', 'adminGroups'];

/** Everything that is wrong with what should be a {@link SecuritySection}. */
export function* securityProblems(section: unknown): Generator<Problem> {
  if (!isMapping(section)) {
    yield { path: [], message: 'must be options, each as name: value' };
    return;
  }
  const { users, authorization, tempDestinations, adminGroups } = section;
  if (users !== undefined && (typeof users !== 'string' || users === '')) {
    yield { path: ['users'], message: 'must be the path of a file' };
  }
  if (adminGroups !== undefined && !isListOfNames(adminGroups)) {
    yield { path: ['adminGroups'], message: 'must be a list of groups' };
  }
  yield* rightsProblems(authorization, tempDestinations);
  const unknown = Object.keys(section).filter((name) => !isKnown(name));
  for (const name of unknown) {
    yield { path: [name], message: `is unknown; these are known: ${KNOWN.join(', ')}` };
  }
  yield* optionProblems(only(section, SECURITY_DEFAULTS), resolveSecurityOptions);
  yield* optionProblems(only(section, USERS_FILE_DEFAULTS), resolveUsersFileOptions);
  if (users === undefined && section['anonymousAccessAllowed'] !== true) {
    yield { path: [], message: 'needs users, or anonymousAccessAllowed: nobody could log in' };
  }
}

function* rightsProblems(authorization: unknown, tempDestinations: unknown): Generator<Problem> {
  if (authorization === undefined && tempDestinations !== undefined) {
    yield { path: ['tempDestinations'], message: 'means nothing without authorization' };
    return;
  }
  for (const { path, message } of authorizationProblems({
    entries: authorization ?? [],
    tempDestinations,
  })) {
    const [first, ...rest] = path;
    yield { path: [first === 'entries' ? 'authorization' : 'tempDestinations', ...rest], message };
  }
}

const KNOWN = [...OWN, ...Object.keys(SECURITY_DEFAULTS), ...Object.keys(USERS_FILE_DEFAULTS)];

function isKnown(name: string): boolean {
  return KNOWN.includes(name);
}

function only(section: Options, like: object): Options {
  return Object.fromEntries(Object.entries(section).filter(([name]) => Object.hasOwn(like, name)));
}

function isListOfNames(value: unknown): boolean {
  return Array.isArray(value) && value.every((name) => typeof name === 'string' && name !== '');
}
