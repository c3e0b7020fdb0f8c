import { BrokerError } from '@batonmq/model';
import { oracleProblems } from './database/oracle/option-problems.ts';
import { parseLocation, type DatabaseLocation } from './location.ts';

/** What may be set about a database that brokers share. Everything but `database` has a default. */
export interface JdbcLockStoreOptions {
  /**
   * Where the database is: `postgres://user:password@host:port,host2:port/database`, `mysql://…` (MariaDB too),
   * `oracle://user:password@host:port/service`, `sqlite:FILE`; or the same as an object. Characters that mean something
   * in a URL are percent-encoded in it. Of several hosts the first that takes writes is used.
   */
  readonly database: string | DatabaseLocation;
  /** Instead of one in the URL. */
  readonly user?: string;
  /** Instead of one in the URL. */
  readonly password?: string;
  /**
   * Whether connections are encrypted. `verified`: the certificate of the server has to be valid for the
   * host; `unverified`: anybody may answer, only listeners are kept out. Not for SQLite; for Oracle not `unverified`.
   * @defaultValue 'off'
   */
  readonly tls?: 'off' | 'verified' | 'unverified';
  /** File with the certificates (PEM) that vouch for the server. @defaultValue those of Node.js */
  readonly tlsCaFile?: string;
  /**
   * What the names of all tables start with: a lower-case letter, then lower-case letters, digits and
   * underscores, 20 characters at most, 18 for Oracle. Brokers with the same prefix in the same database share their messages.
   * @defaultValue 'baton_'
   */
  readonly tablePrefix?: string;
  /**
   * How long a holder of the lease may be silent before another broker takes its place, milliseconds, 300 to
   * 600,000, by the clock of the database. It bounds the takeover from a holder that is frozen or cut off, and
   * from every holder where the database has no session lock (Galera, group replication, Oracle). From a
   * holder that died a session lock lets the next in line take over at once.
   * @defaultValue 10000
   */
  readonly leaseDurationMs?: number;
  /** How often the holder renews its lease, milliseconds, from 10. At most a third of `leaseDurationMs`. @defaultValue 1000 */
  readonly keepAliveIntervalMs?: number;
  /**
   * How often one that waits reads the lease, milliseconds, from 5, beside the wake-up by a session lock. At
   * most a third of `leaseDurationMs`.
   * @defaultValue 500
   */
  readonly pollIntervalMs?: number;
  /** How long a connection may take to be made, milliseconds, 100 to 60,000. @defaultValue 5000 */
  readonly connectTimeoutMs?: number;
}

/** {@link JdbcLockStoreOptions} with every default filled in. */
export interface JdbcLockStoreSettings {
  readonly location: DatabaseLocation;
  readonly tls: 'off' | 'verified' | 'unverified';
  readonly tlsCaFile: string | undefined;
  readonly tablePrefix: string;
  readonly leaseDurationMs: number;
  readonly keepAliveIntervalMs: number;
  readonly pollIntervalMs: number;
  readonly connectTimeoutMs: number;
}

export const JDBC_LOCK_STORE_DEFAULTS = Object.freeze({
  tls: 'off',
  tablePrefix: 'baton_',
  leaseDurationMs: 10_000,
  keepAliveIntervalMs: 1_000,
  pollIntervalMs: 500,
  connectTimeoutMs: 5_000,
} as const satisfies Omit<JdbcLockStoreOptions, 'database'>);

type CompleteOptions = JdbcLockStoreOptions &
  Required<Omit<JdbcLockStoreOptions, 'database' | 'user' | 'password' | 'tlsCaFile'>>;

/** Least and greatest allowed value of each number, milliseconds. */
const RANGES = {
  leaseDurationMs: [300, 600_000],
  keepAliveIntervalMs: [10, 600_000],
  pollIntervalMs: [5, 600_000],
  connectTimeoutMs: [100, 60_000],
} as const;

