import { BrokerError, epoch, isBrokerError, type Epoch, type ErrorCode } from '@batonmq/model';
import { followJournal, openJournal, type Journal, type JournalFollower } from '@batonmq/journal';
import type { RuntimeComponents } from '@batonmq/runtime';
import {
  STORE_PLUGIN,
  STORE_SPI_VERSION,
  type AcquireOptions,
  type Lease,
  type Store,
  type StoreInspection,
  type StoreManifest,
  type StorePlugin,
} from '@batonmq/store-spi';
import {
  checkFormat,
  claimJournal,
  directoryPaths,
  findJournal,
  type DirectoryPaths,
} from './directory-layout.ts';
import { fencedFiles } from './fenced-files.ts';
import { FsLockLease } from './fs-lock-lease.ts';
import { HeldLock } from './held-lock.ts';
import { inspectDirectory, journalPathOf, storeInspection } from './inspect.ts';
import { kernelLocks, type KernelLocks } from './lock-file.ts';
import type { LockRecord } from './lock-record.ts';
import { LockLine, throwIfAborted, type LineRequest, type Turn } from './lock-line.ts';
import { mountOf, mountProblem } from './mount-table.ts';
import {
  leaseTimes,
  resolveFsLockOptions,
  type FsLockStoreOptions,
  type FsLockStoreSettings,
} from './options.ts';
import { Pause } from './pause.ts';
import { storeError } from './store-error.ts';
import { WarmStandby } from './warm-standby.ts';

const MANIFEST: StoreManifest = Object.freeze({
  name: '@batonmq/store-fs-lock',
  spiVersion: STORE_SPI_VERSION,
  capabilities: Object.freeze({ isDurable: true, isShared: true }),
});

const NOTHING_STORED = Object.freeze({
  epoch: undefined,
  messageCount: 0,
  liveBytes: 0,
  usedBytes: 0,
  pins: [],
});

/**
 * A store in a directory that several brokers share; the kernel's file lock says whose turn it is.
 *
 * @throws `BATON_INVALID_OPTION` naming everything that is wrong with the options.
 */
export function fsLockStore(options: FsLockStoreOptions): StorePlugin {
  return fsLockStoreWith(options, kernelLocks);
}

/** With other locks than the kernel's: for simulated file systems. */
export function fsLockStoreWith(options: FsLockStoreOptions, locks: KernelLocks): StorePlugin {
  const settings = resolveFsLockOptions(options);
  return {
    [STORE_PLUGIN]: true,
    manifest: MANIFEST,
    create: (components) => new FsLockStore(settings, components, locks),
  };
}

class FsLockStore implements Store {
  readonly manifest = MANIFEST;
  readonly #settings: FsLockStoreSettings;
  readonly #components: RuntimeComponents;
  readonly #paths: DirectoryPaths;
  readonly #line: LockLine;
  readonly #closing = new AbortController();
  #acquiring: Promise<Lease> | undefined;
  #lease: FsLockLease | undefined;
  #standby: WarmStandby | undefined;

