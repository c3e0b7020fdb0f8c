import { BrokerError } from '@batonmq/model';

/** What to do about damage in the middle of the journal when it is opened. */
export type CorruptionDecision = 'refuse' | 'isolate';

/** Settings of a journal; plain data. */
export interface JournalOptions {
  /**
   * Bytes of a segment file, 64 KiB to 1 GiB. Larger: fewer files, space is freed in larger
   * pieces. A batch that is larger gets a larger segment.
   *
   * @defaultValue 64 MiB
   */
  readonly segmentBytes?: number;
  /**
   * Zero-filled space kept for batches without messages when the disk is full, bytes, 4 KiB up to
   * half a segment. An ack takes about 30 bytes, or 80 if it is a batch of its own.
   *
   * @defaultValue 2 MiB
   */
  readonly reserveBytes?: number;
  /**
   * Journal bytes between checkpoints, 64 KiB and up; also at least four times the size of the last
   * checkpoint. Larger: less writing, longer recovery, more space kept.
   *
   * @defaultValue 64 MiB
   */
  readonly checkpointBytes?: number;
  /**
   * Bytes of appends that may wait for the write in flight, 64 KiB and up. An append beyond that
   * rejects `BATON_LIMIT` at once and has no effect; a single one is always let in when none waits.
   *
   * @defaultValue 64 MiB
   */
  readonly pendingBytesMax?: number;
  /**
   * How fast live messages are moved out of mostly dead segments, bytes a second, 64 KiB and up.
   *
   * @defaultValue 32 MiB
   */
  readonly compactionBytesPerSecond?: number;
  /**
   * How long to wait before room is looked for again on a full disk, milliseconds, 10 and up.
   *
   * @defaultValue 200
   */
  readonly fullRetryMs?: number;
  /**
   * `refuse`: opening rejects `BATON_CORRUPT` and names file and offset. `isolate`: the damaged
   * bytes are left out and named by `inspect()`; everything intact is served. What was in them is
   * lost: messages, and also removals, so messages may come back that had been consumed.
   *
   * @defaultValue `'refuse'`
   */
  readonly onCorruption?: CorruptionDecision;
}

/** {@link JournalOptions}, complete. */
export type JournalSettings = Required<JournalOptions>;

const KIB = 1024;
const MIB = 1024 * KIB;

export const JOURNAL_DEFAULTS: JournalSettings = Object.freeze({
  segmentBytes: 64 * MIB,
  reserveBytes: 2 * MIB,
  checkpointBytes: 64 * MIB,
  pendingBytesMax: 64 * MIB,
  compactionBytesPerSecond: 32 * MIB,
  fullRetryMs: 200,
  onCorruption: 'refuse',
});

const RANGES: Readonly<Record<string, readonly [min: number, max: number]>> = {
  segmentBytes: [64 * KIB, 1024 * MIB],
  reserveBytes: [4 * KIB, 512 * MIB],
  checkpointBytes: [64 * KIB, Number.MAX_SAFE_INTEGER],
  pendingBytesMax: [64 * KIB, 1024 * MIB],
  compactionBytesPerSecond: [64 * KIB, Number.MAX_SAFE_INTEGER],
  fullRetryMs: [10, 3_600_000],
};

/**
 * Completes and checks options. A reserve that is not given shrinks with the segments.
 *
 * @throws `BATON_INVALID_OPTION` naming all problems at once.
 */
export function resolveJournalOptions(options: JournalOptions = {}): JournalSettings {
  const given = Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  );
  const settings = { ...JOURNAL_DEFAULTS, ...given } as JournalSettings;
  const reserveBytes =
    options.reserveBytes ?? Math.min(settings.reserveBytes, Math.floor(settings.segmentBytes / 4));
  const resolved = { ...settings, reserveBytes };
  const problems = problemsOf(resolved);
  if (problems.length > 0) {
    throw new BrokerError('BATON_INVALID_OPTION', `Journal options: ${problems.join('; ')}`);
  }
  return Object.freeze(resolved);
}

function problemsOf(settings: JournalSettings): string[] {
  const problems: string[] = [];
  for (const [name, value] of Object.entries(settings)) {
    const range = RANGES[name];
    if (range !== undefined) {
      const [min, max] = range;
      if (!Number.isSafeInteger(value) || Number(value) < min || Number(value) > max) {
        problems.push(
          `${name} is ${String(value)}; allowed are whole numbers from ${min} to ${max}`,
        );
      }
    } else if (name !== 'onCorruption') {
      problems.push(`${name} is not an option of the journal`);
    }
  }
  if (!['refuse', 'isolate'].includes(settings.onCorruption)) {
    problems.push(`onCorruption is ${settings.onCorruption}; allowed are refuse and isolate`);
  }
  if (settings.reserveBytes * 2 > settings.segmentBytes) {
    problems.push('reserveBytes is more than half of segmentBytes');
  }
  return problems;
}
