import { BrokerError } from '@batonmq/model';

/** Limits of a {@link UsersFile}. All are whole numbers. */
export interface UsersFileOptions {
  /** Hashes computed at the same time, 1 to 16; each takes a thread of Node's pool and 16 MiB. @defaultValue 2 */
  readonly hashesAtOnceMax?: number;
  /** Logins that wait for theirs; one more is refused with `BATON_LIMIT`. From 0. @defaultValue 1000 */
  readonly hashesWaitingMax?: number;
  /**
   * Passwords that were right and are recognised when they come again, without another hash, so that all
   * clients can come back at once after a takeover. 0 hashes each time.
   *
   * @defaultValue 10 000
   */
  readonly verifiedPasswordsMax?: number;
  /** How old the look at the file may be, in milliseconds from 0; who is taken out of it may log in as long. @defaultValue 1000 */
  readonly checkIntervalMs?: number;
}

/** Complete and checked {@link UsersFileOptions}. */
export type UsersFileSettings = Readonly<Required<UsersFileOptions>>;

export const USERS_FILE_DEFAULTS: UsersFileSettings = Object.freeze({
  hashesAtOnceMax: 2,
  hashesWaitingMax: 1000,
  verifiedPasswordsMax: 10_000,
  checkIntervalMs: 1000,
});

const RANGES: Readonly<Record<keyof UsersFileSettings, readonly [number, number]>> = {
  hashesAtOnceMax: [1, 16],
  hashesWaitingMax: [0, 100_000],
  verifiedPasswordsMax: [0, 1_000_000],
  checkIntervalMs: [0, 3_600_000],
};

/** @throws `BATON_INVALID_OPTION` naming everything that is wrong. */
export function resolveUsersFileOptions(options: UsersFileOptions = {}): UsersFileSettings {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  const problems = given.flatMap(([name, value]: [string, unknown]) => {
    if (!Object.hasOwn(RANGES, name)) return [`"${name}" is unknown`];
    const [least, most] = RANGES[name as keyof UsersFileSettings];
    const isAllowed =
      typeof value === 'number' && Number.isSafeInteger(value) && value >= least && value <= most;
    return isAllowed ? [] : [`"${name}" must be a whole number from ${least} to ${most}`];
  });
  if (problems.length > 0) throw new BrokerError('BATON_INVALID_OPTION', problems.join('; '));
  return Object.freeze({ ...USERS_FILE_DEFAULTS, ...Object.fromEntries(given) });
}