const TLS: readonly unknown[] = ['off', 'verified', 'unverified'];
const TABLE_PREFIX = /^[a-z][a-z0-9_]{0,19}$/;
const NAMES = [
  'database',
  'user',
  'password',
  'tlsCaFile',
  ...Object.keys(JDBC_LOCK_STORE_DEFAULTS),
];

/**
 * Checks the options and fills in what is missing.
 *
 * @throws `BATON_INVALID_OPTION` naming every problem at once.
 */
export function resolveJdbcLockOptions(options: JdbcLockStoreOptions): JdbcLockStoreSettings {
  const settings: CompleteOptions = { ...JDBC_LOCK_STORE_DEFAULTS, ...withoutUndefined(options) };
  const problems = [...shapeProblems(settings)];
  let location: DatabaseLocation | undefined;
  try {
    location = parseLocation(options.database, { user: options.user, password: options.password });
  } catch (error) {
    problems.push((error as Error).message);
  }
  if (location?.kind === 'sqlite' && settings.tls !== 'off') {
    problems.push(`'tls' has no meaning for SQLite`);
  }
  // Relations between values that are not even numbers would only add noise.
  if (problems.length === 0) problems.push(...relationProblems(settings));
  if (problems.length === 0 && location?.kind === 'oracle') {
    problems.push(...oracleProblems(location, settings));
  }
  if (problems.length > 0 || location === undefined) {
    throw new BrokerError(
      'BATON_INVALID_OPTION',
      `The options of the database are not usable: ${problems.join('; ')}`,
    );
  }
  const { tls, tlsCaFile, tablePrefix, ...rest } = settings;
  const { leaseDurationMs, keepAliveIntervalMs, pollIntervalMs, connectTimeoutMs } = rest;
  return Object.freeze({
    location,
    tls,
    tlsCaFile,
    tablePrefix,
    leaseDurationMs,
    keepAliveIntervalMs,
    pollIntervalMs,
    connectTimeoutMs,
  });
}

function* shapeProblems(settings: CompleteOptions): Iterable<string> {
  for (const key of Object.keys(settings)) {
    if (!NAMES.includes(key)) yield `unknown option '${key}'`;
  }
  for (const [key, [least, greatest]] of Object.entries(RANGES)) {
    const value: unknown = settings[key as keyof typeof RANGES];
    if (!Number.isInteger(value) || Number(value) < least || Number(value) > greatest) {
      yield `'${key}' is ${String(value)}; a whole number from ${least} to ${greatest} is allowed`;
    }
  }
  for (const key of ['user', 'password', 'tlsCaFile'] as const) {
    const value: unknown = settings[key];
    // What it is instead is not repeated: it may be a password without its quotes.
    if (value !== undefined && typeof value !== 'string') yield `'${key}' must be text`;
  }
  if (!TLS.includes(settings.tls)) {
    yield `'tls' is '${settings.tls}'; 'off', 'verified' and 'unverified' are allowed`;
  }
  if (!TABLE_PREFIX.test(settings.tablePrefix)) {
    yield `'tablePrefix' is '${settings.tablePrefix}'; a lower-case letter and up to 19 lower-case letters, digits and underscores are allowed`;
  }
}

function* relationProblems(settings: CompleteOptions): Iterable<string> {
  const { leaseDurationMs, keepAliveIntervalMs, pollIntervalMs, tls, tlsCaFile } = settings;
  if (keepAliveIntervalMs * 3 > leaseDurationMs) {
    yield `'keepAliveIntervalMs' (${keepAliveIntervalMs}) is more than a third of 'leaseDurationMs' (${leaseDurationMs})`;
  }
  if (pollIntervalMs * 3 > leaseDurationMs) {
    yield `'pollIntervalMs' (${pollIntervalMs}) is more than a third of 'leaseDurationMs' (${leaseDurationMs})`;
  }
  if (tlsCaFile !== undefined && tls !== 'verified') {
    yield `'tlsCaFile' has a meaning only with 'tls' 'verified'`;
  }
}

/** An option given as `undefined` is one not given. */
function withoutUndefined<T extends object>(options: T): T {
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  ) as T;
}
