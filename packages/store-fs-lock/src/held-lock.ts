/**
 * A lock that is held: keeps its record fresh, and says before each ack whether it still is ours.
 *
 * ```
 *            keepAlive fails, look() sees another, guard() sees another, no keep-alive for a lease
 *   holding ────────────────────────────────────────────────────────────────────────────► lost
 *      │ release()                                                                          │
 *      └──────────────────────────────► released                      close() ◄─────────────┘
 * ```
 *
 * Invariants:
 * 1. `#trustedAt` is the start of a check that found the path leading to our file with our record in
 *    it. Nobody who replaced the file before that moment has been missed.
 * 2. `guard()` answers `undefined` only if the path led to our file when it was called, and
 *    our record was in it at most `trustMs` before.
 * 3. Once lost, always lost: `guard()` never passes again.
 */
import { BrokerError } from '@batonmq/model';
import type { CancelTimer, RuntimeComponents } from '@batonmq/runtime';
import type { LeaseLoss } from '@batonmq/store-spi';
import { look, lookSync, type LockFile, type LockSighting } from './lock-file.ts';
import type { LockRecord } from './lock-record.ts';

export interface HeldLockTimes {
  readonly keepAliveIntervalMs: number;
  readonly leaseDurationMs: number;
  /** How long a full check allows acks on a cheap one; 0: every ack needs a full check. */
  readonly trustMs: number;
}

export class HeldLock {
  readonly lost: Promise<LeaseLoss>;
  readonly #components: RuntimeComponents;
  readonly #file: LockFile;
  readonly #path: string;
  readonly #times: HeldLockTimes;
  readonly #resolveLost: (loss: LeaseLoss) => void;
  #record: LockRecord;
  #trustedAt: number;
  #loss: LeaseLoss | undefined;
  #cancelTimer: CancelTimer | undefined;
  /** The keep-alive that is under way; a slow disk never makes two overlap. */
  #keepAlive: Promise<void> | undefined;

  private constructor(
    components: RuntimeComponents,
    file: LockFile,
    path: string,
    record: LockRecord,
    times: HeldLockTimes,
  ) {
    let resolveLost: (loss: LeaseLoss) => void = () => undefined;
    this.lost = new Promise((resolve) => (resolveLost = resolve));
    this.#resolveLost = resolveLost;
    this.#components = components;
    this.#file = file;
    this.#path = path;
    this.#record = record;
    this.#times = times;
    this.#trustedAt = components.clock.now();
  }

  /**
   * Writes the first record into a file whose kernel lock was granted and starts the keep-alive.
   * Rejects, with the file still open, if the path does not lead to it (any more).
   */
  static async take(
    components: RuntimeComponents,
    file: LockFile,
    path: string,
    record: LockRecord,
    times: HeldLockTimes,
  ): Promise<HeldLock> {
    const held = new HeldLock(components, file, path, record, times);
    await held.#prove();
    if (held.#loss) throw held.#lossError();
    held.#watch();
    return held;
  }

  get loss(): LeaseLoss | undefined {
    return this.#loss;
  }

  get record(): LockRecord {
    return this.#record;
  }

  /**
   * Asked when something was made durable and before anybody is told. Never waits for the disk in
   * the common case: one `stat` of the path.
   */
  guard(): Error | undefined {
    if (!this.#loss) this.#check();
    return this.#loss && this.#lossError();
  }

  /** The holder before has stopped: from now on a successor need not wait for it either. */
  endQuarantine(): void {
    this.#record = { ...this.#record, state: 'held' };
  }

  /** Ends it from outside: the journal on top failed. */
  fail(cause: Error): void {
    this.#lose({ reason: 'failed', cause });
  }

  /** Marks the record as given back and frees the kernel lock: who waits for it wakes now. */
  async release(): Promise<void> {
    // Out of a quarantine nothing may look settled: the next in line has to wait it out again.
    const isToMark = !this.#loss && this.#record.state === 'held';
    this.#lose({ reason: 'released' });
    await this.#keepAlive;
    try {
      if (isToMark) await this.#file.write({ ...this.#record, state: 'released' });
    } catch (error) {
      // The lock is freed all the same; the record only saves others a doubt.
      this.#components.logger.log('warn', 'could not mark the lock as released', { error });
    }
    await this.#file.close();
  }

  #check(): void {
    const now = this.#components.clock.now();
    try {
      if (now - this.#trustedAt < this.#times.trustMs) {
        const status = this.#components.files.statusSync(this.#path);
        if (status?.identity !== this.#file.identity) this.#loseTo(undefined);
        return;
      }
      if (this.#isOurs(lookSync(this.#components.files, this.#path))) this.#trustedAt = now;
    } catch (error) {
      this.#lose({ reason: 'failed', cause: storeFailed('check', this.#path, error) });
    }
  }

  /** Runs a keep-alive every interval, and gives up when none has come back for a whole lease. */
  #watch(): void {
    this.#cancelTimer = this.#components.clock.setTimer(this.#times.keepAliveIntervalMs, () => {
      const silentForMs = this.#components.clock.now() - this.#trustedAt;
      if (this.#keepAlive && silentForMs >= this.#times.leaseDurationMs) {
        const cause = storeFailed('write', this.#path, undefined, { silentForMs });
        this.#lose({ reason: 'failed', cause });
      }
      if (this.#loss) return;
      this.#keepAlive ??= this.#prove().finally(() => {
        this.#keepAlive = undefined;
      });
      this.#watch();
    });
  }

