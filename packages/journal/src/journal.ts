/**
 * The journal of one owner: everything a broker remembers, in files of one directory.
 *
 * ```
 *   append ----> group-commit ----> segment-supply (room)      read ----> message-reader
 *                     |  durable                                              |
 *                     v                                                       v
 *               journal-index  <------------------------------------- place of a message
 *                     |
 *        checkpointer | compactor: what frees space, in the background
 * ```
 */
import {
  epoch as toEpoch,
  type DestinationNumber,
  type Epoch,
  type Sequence,
} from '@batonmq/model';
import type { RuntimeComponents } from '@batonmq/runtime';
import type { ReadLimits, RecoveryVisitor, StoredMessage, WriteBatch } from '@batonmq/store-spi';
import { Checkpointer } from './checkpointer.ts';
import { Compactor } from './compactor.ts';
import { GroupCommit, storeFailure } from './group-commit.ts';
import { describeJournal, type JournalInspection } from './inspection.ts';
import { pathOf, segmentName } from './journal-directory.ts';
import type { JournalIndex } from './journal-index.ts';
import { MessageReader } from './message-reader.ts';
import type { JournalSettings } from './options.ts';
import { SegmentFiles } from './segment-files.ts';
import type { SegmentSupply, WritableSegment } from './segment-supply.ts';

/** An open journal: the one that may write. */
export interface Journal {
  readonly epoch: Epoch;
  /**
   * Applies a batch whole or not at all, after every batch appended before it. When it resolves the
   * batch is durable and readable. Appends settle in the order of the calls. The bytes given have
   * been copied when the call returns.
   *
   * @throws `BATON_STORE_FULL` if the disk has no room for its messages (nothing took effect, and it
   * works again when there is room); `BATON_LIMIT` beyond `pendingBytesMax` (nothing took effect);
   * `BATON_INVALID_ARGUMENT` for what the format cannot hold; `BATON_STORE_FAILED`, or the guard's
   * error, if the journal failed: the outcome is unknown.
   */
  append(batch: WriteBatch): Promise<void>;
  /** Tells the visitor what is stored. Message bodies are not loaded. */
  recover(visitor: RecoveryVisitor): Promise<void>;
  /**
   * Messages of a destination from `from` up, in order, without those removed. A payload may keep
   * a block of up to 1 MiB in memory.
   *
   * @throws `BATON_CORRUPT` with file and offset if stored bytes fail their checksum.
   */
  read(
    destination: DestinationNumber,
    from: Sequence,
    limits: ReadLimits,
  ): Promise<readonly StoredMessage[]>;
  /** Sizes, and why each segment is kept. */
  inspect(): JournalInspection;
  /** Resolves once if the journal can write no more. */
  readonly failed: Promise<Error>;
  /** Waits until every append has settled, writes a checkpoint, closes files. Idempotent. */
  close(): Promise<void>;
}

/** What opening a journal leaves behind for the open one; see open-journal.ts. */
export interface OpenedJournal {
  readonly components: RuntimeComponents;
  readonly directory: string;
  readonly settings: JournalSettings;
  readonly epoch: number;
  readonly index: JournalIndex;
  /** File sizes of the segments of earlier epochs, by ordinal. */
  readonly segmentBytes: Map<number, number>;
  /** Paths of files of earlier epochs that mean nothing, to be removed. */
  readonly leftovers: string[];
  readonly guard: () => Error | undefined;
}

export class OwnedJournal implements Journal {
  readonly epoch: Epoch;
  readonly failed: Promise<Error>;
  readonly #opened: OpenedJournal;
  readonly #supply: SegmentSupply;
  readonly #commit: GroupCommit;
  readonly #files: SegmentFiles;
  readonly #reader: MessageReader;
  readonly #checkpointer: Checkpointer;
  readonly #compactor: Compactor;
  #resolveFailed: (error: Error) => void = () => undefined;
  #closing: Promise<void> | undefined;
  #retiring: Promise<void> | undefined;
  readonly #makingSpares: Promise<void>;
  #hasFailed = false;
  /** The index's own count when space was last looked for. */
  #emptiedCount = 0;

