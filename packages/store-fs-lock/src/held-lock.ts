/**
 * A lock that is held: shows that its holder lives, and says before each ack whether it still is ours.
 *
 * ```
 *            guard() or keep-alive sees another owner, a write fails, no keep-alive for a lease
 *   holding ─────────────────────────────────────────────────────────────────────────────► lost
 *      │ release()                                                                           │
 *      └──────────────────────────────► released                      release() ◄────────────┘
 * ```
 *
 * The name `owner` leads to a file that this holder made. Whoever takes over makes another and
 * renames it over the name, before anything else. So the question "is it still mine?" is answered by
 * the name alone, one `stat`, and needs no content to be fresh: an NFS client that has a file open for
 * writing itself does not notice what others write into it.
 *
 * Invariants:
 * 1. `guard()` answers `undefined` only if `owner` led to our file when it was called.
 * 2. Once lost, always lost: `guard()` never passes again.
 */
import { BrokerError } from '@batonmq/model';
import type { CancelTimer, OpenFile, RuntimeComponents } from '@batonmq/runtime';
import type { LeaseLoss } from '@batonmq/store-spi';
import { join } from 'node:path';
import { OWNER_DRAFT_PREFIX, type DirectoryPaths } from './directory-layout.ts';
import { writeRecord, type LockFile } from './lock-file.ts';
import type { LockRecord } from './lock-record.ts';
import { storeError } from './store-error.ts';

export interface HeldLockTimes {
  readonly keepAliveIntervalMs: number;
  /** Without a keep-alive that came back for so long, the holder gives up by itself. */
  readonly leaseDurationMs: number;
}

export class HeldLock {
  readonly lost: Promise<LeaseLoss>;
  readonly #components: RuntimeComponents;
  readonly #paths: DirectoryPaths;
  readonly #lock: LockFile;
  readonly #times: HeldLockTimes;
  /** Open as long as the lock is held, so that no later file can have its number. */
  readonly #owner: OpenFile;
  readonly #ownerIdentity: string;
  #resolveLost: (loss: LeaseLoss) => void = () => undefined;
  #record: LockRecord;
  #loss: LeaseLoss | undefined;
  #provenAt: number;
  #cancelTimer: CancelTimer | undefined;
  /** The keep-alive that is under way; a slow disk never makes two overlap. */
  #keepAlive: Promise<void> | undefined;

  private constructor(
    components: RuntimeComponents,
    paths: DirectoryPaths,
    lock: LockFile,
    owner: OpenFile,
    record: LockRecord,
    times: HeldLockTimes,
  ) {
    this.lost = new Promise((resolve) => {
      this.#resolveLost = resolve;
    });
    this.#components = components;
    this.#paths = paths;
    this.#lock = lock;
    this.#owner = owner;
    this.#ownerIdentity = owner.statusSync().identity;
    this.#record = record;
    this.#times = times;
    this.#provenAt = components.clock.now();
  }

  /**
   * Tells everybody that the lock, which the kernel has granted, has a new holder, and starts the
   * keep-alive. When this resolves every earlier owner is fenced. If it rejects the lock is still open.
   */
  static async take(
    components: RuntimeComponents,
    paths: DirectoryPaths,
    lock: LockFile,
    record: LockRecord,
    times: HeldLockTimes,
  ): Promise<HeldLock> {
    await lock.write(record);
    const owner = await replaceOwner(components, paths, record);
    const held = new HeldLock(components, paths, lock, owner, record, times);
    if (!held.#isStillOurs()) {
      await owner.close();
      throw held.#endedError();
    }
    held.#watch();
    return held;
  }

  get loss(): LeaseLoss | undefined {
    return this.#loss;
  }

  get record(): LockRecord {
    return this.#record;
  }

