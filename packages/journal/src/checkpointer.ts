/**
 * Writes checkpoints in the background, and says what they allow to be forgotten.
 *
 * Two are kept, so that damage to one costs only time. A third file is kept under a temporary name
 * and overwritten next: on a full disk a checkpoint must still be possible, because only a
 * checkpoint frees space.
 */
import type { Files, Logger } from '@batonmq/runtime';
import { writeCheckpoint } from './checkpoint.ts';
import { checkpointName, listJournal, pathOf } from './journal-directory.ts';
import type { JournalIndex } from './journal-index.ts';

const KEPT_COUNT = 2;
/** A checkpoint is written after this many times its own size at least, so that it stays a small part of all writing. */
const SIZE_FACTOR = 4;
/** A checkpoint that failed is tried again after this part of the usual bytes. */
const RETRY_DIVISOR = 8;

interface KeptCheckpoint {
  readonly name: string;
  /** Recovery from this checkpoint starts to read in this segment. */
  readonly segment: number;
}

export interface CheckpointerOptions {
  readonly files: Files;
  readonly logger: Logger;
  readonly directory: string;
  readonly index: JournalIndex;
  readonly epoch: number;
  readonly checkpointBytes: number;
  /** False if another owner may need the checkpoints that are there. */
  readonly mayRemove: () => boolean;
  /** {@link Checkpointer.oldestSegment} may have grown. */
  readonly onWritten: () => void;
}

export class Checkpointer {
  readonly #options: CheckpointerOptions;
  readonly #temporaryPath: string;
  /** Newest first; those of this epoch. */
  #kept: KeptCheckpoint[] = [];
  #bytesSince = 0;
  #sizeBytes = 0;
  #retryAtBytes = 0;
  #running: Promise<void> | undefined;

  constructor(options: CheckpointerOptions) {
    this.#options = options;
    this.#temporaryPath = pathOf(options.directory, `c${options.epoch}.checkpoint.tmp`);
  }

  /** Recovery never reads a segment with a smaller ordinal. */
  get oldestSegment(): number {
    return this.#kept.length < KEPT_COUNT ? 0 : (this.#kept.at(-1)?.segment ?? 0);
  }

  /** Bytes of journal that recovery would have to read now. */
  get bytesSince(): number {
    return this.#bytesSince;
  }

  /** Counts what was written; starts a checkpoint when it is due. */
  noteBytes(bytes: number): void {
    this.#bytesSince += bytes;
    const { checkpointBytes } = this.#options;
    const due = Math.max(checkpointBytes, SIZE_FACTOR * this.#sizeBytes, this.#retryAtBytes);
    if (this.#bytesSince >= due) this.start();
  }

  /** Starts a checkpoint in the background, unless one is being written or has just failed. */
  start(): void {
    if (this.#bytesSince < this.#retryAtBytes) return;
    void this.write();
  }

  /** Resolves when a checkpoint was written, or could not be; that is logged and tried again later. */
  async write(): Promise<void> {
    this.#running ??= this.#write().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async settled(): Promise<void> {
    await this.#running;
  }

  async #write(): Promise<void> {
    const { files, logger, directory, index, checkpointBytes } = this.#options;
    const snapshot = index.snapshot();
    const last = snapshot.last;
    if (last === undefined) return;
    const bytesBefore = this.#bytesSince;
    this.#bytesSince = 0;
    const name = checkpointName(last.epoch, last.sequence);
    if (this.#kept[0]?.name === name) return;
    try {
      const file = await files.open(this.#temporaryPath, 'open-or-create');
      try {
        this.#sizeBytes = await writeCheckpoint(file, snapshot);
      } finally {
        await file.close();
      }
      await files.rename(this.#temporaryPath, pathOf(directory, name));
      await files.syncDirectory(directory);
      await this.#forgetOlder({ name, segment: last.segment });
    } catch (error) {
      this.#bytesSince += bytesBefore;
      this.#retryAtBytes = this.#bytesSince + checkpointBytes / RETRY_DIVISOR;
      logger.log('warn', 'a checkpoint could not be written', { directory, error });
      return;
    }
    this.#retryAtBytes = 0;
    this.#options.onWritten();
  }

  async #forgetOlder(newest: KeptCheckpoint): Promise<void> {
    const { files, directory, epoch } = this.#options;
    this.#kept = [newest, ...this.#kept].slice(0, KEPT_COUNT);
    if (this.#kept.length < KEPT_COUNT || !this.#options.mayRemove()) return;
    const kept = new Set(this.#kept.map(({ name }) => name));
    const { checkpoints } = await listJournal(files, directory);
    const older = checkpoints.filter((one) => one.epoch <= epoch && !kept.has(one.name));
    for (const [position, { name }] of older.entries()) {
      const path = pathOf(directory, name);
      if (position === 0) await files.rename(path, this.#temporaryPath);
      else await files.remove(path);
    }
  }
}
