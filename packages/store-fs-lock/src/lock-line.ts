/**
 * Standing in line for the lock of a directory.
 *
 * ```
 *   open lock ──► watching ──(kernel grants the lock, path still leads to it)──► turn
 *      ▲             │ path leads elsewhere, or nowhere: a third party replaced the file
 *      └─────────────┤
 *                    │ holder silent for `silenceMs` although the kernel lock is held: depose it
 *                    └──► lock `lock.next`, look again, rename it to `lock` ──► turn (in doubt)
 * ```
 *
 * A turn is the lock and no more. If the file is not the one which the last holder had locked, that
 * holder may still be at work, and nothing but lock files may be touched until it has stopped.
 */
import { AbortError, BrokerError } from '@batonmq/model';
import type { RuntimeComponents } from '@batonmq/runtime';
import type { AcquireProgress } from '@batonmq/store-spi';
import type { DirectoryPaths } from './directory-layout.ts';
import { look, LockFile, type KernelLocks, type LockSighting } from './lock-file.ts';
import type { LockRecord } from './lock-record.ts';
import { Pause } from './pause.ts';

export interface LineTimes {
  readonly pollIntervalMs: number;
  readonly silenceMs: number;
  /** A holder of our own name that is alive has shown it after so long; before that nobody is told that we wait for it. */
  readonly namesakeMs: number;
}

export interface LineRequest {
  readonly owner: string;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: AcquireProgress) => void;
}

/** The kernel lock of the file that `lock` led to a moment ago. */
export interface Turn {
  readonly file: LockFile;
  /** Last record of the former holder, as far as it could be read. */
  readonly former: LockRecord | undefined;
  /** The former holder's own file if it was replaced: when it is granted that holder is gone. */
  readonly replaced: Place | undefined;
}

/** A wait for the kernel lock of one file. It cannot be called off, only left alone. */
export interface Place {
  readonly file: LockFile;
  state: 'waiting' | 'granted' | 'failed';
  /** Set while somebody cares; else the file is closed, and so freed, as soon as it is granted. */
  onGranted: (() => void) | undefined;
}

export class LockLine {
  readonly #components: RuntimeComponents;
  readonly #locks: KernelLocks;
  readonly #paths: DirectoryPaths;
  readonly #times: LineTimes;
  /**
   * Places left before their lock was granted, by file. Each is one blocked thread and one
   * descriptor until the kernel grants it; standing in line again takes it up again, so there is at
   * most one per lock file that was ever waited for and is still held by somebody.
   */
  readonly #left = new Map<string, Place>();

  constructor(
    components: RuntimeComponents,
    locks: KernelLocks,
    paths: DirectoryPaths,
    times: LineTimes,
  ) {
    this.#components = components;
    this.#locks = locks;
    this.#paths = paths;
    this.#times = times;
  }