  constructor(settings: FsLockStoreSettings, components: RuntimeComponents, locks: KernelLocks) {
    this.#settings = settings;
    this.#components = components;
    this.#paths = directoryPaths(settings.directory);
    this.#line = new LockLine(components, locks, this.#paths, {
      pollIntervalMs: settings.pollIntervalMs,
      silenceMs: leaseTimes(settings).silenceMs,
      namesakeMs: 3 * settings.keepAliveIntervalMs,
    });
  }

  acquire(options: AcquireOptions): Promise<Lease> {
    if (this.#closing.signal.aborted) return Promise.reject(closedError());
    if (this.#acquiring || this.#lease?.isCurrent) {
      const problem = 'acquire() was called while a lease is held or being acquired';
      return Promise.reject(new BrokerError('BATON_INVALID_STATE', problem));
    }
    this.#acquiring = this.#acquire(options).finally(() => (this.#acquiring = undefined));
    return this.#acquiring;
  }

  async inspect(): Promise<StoreInspection> {
    if (this.#lease?.isCurrent) return this.#lease.inspect();
    const { journal } = await inspectDirectory(this.#settings.directory, this.#components);
    const contents = journal ? storeInspection(journal) : NOTHING_STORED;
    return { ...contents, isHeldHere: false, lagBytes: this.#standby?.lagBytes ?? 0 };
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#acquiring?.catch(() => undefined);
    await this.#lease?.release();
  }

  async #acquire({ owner, signal, onProgress }: AcquireOptions): Promise<Lease> {
    const ends = [this.#closing.signal, ...(signal === undefined ? [] : [signal])];
    const request: LineRequest = {
      owner,
      signal: AbortSignal.any(ends),
      onProgress: onProgress ?? (() => undefined),
    };
    // A lease that was lost may still be closing its files; two journals at once would be one too many.
    await this.#lease?.release();
    try {
      // Before the directory is even made: nothing is touched where we do not belong.
      await checkFormat(this.#components.files, this.#paths);
      await this.#components.files.makeDirectory(this.#paths.directory);
      await this.#checkMount();
      for (;;) {
        const lease = await this.#tryToAcquire(request);
        if (lease) return lease;
      }
    } catch (error) {
      if (this.#closing.signal.aborted) throw closedError();
      throw storeError(error, this.#paths.directory);
    }
  }

  /** `undefined`: the lock was lost again before it was of use, or there is no room; back to the end of the line. */
  async #tryToAcquire(request: LineRequest): Promise<Lease | undefined> {
    try {
      return await this.#standAndTakeOver(request);
    } catch (error) {
      if (!hasCode(storeError(error, this.#paths.directory), 'BATON_STORE_FULL')) throw error;
      await this.#waitForRoom(error, request.signal);
      return undefined;
    }
  }

  async #standAndTakeOver(request: LineRequest): Promise<Lease | undefined> {
    const follower = followJournal({
      directory: () => journalPathOf(this.#components.files, this.#paths.directory),
      components: this.#components,
      options: this.#settings.journal,
    });
    const standby = new WarmStandby(this.#components, follower, request.onProgress);
    this.#standby = standby;
    try {
      const turn = await this.#line.stand(request);
      return await this.#takeOver(turn, standby, request);
    } finally {
      this.#standby = undefined;
      await standby.close();
    }
  }

  async #takeOver(
    turn: Turn,
    standby: WarmStandby,
    request: LineRequest,
  ): Promise<Lease | undefined> {
    let held: HeldLock | undefined;
    // Whatever fails from here on, the lock must not stay behind with nobody to use it.
    try {
      const current = await findJournal(this.#components.files, this.#paths.directory);
      const mine = epoch(Math.max(current ?? 0, turn.former?.epoch ?? 0) + 1);
      const inDoubt = isFormerInDoubt(turn, current);
      held = await this.#takeLock(turn, mine, request.owner, inDoubt);
      if (inDoubt) await this.#waitOutFormer(turn, held, request.signal);
      const journal = await this.#openJournal(held, mine, await standby.stop(), request);
      const lease = new FsLockLease(held, journal, () => {
        this.#endTurn(turn);
      });
      this.#lease = lease;
      return lease;
    } catch (error) {
      await (held ? held.release() : turn.file.close());
      this.#endTurn(turn);
      if (held?.loss?.reason === 'fenced' || hasCode(error, 'BATON_FENCED')) return undefined;
      throw error;
    }
  }

  /** A full disk is no reason to give up: somebody will make room, or another in line has a quota left. */
  async #waitForRoom(error: unknown, signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#components;
    logger.log('warn', 'no room to take the directory over; trying again', { error });
    const pause = new Pause(clock);
    const wake = (): void => {
      pause.wake();
    };
    signal.addEventListener('abort', wake);
    await pause.sleep(this.#settings.keepAliveIntervalMs);
    signal.removeEventListener('abort', wake);
  }

  #takeLock(turn: Turn, mine: Epoch, owner: string, inDoubt: boolean): Promise<HeldLock> {
    const record: LockRecord = {
      state: inDoubt ? 'quarantine' : 'held',
      owner,
      holder: this.#components.random.uuid(),
      epoch: mine,
      count: 0,
    };
    return HeldLock.take(this.#components, this.#paths, turn.file, record, this.#settings);
  }

  /** A mount on which an owner would not notice that it no longer is one is worse than no store. */
  async #checkMount(): Promise<void> {
    const mount = await mountOf(this.#components.files, this.#paths.directory);
    const problem = mount && mountProblem(mount);
    if (problem === undefined) return;
    if (this.#settings.unsafeMount === 'refuse')
      throw new BrokerError('BATON_UNSUPPORTED', problem);
    this.#components.logger.log('warn', problem);
  }

  /**
   * Until the holder of the file that ours replaced has stopped: when its own checks have had to
   * fail, or when the kernel frees its file.
   */
  async #waitOutFormer(turn: Turn, held: HeldLock, signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#components;
    const { quarantineMs } = leaseTimes(this.#settings);
    logger.log('info', 'waiting until the former holder must have stopped', { quarantineMs });
    const startedAt = clock.now();
    const pause = new Pause(clock);
    const wake = (): void => {
      pause.wake();
    };
    const { replaced } = turn;
    if (replaced) replaced.onGranted = wake;
    signal.addEventListener('abort', wake);
    void held.lost.then(wake);
    if (replaced?.state !== 'granted' && !signal.aborted) await pause.sleep(quarantineMs);
    signal.removeEventListener('abort', wake);
    const isFreed = replaced?.state === 'granted';
    logger.log('info', 'the former holder has stopped', {
      isFreed,
      waitedMs: clock.now() - startedAt,
    });
    throwIfAborted(signal);
    const objection = held.guard();
    if (objection) throw objection;
    await held.endQuarantine();
  }

  async #openJournal(
    held: HeldLock,
    mine: Epoch,
    follower: JournalFollower,
    request: LineRequest,
  ): Promise<Journal> {
    const guard = (): Error | undefined => held.guard();
    const files = fencedFiles(this.#components.files, guard);
    // Again: the directory may have been upgraded while this one stood in line.
    await checkFormat(files, this.#paths);
    return openJournal({
      directory: await claimJournal(files, this.#paths, mine),
      epoch: mine,
      components: { ...this.#components, files },
      options: this.#settings.journal,
      guard,
      follower,
      onProgress: (progress) => {
        request.onProgress({ type: 'recovering', ...progress });
      },
    });
  }

  /** A replaced file stays locked while the lease lasts: ActiveMQ may be waiting for it. */
  #endTurn(turn: Turn): void {
    if (turn.replaced) this.#line.leave(turn.replaced);
  }
}

/**
 * The kernel vouches for the holder of the file that was granted, and for nobody else: if the epoch
 * of the journal is not that holder's, its real holder had another file, which somebody replaced.
 */
function isFormerInDoubt(turn: Turn, current: Epoch | undefined): boolean {
  if (turn.replaced) return true;
  if (current === undefined) return false;
  return (turn.former?.epoch ?? 0) < current || turn.former?.state === 'quarantine';
}

function hasCode(error: unknown, code: ErrorCode): boolean {
  return isBrokerError(error) && error.code === code;
}

function closedError(): BrokerError {
  return new BrokerError('BATON_CLOSED', 'The store was closed');
}
