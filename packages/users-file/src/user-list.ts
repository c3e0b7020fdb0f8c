import { BrokerError } from '@batonmq/model';
import { formatPasswordHash, parsePasswordHash, type PasswordHash } from './password-hash.ts';

// One user a line, UTF-8; empty lines and lines that begin with # are passed over:
//
//   NAME:HASH:GROUP,GROUP            logs in with a password
//   NAME:-:GROUP,GROUP:SUBJECT       logs in with a TLS certificate of that subject (RFC 4514)
//   NAME:HASH:GROUP,GROUP:SUBJECT    either
//
// Names and groups hold no colon, comma or control character; the subject is the rest of its line.

/** A user as the file has it. */
export interface User {
  readonly name: string;
  /** None for one who has no password to log in with. */
  readonly password: PasswordHash | undefined;
  readonly groups: readonly string[];
  readonly certificateSubject: string | undefined;
}

const NO_PASSWORD = '-';

/** Larger ones would make each reading noticeable. */
export const USERS_MAX = 100_000;

/** @throws `BATON_INVALID_OPTION` naming every line that is wrong; never with what stands in it. */
export function parseUserList(text: string): readonly User[] {
  const users = new Map<string, User>();
  const subjects = new Set<string>();
  const problems: string[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const user = parseUser(line);
    if (typeof user === 'string') {
      problems.push(`line ${index + 1} ${user}`);
      continue;
    }
    if (users.has(user.name)) problems.push(`line ${index + 1} names a user for the second time`);
    const { certificateSubject: subject } = user;
    if (subject !== undefined && subjects.has(subject)) {
      problems.push(`line ${index + 1} names a certificate for the second time`);
    }
    users.set(user.name, user);
    if (subject !== undefined) subjects.add(subject);
  }
  if (users.size > USERS_MAX) problems.push(`it has more than ${USERS_MAX} users`);
  if (problems.length > 0) throw new BrokerError('BATON_INVALID_OPTION', problems.join('; '));
  return [...users.values()];
}

export function formatUser({ name, password, groups, certificateSubject }: User): string {
  const hash = password === undefined ? NO_PASSWORD : formatPasswordHash(password);
  const fields = [name, hash, groups.join(',')];
  if (certificateSubject !== undefined) fields.push(certificateSubject);
  return fields.join(':');
}

/** The text with a user's line changed, added at the end, or taken out; comments and order stay. */
export function withUser(text: string, name: string, user: User | undefined): string {
  const lines = text === '' ? [] : text.replace(/\n$/, '').split('\n');
  const at = lines.findIndex((line) => line.startsWith(`${name}:`));
  const changed = user === undefined ? [] : [formatUser(user)];
  lines.splice(at < 0 ? lines.length : at, at < 0 ? 0 : 1, ...changed);
  return lines.map((line) => `${line}\n`).join('');
}

/** What is wrong with a name of a user or group; nothing if it may be used. */
export function nameProblem(name: string): string | undefined {
  if (name === '' || name.length > 128) return 'must have 1 to 128 characters';
  if (/[:,\p{C}]/u.test(name)) return 'must not hold colons, commas or control characters';
  if (name.startsWith('#') || name.trim() !== name) return 'must not begin with # or a space';
  return undefined;
}

/** The user, or what is wrong with its line. */
function parseUser(line: string): User | string {
  const [name = '', hash, groupList, ...rest] = line.split(':');
  if (hash === undefined || groupList === undefined) return 'is not NAME:HASH:GROUPS';
  const problem = nameProblem(name);
  if (problem !== undefined) return `has a name that ${problem}`;
  const password = hash === NO_PASSWORD ? undefined : parsePasswordHash(hash);
  if (password === undefined && hash !== NO_PASSWORD) return 'has a hash that cannot be used';
  const groups = groupList === '' ? [] : groupList.split(',').map((group) => group.trim());
  const wrongGroup = groups.map(nameProblem).find((wrong) => wrong !== undefined);
  if (wrongGroup !== undefined) return `has a group that ${wrongGroup}`;
  const certificateSubject = rest.length === 0 ? undefined : rest.join(':').trim();
  if (certificateSubject === '') return 'has an empty certificate subject';
  if (password === undefined && certificateSubject === undefined) return 'gives no way to log in';
  return { name, password, groups, certificateSubject };
}
