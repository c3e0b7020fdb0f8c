/**
 * Writes checkpoints in the background, and says what they allow to be forgotten.
 *
 * Two are kept, so that damage to one costs only time. Files for the next ones are kept too, under
 * temporary names and with room in them: on a full disk a checkpoint must still be possible, because
 * only a checkpoint frees space.
 */
import type { Files, Logger } from '@batonmq/runtime';
import { writeCheckpoint } from './checkpoint.ts';
import { checkpointName, listJournal, pathOf } from './journal-directory.ts';
import type { JournalIndex } from './journal-index.ts';
import { isNoSpace } from './segment-supply.ts';

const KEPT_COUNT = 2;
/** Files made at the start: as many as are kept, and the one that is written next. */
const SPARE_COUNT = KEPT_COUNT + 1;
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
  /** Room of a file that waits for its checkpoint, bytes. */
  readonly spareBytes: number;
  /** False if another owner may need the checkpoints that are there. */
  readonly mayRemove: () => boolean;
  /** {@link Checkpointer.oldestSegment} may have grown. */
  readonly onWritten: () => void;
}

export class Checkpointer {
  readonly #options: CheckpointerOptions;
  /** Newest first; those of this epoch. */
  #kept: KeptCheckpoint[] = [];
  /** Paths of files that wait for a checkpoint. */
  readonly #spares: string[] = [];
  #pathCount = 0;
  #bytesSince = 0;
  #sizeBytes = 0;
  #retryAtBytes = 0;
  #running: Promise<void> | undefined;

  constructor(options: CheckpointerOptions) {
    this.#options = options;
  }

  /** Makes the files of the first checkpoints. Where there is no room they are made when they are needed. */
  async makeSpares(): Promise<void> {
    for (let count = 0; count < SPARE_COUNT; count += 1) {
      const path = this.#newPath();
      await this.#fill(path, 'create');
      this.#spares.push(path);
    }
  }

  /** Recovery never reads a segment with a smaller ordinal. */
  get oldestSegment(): number {
    return this.#kept.length < KEPT_COUNT ? 0 : (this.#kept.at(-1)?.segment ?? 0);
  }

  /** Bytes of journal that recovery would have to read now. */
  get bytesSince(): number {
    return this.#bytesSince;
  }

  /** True if no batch came after the newest checkpoint. */
  get isCurrent(): boolean {
    const { last } = this.#options.index;
    return last !== undefined && this.#kept[0]?.name === checkpointName(last.epoch, last.sequence);
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
    if (this.isCurrent) return;
    const name = checkpointName(last.epoch, last.sequence);
    const spare = this.#spares[0] ?? this.#newPath();
    try {
      const file = await files.open(spare, 'open-or-create');
      try {
        this.#sizeBytes = await writeCheckpoint(file, snapshot);
      } finally {
        await file.close();
      }
      await files.rename(spare, pathOf(directory, name));
      this.#spares.shift();
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
    for (const { name } of older) {
      const path = pathOf(directory, name);
      if (this.#spares.length > 0) await files.remove(path);
      else await this.#reuse(path);
    }
  }

  async #reuse(path: string): Promise<void> {
    const spare = this.#newPath();
    await this.#options.files.rename(path, spare);
    this.#spares.push(spare);
    await this.#fill(spare, 'read-write').catch((error: unknown) => {
      if (!isNoSpace(error)) throw error;
    });
  }

  /** Lengthens a file to the room that a spare has. */
  async #fill(path: string, mode: 'create' | 'read-write'): Promise<void> {
    const { files, spareBytes } = this.#options;
    const file = await files.open(path, mode);
    try {
      const { sizeBytes } = await file.status();
      if (sizeBytes >= spareBytes) return;
      await file.write(Buffer.alloc(spareBytes - sizeBytes), sizeBytes);
      await file.datasync();
    } finally {
      await file.close();
    }
  }

  #newPath(): string {
    const { directory, epoch } = this.#options;
    this.#pathCount += 1;
    return pathOf(directory, `c${epoch}-${this.#pathCount}.checkpoint.tmp`);
  }
}