  constructor(opened: OpenedJournal, supply: SegmentSupply) {
    const { components, directory, settings, epoch, index } = opened;
    this.epoch = toEpoch(epoch);
    this.failed = new Promise((resolve) => {
      this.#resolveFailed = resolve;
    });
    this.#opened = opened;
    this.#supply = supply;
    this.#files = new SegmentFiles(components.files);
    this.#reader = new MessageReader(index, this.#files, (ordinal) => this.#pathOf(ordinal));
    this.#checkpointer = new Checkpointer({
      files: components.files,
      logger: components.logger,
      directory,
      index,
      epoch,
      checkpointBytes: settings.checkpointBytes,
      spareBytes: settings.reserveBytes / 2,
      mayRemove: () => opened.guard() === undefined,
      onWritten: () => void this.#retire(),
    });
    this.#commit = new GroupCommit({
      clock: components.clock,
      supply,
      index,
      epoch,
      pendingBytesMax: settings.pendingBytesMax,
      guard: opened.guard,
      onCommitted: (bytes) => {
        this.#afterCommit(bytes);
      },
      onFailed: (error) => {
        this.#hasFailed = true;
        this.#resolveFailed(error);
      },
    });
    this.#compactor = new Compactor({
      components,
      index,
      files: this.#files,
      settings,
      pathOf: (ordinal) => this.#pathOf(ordinal),
      append: (records) => this.#commit.append(records),
      isWritten: (ordinal) => ordinal >= this.#supply.current.ordinal,
      isFull: () => this.#supply.isFull,
      onEmptied: () => void this.#retire(),
    });
    this.#retiring = this.#logged(this.#removeLeftovers());
    this.#makingSpares = this.#checkpointer.makeSpares().catch((error: unknown) => {
      components.logger.log('warn', 'no room is kept for checkpoints', { directory, error });
    });
  }

  append(batch: WriteBatch): Promise<void> {
    return this.#commit.append(batch);
  }

  recover(visitor: RecoveryVisitor): Promise<void> {
    this.#opened.index.visit(visitor);
    return Promise.resolve();
  }

  read(
    destination: DestinationNumber,
    from: Sequence,
    limits: ReadLimits,
  ): Promise<readonly StoredMessage[]> {
    return this.#reader.read(destination, from, limits);
  }

  inspect(): JournalInspection {
    return describeJournal({
      index: this.#opened.index,
      epoch: this.epoch,
      isFull: this.#supply.isFull,
      spareBytes: this.#supply.spareBytes,
      current: this.#supply.current.ordinal,
      oldestSegment: this.#checkpointer.oldestSegment,
      recoveryBytes: this.#checkpointer.bytesSince,
      pathOf: (ordinal) => this.#pathOf(ordinal),
      bytesOf: (ordinal) => this.#bytesOf(ordinal),
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** A segment was filled; called by the supply. */
  noteSealed(segment: WritableSegment): void {
    this.#opened.segmentBytes.set(segment.ordinal, segment.filledBytes);
    void segment.file.close().catch((error: unknown) => {
      this.fail(error);
    });
    if (this.#isWorthReclaiming()) this.#checkpointer.start();
    this.#compactor.consider();
  }

  /** On a full disk: a checkpoint that could not be written before may have room now. */
  reclaim(): void {
    if (this.#hasFailed || this.#isClosing || !this.#isWorthReclaiming()) return;
    void this.#pastCheckpoint().then(
      () => this.#checkpointer.write(),
      () => undefined,
    );
  }

  fail(error: unknown): void {
    this.#commit.fail(storeFailure(error));
  }

  get #isClosing(): boolean {
    return this.#closing !== undefined;
  }

  async #close(): Promise<void> {
    this.#compactor.stop();
    await this.#commit.close();
    await this.#makingSpares;
    await this.#checkpointer.settled();
    if (!this.#hasFailed) await this.#checkpointer.write();
    await this.#retiring;
    await this.#supply.close();
    await this.#files.close();
    await this.#supply.current.file.close();
  }

  #afterCommit(bytes: number): void {
    this.#checkpointer.noteBytes(bytes);
    this.#compactor.noteBytes(bytes);
    const { emptiedCount } = this.#opened.index;
    if (emptiedCount === this.#emptiedCount) return;
    this.#emptiedCount = emptiedCount;
    if (this.#isWorthReclaiming()) void this.#retire();
  }

  /** Frees the segments that hold nothing and that no recovery would read. */
  async #retire(): Promise<void> {
    if (this.#hasFailed) return;
    await this.#retiring;
    this.#retiring = this.#logged(this.#retireNow());
    await this.#retiring;
    if (this.#isClosing || !this.#isWorthReclaiming()) return;
    // The older checkpoint still reaches back.
    await this.#pastCheckpoint().then(
      () => {
        this.#checkpointer.start();
      },
      () => undefined,
    );
  }

  /** A checkpoint needs a batch to be after, if only an empty one: nobody else may be writing. */
  async #pastCheckpoint(): Promise<void> {
    if (this.#checkpointer.isCurrent) await this.#commit.append([]);
  }

  /** What is left of earlier epochs; what stays behind is removed by the next opening. */
  async #removeLeftovers(): Promise<void> {
    const { leftovers, components, guard } = this.#opened;
    for (const path of leftovers.splice(0)) {
      // One at a time, and only while no one else may have taken over.
      if (guard() !== undefined) return;
      await components.files.remove(path);
    }
  }

  async #logged(removing: Promise<void>): Promise<void> {
    await removing.catch((error: unknown) => {
      this.#opened.components.logger.log('warn', 'a segment could not be removed', { error });
    });
  }

  async #retireNow(): Promise<void> {
    const { index, components, epoch, segmentBytes } = this.#opened;
    for (const segment of [...index.segments.values()]) {
      if (!this.#isRetirable(segment.ordinal)) continue;
      // Whoever took over may still need the file: an owner in doubt removes nothing.
      if (this.#opened.guard() !== undefined) return;
      const path = this.#pathOf(segment.ordinal);
      index.segments.delete(segment.ordinal);
      segmentBytes.delete(segment.ordinal);
      this.#files.forget(path);
      // A file of an older epoch may still be open in its old owner: written to again by us it
      // would hold what both write.
      if (segment.epoch === epoch && this.#supply.offer(path)) continue;
      await components.files.remove(path);
    }
  }

  #isRetirable(ordinal: number): boolean {
    const segment = this.#opened.index.segments.get(ordinal);
    return segment?.liveCount === 0 && ordinal < this.#checkpointer.oldestSegment;
  }

  /** A few dead segments may wait for the checkpoints that come anyway; on a full disk none may. */
  #isWorthReclaiming(): boolean {
    const bytesMax = this.#supply.isFull ? 0 : 2 * this.#opened.settings.segmentBytes;
    return this.#deadBytes() > bytesMax;
  }

  /** Bytes of segments that only a checkpoint keeps. */
  #deadBytes(): number {
    let bytes = 0;
    for (const { ordinal, liveCount } of this.#opened.index.segments.values()) {
      if (liveCount === 0 && ordinal < this.#supply.current.ordinal)
        bytes += this.#bytesOf(ordinal);
    }
    return bytes;
  }

  #bytesOf(ordinal: number): number {
    const current = this.#supply.current;
    if (ordinal === current.ordinal) return current.filledBytes;
    return this.#opened.segmentBytes.get(ordinal) ?? 0;
  }

  #pathOf(ordinal: number): string {
    const epoch = this.#opened.index.segments.get(ordinal)?.epoch ?? this.#opened.epoch;
    return pathOf(this.#opened.directory, segmentName(ordinal, epoch));
  }
}
