import { resolveJournalOptions, type JournalOptions } from '@batonmq/journal';
import { BrokerError, isBrokerError } from '@batonmq/model';

/** What may be set about a shared directory. Everything but `directory` has a default. */
export interface FsLockStoreOptions {
  /** The shared directory. Made if missing; its parent must be on the same, mounted file system. */
  readonly directory: string;
  /**
   * How long the holder of the lock may show no sign of life before the next in line deposes it,
   * milliseconds, 300 to 600,000. It bounds the takeover from a holder that is frozen or cut off, not from
   * one that died: then the kernel frees the lock at once.
   * @defaultValue 10000
   */
  readonly leaseDurationMs?: number;
  /**
   * How often the holder writes, syncs and checks its lock file, milliseconds, from 10. At most a
   * ninth of `leaseDurationMs`, so that several may be late before others take the holder for dead.
   * @defaultValue 1000
   */
  readonly keepAliveIntervalMs?: number;
  /**
   * How often one that waits looks at the lock file beside the kernel's own wake-up, milliseconds,
   * from 5. At most a tenth of `leaseDurationMs`. Each look is three requests to an NFS server.
   * @defaultValue 100
   */
  readonly pollIntervalMs?: number;
  /**
   * What to do on a mount that may answer from a cache who owns the directory (NFS without
   * `lookupcache=none`) or that never frees the lock of a dead machine (NFS before version 4). With `warn` an
   * owner that was cut off or paused may go on answering clients for as long as the cache lives.
   * @defaultValue 'refuse'
   */
  readonly unsafeMount?: 'refuse' | 'warn';
  /** Settings of the journal in the directory. @defaultValue the journal's own */
  readonly journal?: JournalOptions;
}

/** {@link FsLockStoreOptions} with every default filled in. */
export type FsLockStoreSettings = Readonly<Required<FsLockStoreOptions>>;

export const FS_LOCK_STORE_DEFAULTS = Object.freeze({
  leaseDurationMs: 10_000,
  keepAliveIntervalMs: 1_000,
  pollIntervalMs: 100,
  unsafeMount: 'refuse',
  journal: Object.freeze({}),
} as const satisfies Omit<FsLockStoreOptions, 'directory'>);

/** Least and greatest allowed value of each number, milliseconds. */
const RANGES = {
  leaseDurationMs: [300, 600_000],
  keepAliveIntervalMs: [10, 600_000],
  pollIntervalMs: [5, 600_000],
} as const;

const MOUNT_DECISIONS: readonly unknown[] = ['refuse', 'warn'];

/**
 * Checks the options and fills in what is missing.
 *
 * @throws `BATON_INVALID_OPTION` naming every problem at once.
 */
export function resolveFsLockOptions(options: FsLockStoreOptions): FsLockStoreSettings {
  const settings = { ...FS_LOCK_STORE_DEFAULTS, ...withoutUndefined(options) };
  const problems = [...shapeProblems(settings)];
  // Relations between values that are not even numbers would only add noise.
  if (problems.length === 0) problems.push(...relationProblems(settings));
  if (problems.length > 0) {
    throw new BrokerError(
      'BATON_INVALID_OPTION',
      `The options of the shared directory are not usable: ${problems.join('; ')}`,
    );
  }
  return Object.freeze({ ...settings, journal: resolveJournalOptions(settings.journal) });
}

function* shapeProblems(settings: FsLockStoreSettings): Iterable<string> {
  for (const key of Object.keys(settings)) {
    if (key !== 'directory' && !(key in FS_LOCK_STORE_DEFAULTS)) yield `unknown option '${key}'`;
  }
  const directory: unknown = settings.directory;
  if (typeof directory !== 'string' || directory === '') yield `'directory' must be a path`;
  for (const key of ['leaseDurationMs', 'keepAliveIntervalMs', 'pollIntervalMs'] as const) {
    const [least, greatest] = RANGES[key];
    const value = settings[key];
    if (!Number.isInteger(value) || value < least || value > greatest) {
      yield `'${key}' is ${String(value)}; a whole number from ${least} to ${greatest} is allowed`;
    }
  }
  try {
    resolveJournalOptions(settings.journal);
  } catch (error) {
    if (!isBrokerError(error)) throw error;
    yield error.message;
  }
  if (!MOUNT_DECISIONS.includes(settings.unsafeMount)) {
    yield `'unsafeMount' is '${settings.unsafeMount}'; 'refuse' and 'warn' are allowed`;
  }
}

function* relationProblems(settings: FsLockStoreSettings): Iterable<string> {
  const { leaseDurationMs, keepAliveIntervalMs, pollIntervalMs } = settings;
  if (keepAliveIntervalMs * 9 > leaseDurationMs) {
    yield `'keepAliveIntervalMs' (${keepAliveIntervalMs}) is more than a ninth of 'leaseDurationMs' (${leaseDurationMs})`;
  }
  if (pollIntervalMs * 10 > leaseDurationMs) {
    yield `'pollIntervalMs' (${pollIntervalMs}) is more than a tenth of 'leaseDurationMs' (${leaseDurationMs})`;
  }
}

/** An option given as `undefined` is one not given. */
function withoutUndefined<T extends object>(options: T): T {
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  ) as T;
}

/** The parts of a lease; see docs/adr/0004-lock-and-fencing.md. */
export interface LeaseTimes {
  /** How long a silent holder is watched before another takes the place of its files. */
  readonly silenceMs: number;
  /** How long the one that did so waits until it writes: longer than any name may be stale. */
  readonly quarantineMs: number;
}

/** Silence and quarantine add up to the lease. */
export function leaseTimes(settings: FsLockStoreSettings): LeaseTimes {
  const quarantineMs = settings.leaseDurationMs / 3;
  return { silenceMs: settings.leaseDurationMs - quarantineMs, quarantineMs };
}