  /**
   * One keep-alive. It looks before it writes, because a holder whose lock an NFS server gave away
   * would overwrite its successor's record; and after, because that is the proof.
   */
  async #prove(): Promise<void> {
    const { clock, files } = this.#components;
    const startedAt = clock.now();
    const record = { ...this.#record, count: this.#record.count + 1 };
    try {
      const before = await look(files, this.#path);
      if (this.#loss) return;
      // The very first record replaces that of whoever held the lock before.
      if (record.count > 1 ? !this.#isOurs(before) : !this.#leadsHere(before)) return;
      await this.#file.write(record);
      // Only the count: the quarantine may have ended while this was being written.
      this.#record = { ...this.#record, count: record.count };
      if (!this.#isOurs(await look(files, this.#path))) return;
      this.#trustedAt = startedAt;
    } catch (error) {
      await this.#proofFailed(error);
    }
  }

  /** No room is no loss: the record is only rewritten in place, and what is held can still be checked. */
  async #proofFailed(error: unknown): Promise<void> {
    const code = (error as NodeJS.ErrnoException).code;
    if (this.#record.count > 0 && (code === 'ENOSPC' || code === 'EDQUOT')) {
      this.#components.logger.log('warn', 'no room to write the keep-alive', { error });
      return;
    }
    // EIO on a lock that the NFS server gave away: the successor's record tells it from a bad disk.
    const seen = await look(this.#components.files, this.#path).catch(() => undefined);
    if (seen) this.#isOurs(seen);
    this.#lose({ reason: 'failed', cause: storeFailed('write', this.#path, error) });
  }

  #leadsHere(seen: LockSighting | undefined): boolean {
    if (seen?.identity === this.#file.identity) return true;
    this.#loseTo(seen?.record);
    return false;
  }

  /** Also notes the loss when the answer is no. */
  #isOurs(seen: LockSighting | undefined): boolean {
    if (!this.#leadsHere(seen)) return false;
    if (seen?.record?.holder === this.#record.holder) return true;
    this.#loseTo(seen?.record);
    return false;
  }

  #loseTo(other: LockRecord | undefined): void {
    const who = other ? `epoch ${other.epoch} of '${other.owner}'` : 'another file or program';
    const cause = new BrokerError(
      'BATON_FENCED',
      `The lock file ${this.#path} of epoch ${this.#record.epoch} now belongs to ${who}`,
      { details: { epoch: this.#record.epoch, file: this.#path } },
    );
    this.#lose({ reason: 'fenced', cause });
  }

  #lose(loss: LeaseLoss): void {
    if (this.#loss) return;
    this.#loss = loss;
    this.#cancelTimer?.();
    this.#resolveLost(loss);
  }

  #lossError(): BrokerError {
    return new BrokerError('BATON_FENCED', `The lease of epoch ${this.#record.epoch} has ended`, {
      details: { epoch: this.#record.epoch },
      cause: this.#loss?.cause,
    });
  }
}

function storeFailed(
  what: string,
  path: string,
  cause: unknown,
  details: { silentForMs?: number } = {},
): BrokerError {
  const why = details.silentForMs === undefined ? '' : `: no answer for ${details.silentForMs} ms`;
  return new BrokerError('BATON_STORE_FAILED', `Could not ${what} the lock file ${path}${why}`, {
    details: { file: path },
    cause,
  });
}