  /**
   * Waits until the kernel grants the lock of the file at the path.
   *
   * @throws `BATON_ABORTED`, `BATON_NAME_IN_USE`, or the platform's error if the file cannot be opened.
   */
  async stand(request: LineRequest): Promise<Turn> {
    for (;;) {
      throwIfAborted(request.signal);
      const file = await LockFile.open(this.#components.files, this.#locks, this.#paths.lock);
      const turn = file.tryLock() ? await this.#verify(file) : await this.#wait(file, request);
      if (turn) return turn;
    }
  }

  /** Gives a place up; its thread ends when the kernel next grants the lock. */
  leave(place: Place): void {
    place.onGranted = undefined;
    if (place.state === 'waiting') this.#left.set(place.file.identity, place);
    else void closeQuietly(place.file);
  }

  async #wait(opened: LockFile, request: LineRequest): Promise<Turn | undefined> {
    const place = await this.#enter(opened);
    const { namesakeMs } = this.#times;
    const watch = new HolderWatch(request, namesakeMs, this.#components.clock.now());
    const outcome = await this.#watch(place, watch, request.signal).catch((error: unknown) => {
      this.leave(place);
      throw error;
    });
    switch (outcome) {
      case 'granted':
        place.onGranted = undefined;
        return this.#verify(place.file);
      case 'replaced':
        this.leave(place);
        return undefined;
      case 'silent':
        return this.#depose(place, watch);
    }
  }

  /** Takes up a place left earlier, or starts a new wait. */
  async #enter(opened: LockFile): Promise<Place> {
    const left = this.#left.get(opened.identity);
    if (left) {
      this.#left.delete(opened.identity);
      await opened.close();
      return left;
    }
    const place: Place = { file: opened, state: 'waiting', onGranted: undefined };
    opened.waitForLock().then(
      () => {
        place.state = 'granted';
        place.onGranted?.();
        if (this.#left.delete(opened.identity)) void closeQuietly(opened);
      },
      (error: unknown) => {
        // Some file systems cannot wait, or give up; looking every poll interval goes on.
        this.#components.logger.log('warn', 'waiting for the lock failed, polling', { error });
        place.state = 'failed';
        if (this.#left.delete(opened.identity)) void closeQuietly(opened);
      },
    );
    return place;
  }

  async #watch(
    place: Place,
    watch: HolderWatch,
    signal: AbortSignal,
  ): Promise<'granted' | 'replaced' | 'silent'> {
    const pause = new Pause(this.#components.clock);
    const wake = (): void => {
      pause.wake();
    };
    place.onGranted = wake;
    signal.addEventListener('abort', wake);
    try {
      for (;;) {
        throwIfAborted(signal);
        if (place.state === 'granted' || place.file.tryLock()) return 'granted';
        const seen = await look(this.#components.files, this.#paths.lock);
        if (!sameFile(seen, place.file)) return 'replaced';
        const owner = await look(this.#components.files, this.#paths.owner);
        const silentMs = watch.see(owner?.record, this.#components.clock.now());
        // Only a holder of ours can be silent: ActiveMQ overwrites the record in the lock file.
        if (seen?.record && silentMs >= this.#times.silenceMs) return 'silent';
        await pause.sleep(this.#times.pollIntervalMs);
      }
    } finally {
      signal.removeEventListener('abort', wake);
    }
  }

  /** A lock counts only while the path leads to the file it is on: a replaced file excludes nobody. */
  async #verify(file: LockFile): Promise<Turn | undefined> {
    const seen = await look(this.#components.files, this.#paths.lock);
    if (seen?.identity === file.identity) {
      return { file, former: file.readSync(), replaced: undefined };
    }
    await file.close();
    return undefined;
  }

  /**
   * Puts a lock file of our own in the place of a silent holder's. Of several that try, the kernel
   * lets one lock `lock.next`; while it has that lock nobody else can rename the file.
   */
  async #depose(place: Place, watch: HolderWatch): Promise<Turn | undefined> {
    const { files, logger } = this.#components;
    const next = await LockFile.open(files, this.#locks, this.#paths.nextLock);
    const isMine =
      next.tryLock() &&
      // Another may have renamed the file between our opening and locking it.
      sameFile(await look(files, this.#paths.nextLock), next) &&
      // The holder may have woken, or somebody was faster, since we last looked.
      sameFile(await look(files, this.#paths.lock), place.file) &&
      watch.isUnchanged((await look(files, this.#paths.owner))?.record);
    if (!isMine || place.state === 'granted') {
      await next.close();
      this.leave(place);
      return undefined;
    }
    const former = watch.record;
    logger.log('warn', 'deposing a holder of the lock that shows no sign of life', { ...former });
    await files.rename(this.#paths.nextLock, this.#paths.lock);
    await files.syncDirectory(this.#paths.directory);
    return { file: next, former, replaced: place };
  }
}

/** What one in line has seen of the holder's keep-alive. */
class HolderWatch {
  readonly #request: LineRequest;
  readonly #namesakeMs: number;
  #since: number;
  record: LockRecord | undefined;
  /** The holder that others were told we wait for. */
  #reported: { readonly holder: string | undefined } | undefined;

  constructor(request: LineRequest, namesakeMs: number, now: number) {
    this.#request = request;
    this.#namesakeMs = namesakeMs;
    this.#since = now;
  }

  /**
   * Notes a record; returns for how long a holder has been silent, 0 if it is not one of ours.
   *
   * @throws `BATON_NAME_IN_USE` if a broker of our name is seen to be alive. One sighting is no
   * proof: after a quick restart the record may still be our own former one.
   */
  see(record: LockRecord | undefined, now: number): number {
    const before = this.record;
    const isProgress = before?.holder !== record?.holder || before?.count !== record?.count;
    if (isProgress || record === undefined || record.state === 'released') this.#since = now;
    this.record = record;
    const isAlive = before !== undefined && before.holder === record?.holder && isProgress;
    if (isAlive && record.owner === this.#request.owner) {
      throw new BrokerError(
        'BATON_NAME_IN_USE',
        `Another live broker named '${record.owner}' holds this directory; names must differ`,
        { details: { owner: record.owner, epoch: record.epoch } },
      );
    }
    const silentMs = now - this.#since;
    this.#report(record, silentMs);
    return silentMs;
  }

  /** "Waiting" is said of a holder that may be waited for: not yet of one that may turn out to have our name. */
  #report(record: LockRecord | undefined, silentMs: number): void {
    const isNamesake = record?.owner === this.#request.owner && record.state !== 'released';
    if (isNamesake && silentMs < this.#namesakeMs) return;
    if (this.#reported !== undefined && this.#reported.holder === record?.holder) return;
    this.#reported = { holder: record?.holder };
    this.#request.onProgress({ type: 'waiting', holder: record?.owner });
  }

  isUnchanged(record: LockRecord | undefined): boolean {
    return record?.holder === this.record?.holder && record?.count === this.record?.count;
  }
}

function sameFile(seen: LockSighting | undefined, file: LockFile): boolean {
  return seen?.identity === file.identity;
}

/** @throws `BATON_ABORTED` */
export function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw new AbortError('Waiting for the lock', signal.reason);
}

async function closeQuietly(file: LockFile): Promise<void> {
  await file.close().catch(() => undefined);
}