  /** Asked when something was made durable and before anybody is told: one `stat`. */
  guard(): Error | undefined {
    if (!this.#loss) this.#checkOwner();
    return this.#loss && this.#endedError();
  }

  /** The holder before has stopped: from now on a successor need not wait for it either. */
  async endQuarantine(): Promise<void> {
    this.#record = { ...this.#record, state: 'held' };
    await this.#lock.write(this.#record);
  }

  /**
   * Ends it from outside: the journal on top failed. What failed it may have been the loss of the
   * lock, which a file that is not found does not tell.
   */
  fail(cause: Error): void {
    if (!this.#loss) this.#checkOwner();
    this.#lose({ reason: 'failed', cause });
  }

  /** Marks the lock as given back and frees it: who waits for it wakes now. */
  async release(): Promise<void> {
    // Out of a quarantine nothing may look settled: the next in line has to wait it out again.
    const isToMark = !this.guard() && this.#record.state === 'held';
    this.#lose({ reason: 'released' });
    await this.#keepAlive;
    try {
      if (isToMark) await this.#write({ ...this.#record, state: 'released' });
    } catch (error) {
      // The lock is freed all the same; the mark only saves others a doubt.
      this.#components.logger.log('warn', 'could not mark the lock as released', { error });
    }
    await this.#owner.close();
    await this.#lock.close();
  }

  #isStillOurs(): boolean {
    return this.guard() === undefined && this.#isLockInPlace();
  }

  #checkOwner(): void {
    try {
      const status = this.#components.files.statusSync(this.#paths.owner);
      if (status?.identity !== this.#ownerIdentity) this.#loseTo(this.#paths.owner);
    } catch (error) {
      this.#lose({ reason: 'failed', cause: storeError(error, this.#paths.owner) });
    }
  }

  /** Runs a keep-alive every interval, and gives up when none has come back for a whole lease. */
  #watch(): void {
    this.#cancelTimer = this.#components.clock.setTimer(this.#times.keepAliveIntervalMs, () => {
      const silentForMs = this.#components.clock.now() - this.#provenAt;
      if (this.#keepAlive && silentForMs >= this.#times.leaseDurationMs) {
        this.#lose({ reason: 'failed', cause: this.#stuckError(silentForMs) });
      }
      if (this.#loss) return;
      this.#keepAlive ??= this.#prove().finally(() => {
        this.#keepAlive = undefined;
      });
      this.#watch();
    });
  }

  /**
   * One keep-alive. The lock file is written as well: that is how an NFS client learns that the
   * server gave its lock away (`EIO`). Locking again would prove nothing, it is granted.
   */
  async #prove(): Promise<void> {
    const startedAt = this.#components.clock.now();
    try {
      if (!this.#isStillOurs()) return;
      this.#record = { ...this.#record, count: this.#record.count + 1 };
      await this.#write(this.#record);
      this.#provenAt = startedAt;
      this.#warnIfSlow(this.#components.clock.now() - startedAt);
    } catch (error) {
      this.#proofFailed(error);
    }
  }

  /** No room is no loss: records are rewritten in place, and the guard does not write. */
  #proofFailed(error: unknown): void {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOSPC' || code === 'EDQUOT') {
      this.#components.logger.log('warn', 'no room to write the keep-alive', { error });
    } else {
      this.fail(storeError(error, this.#paths.lock));
    }
  }

  #warnIfSlow(tookMs: number): void {
    if (tookMs < 3 * this.#times.keepAliveIntervalMs) return;
    const text = 'the keep-alive of the lock is slow; others may take this broker for dead';
    this.#components.logger.log('warn', text, { tookMs: Math.round(tookMs) });
  }

  async #write(record: LockRecord): Promise<void> {
    await Promise.all([writeRecord(this.#owner, record), this.#lock.write(record)]);
  }

  /** A kernel lock on a file that the name no longer leads to keeps nobody out. */
  #isLockInPlace(): boolean {
    const status = this.#components.files.statusSync(this.#paths.lock);
    if (status?.identity === this.#lock.identity) return true;
    this.#loseTo(this.#paths.lock);
    return false;
  }

  #loseTo(path: string): void {
    const cause = new BrokerError(
      'BATON_FENCED',
      `${path} is no longer the file of epoch ${this.#record.epoch}: another broker took over, or it was deleted`,
      { details: { epoch: this.#record.epoch, file: path } },
    );
    this.#lose({ reason: 'fenced', cause });
  }

  #lose(loss: LeaseLoss): void {
    if (this.#loss) return;
    this.#loss = loss;
    this.#cancelTimer?.();
    this.#resolveLost(loss);
  }

  #endedError(): BrokerError {
    return new BrokerError('BATON_FENCED', `The lease of epoch ${this.#record.epoch} has ended`, {
      details: { epoch: this.#record.epoch },
      cause: this.#loss?.cause,
    });
  }

  #stuckError(silentForMs: number): BrokerError {
    return new BrokerError(
      'BATON_STORE_FAILED',
      `Writing the lock file ${this.#paths.lock} has not come back for ${Math.round(silentForMs)} ms`,
      { details: { file: this.#paths.lock } },
    );
  }
}

/** Puts a file of our own in the place of whoever owned the directory before, durably. */
async function replaceOwner(
  { files }: RuntimeComponents,
  paths: DirectoryPaths,
  record: LockRecord,
): Promise<OpenFile> {
  const draft = join(paths.directory, `${OWNER_DRAFT_PREFIX}${record.holder}`);
  const file = await files.open(draft, 'create');
  try {
    await writeRecord(file, record);
    await files.rename(draft, paths.owner);
    await files.syncDirectory(paths.directory);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}
