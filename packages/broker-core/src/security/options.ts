import { BrokerError } from '@batonmq/model';

/** Rules of letting clients in. Times are milliseconds. */
export interface SecurityOptions {
  /** Whether clients without user name, password and certificate are let in, as guests. @defaultValue false */
  readonly anonymousAccessAllowed?: boolean;
  /** User name of guests. @defaultValue 'anonymous' */
  readonly anonymousUser?: string;
  /** Groups of guests. @defaultValue ['anonymous'] */
  readonly anonymousGroups?: readonly string[];
  /** How long finding out who a client is may take, from 1. @defaultValue 10 000 */
  readonly authenticationTimeoutMs?: number;
  /** Logins in progress; one more is refused with `BATON_LIMIT`. @defaultValue 2000 */
  readonly authenticationsMax?: number;
  /** Connections of one user, guests together being one; one more is refused with `BATON_LIMIT`. @defaultValue 10 000 */
  readonly connectionsPerUserMax?: number;
  /**
   * Failed logins of a user from an address, and ten times as many of the address in all, after which the
   * next one has to wait. What comes sooner is refused unseen.
   *
   * @defaultValue 5
   */
  readonly failedLoginsMax?: number;
  /** The first such wait; each failure doubles it. @defaultValue 1000 */
  readonly failedLoginBackOffMs?: number;
  /** The longest such wait. All are forgotten twice that long after the last failure. @defaultValue 60 000 */
  readonly failedLoginBackOffMaxMs?: number;
  /** Addresses, and users at addresses, whose failures are remembered; the oldest are forgotten first. @defaultValue 10 000 */
  readonly failedLoginsTrackedMax?: number;
}

/** Complete and checked {@link SecurityOptions}. */
export type SecuritySettings = Readonly<Required<SecurityOptions>>;

export const SECURITY_DEFAULTS: SecuritySettings = Object.freeze({
  anonymousAccessAllowed: false,
  anonymousUser: 'anonymous',
  anonymousGroups: Object.freeze(['anonymous']),
  authenticationTimeoutMs: 10_000,
  authenticationsMax: 2000,
  connectionsPerUserMax: 10_000,
  failedLoginsMax: 5,
  failedLoginBackOffMs: 1000,
  failedLoginBackOffMaxMs: 60_000,
  failedLoginsTrackedMax: 10_000,
});

/** @throws `BATON_INVALID_OPTION` naming everything that is wrong with the options. */
export function resolveSecurityOptions(options: SecurityOptions = {}): SecuritySettings {
  const given = Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  );
  const settings: SecuritySettings = { ...SECURITY_DEFAULTS, ...given };
  const problems = Object.entries(settings).flatMap(([name, value]) => problemsOf(name, value));
  if (settings.failedLoginBackOffMs > settings.failedLoginBackOffMaxMs) {
    problems.push('"failedLoginBackOffMs" must not be greater than "failedLoginBackOffMaxMs"');
  }
  if (problems.length > 0) {
    throw new BrokerError('BATON_INVALID_OPTION', `Wrong security options: ${problems.join('; ')}`);
  }
  return Object.freeze(settings);
}

function problemsOf(name: string, value: unknown): string[] {
  if (!Object.hasOwn(SECURITY_DEFAULTS, name)) return [`"${name}" is unknown`];
  const wanted = SECURITY_DEFAULTS[name as keyof SecuritySettings];
  if (Array.isArray(wanted)) {
    const isList = Array.isArray(value) && value.every(isName);
    return isList ? [] : [`"${name}" must be a list of names`];
  }
  if (typeof wanted === 'string') return isName(value) ? [] : [`"${name}" must be a name`];
  if (typeof wanted === 'boolean') {
    return typeof value === 'boolean' ? [] : [`"${name}" must be true or false`];
  }
  const isCount = typeof value === 'number' && Number.isSafeInteger(value) && value >= 1;
  return isCount && value < 2 ** 31
    ? []
    : [`"${name}" must be a whole number from 1 up, not ${String(value)}`];
}

function isName(value: unknown): boolean {
  return typeof value === 'string' && value.trim() !== '';
}
