/**
 * Zero-filled room to write into, always ahead of the writer.
 *
 * A sync of bytes written over zeros commits no metadata of the file system, which halves its time
 * (docs/adr/0003-journal-format.md). So the next segment is filled, or a retired one is taken,
 * while the current one is in use. Room is also what a full disk cannot take away: the last
 * `reserveBytes` of it are for batches without messages.
 */
import { assert, present } from '@batonmq/model';
import type { Files, Logger, OpenFile, RuntimeComponents } from '@batonmq/runtime';
import { align8 } from './batch-format.ts';
import { pathOf, segmentName } from './journal-directory.ts';
import type { JournalSettings } from './options.ts';

const FILL_BYTES = 1024 * 1024;
/** Zeros between syncs of a fill; larger: a burst of writing in which other syncs wait. */
const FILL_SYNC_BYTES = 8 * FILL_BYTES;
/** Offsets are 32 bits; a segment that grew this large for want of another grows no further. */
const SEGMENT_BYTES_MAX = 2 ** 31;
const ZEROS = Buffer.alloc(FILL_BYTES);

/** A segment this epoch writes. */
export interface WritableSegment {
  readonly ordinal: number;
  readonly path: string;
  readonly file: OpenFile;
  /** Bytes from the start that are on disk, written or zero. */
  filledBytes: number;
  /** Where the next batch goes. */
  end: number;
}

export interface SegmentSupplyOptions {
  readonly components: RuntimeComponents;
  readonly directory: string;
  readonly epoch: number;
  readonly settings: JournalSettings;
  readonly firstOrdinal: number;
  /** A segment will not be written any more. */
  readonly onSealed: (segment: WritableSegment) => void;
  /** The disk is full, still: whatever may free space is due. Called every `fullRetryMs`. */
  readonly onFull: () => void;
  /** Room cannot be made, and not because the disk is full. */
  readonly onFailed: (error: unknown) => void;
}

export class SegmentSupply {
  readonly #options: SegmentSupplyOptions;
  readonly #files: Files;
  readonly #logger: Logger;
  #current: WritableSegment | undefined;
  #next: WritableSegment | undefined;
  #nextOrdinal: number;
  #preparing: Promise<void> | undefined;
  /** A file of this epoch that nothing refers to any more: its blocks are written already. */
  #retiredPath: string | undefined;
  #isFull = false;
  #isClosed = false;

  constructor(options: SegmentSupplyOptions) {
    this.#options = options;
    this.#files = options.components.files;
    this.#logger = options.components.logger;
    this.#nextOrdinal = options.firstOrdinal;
  }

  get current(): WritableSegment {
    return present(this.#current, 'the supply was opened');
  }

  /** True between the first failure for want of space and the next success. */
  get isFull(): boolean {
    return this.#isFull;
  }

  /** Bytes of files that hold no batch yet. */
  get spareBytes(): number {
    return this.#next?.filledBytes ?? 0;
  }

  /**
   * Makes the first segment of the epoch: small, so that a takeover does not wait for zeros. May be
   * called again after `ENOSPC`.
   */
  async open(bytes: number): Promise<void> {
    const { reserveBytes, segmentBytes } = this.#options.settings;
    const roomBytes = Math.max(align8(bytes), Math.min(FILL_BYTES, segmentBytes));
    const ordinal = this.#takeOrdinal();
    try {
      this.#current = await this.#make(ordinal, reserveBytes + roomBytes);
    } catch (error) {
      if (isNoSpace(error)) await this.#files.remove(this.#path(ordinal));
      throw error;
    }
  }

  /**
   * The segment in which a batch of `bytes` has room, moving on to the next one if that is needed;
   * undefined if there is none until {@link grow} or the preparation in the background has made it.
   */
  room(bytes: number, mayUseReserve: boolean): WritableSegment | undefined {
    const reserve = mayUseReserve ? 0 : this.#options.settings.reserveBytes;
    const left = this.current.filledBytes - this.current.end;
    const nextBytes = this.#next?.filledBytes ?? 0;
    if (bytes <= left) return left - bytes + nextBytes >= reserve ? this.current : undefined;
    if (this.#next === undefined || nextBytes - bytes < reserve) return undefined;
    this.#roll(this.#next);
    return this.current;
  }

  /**
   * Makes room for a batch of `bytes` at once, by filling up the current segment.
   *
   * @throws The platform's error; after `ENOSPC`, {@link isFull} is true until room was made.
   */
  async grow(bytes: number): Promise<void> {
    const segment = this.current;
    const wanted = segment.end + bytes + this.#options.settings.reserveBytes;
    if (wanted > SEGMENT_BYTES_MAX) {
      await this.#preparing;
      return;
    }
    try {
      await this.#fill(segment.file, segment.filledBytes, Math.max(wanted, segment.filledBytes));
      segment.filledBytes = Math.max(wanted, segment.filledBytes);
    } catch (error) {
      if (!isNoSpace(error)) throw error;
      // What was filled in vain would be missing to the checkpoint that frees space.
      await segment.file.truncate(segment.filledBytes);
      this.noteFull();
      throw error;
    }
  }

  /** Starts to make the next segment, unless it is there or being made. */
  prepare(): void {
    if (this.#next !== undefined || this.#preparing !== undefined || this.#isClosed) return;
    this.#preparing = this.#prepareNext().finally(() => {
      this.#preparing = undefined;
    });
  }

  /** Remembers that the disk is full, and looks again after a while. */
  noteFull(): void {
    if (this.#isFull) return;
    this.#isFull = true;
    this.#logger.log('warn', 'the disk is full: no more messages until there is room', {
      directory: this.#options.directory,
    });
    this.#retryLater();
  }

  /** Gives a retired file of this epoch back. True if it was taken; the caller removes it otherwise. */
  offer(path: string): boolean {
    if (this.#retiredPath !== undefined || this.#isClosed) return false;
    this.#retiredPath = path;
    this.prepare();
    return true;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#preparing;
    await this.#next?.file.close();
  }

  #roll(next: WritableSegment): void {
    const sealed = this.current;
    assert(next.ordinal > sealed.ordinal, 'segments are used in the order of their ordinals');
    this.#current = next;
    this.#next = undefined;
    this.#options.onSealed(sealed);
    this.prepare();
  }

  async #prepareNext(): Promise<void> {
    const ordinal = this.#nextOrdinal;
    try {
      const next = await this.#make(ordinal, this.#options.settings.segmentBytes);
      this.#nextOrdinal += 1;
      this.#next = next;
      this.#isFull = false;
    } catch (error) {
      if (!isNoSpace(error)) {
        this.#options.onFailed(error);
        return;
      }
      await this.#files.remove(this.#path(ordinal));
      if (this.#isFull) this.#retryLater();
      else this.noteFull();
    }
  }

  #retryLater(): void {
    const { components, settings } = this.#options;
    components.clock.setTimer(settings.fullRetryMs, () => {
      this.#options.onFull();
      if (this.#preparing === undefined) this.prepare();
      else this.#retryLater();
    });
  }

  async #make(ordinal: number, bytes: number): Promise<WritableSegment> {
    const path = this.#path(ordinal);
    const retired = this.#retiredPath;
    let file: OpenFile;
    let filled = 0;
    if (retired === undefined) {
      file = await this.#files.open(path, 'create');
    } else {
      this.#retiredPath = undefined;
      await this.#files.rename(retired, path);
      file = await this.#files.open(path, 'read-write');
      filled = (await file.status()).sizeBytes;
    }
    try {
      if (filled < bytes) await this.#fill(file, filled, bytes);
      // A name that is not durable would take everything written under it away.
      await this.#files.syncDirectory(this.#options.directory);
    } catch (error) {
      await file.close();
      throw error;
    }
    return { ordinal, path, file, filledBytes: Math.max(filled, bytes), end: 0 };
  }

  async #fill(file: OpenFile, from: number, to: number): Promise<void> {
    let sinceSync = 0;
    for (let at = from; at < to; at += FILL_BYTES) {
      const bytes = Math.min(FILL_BYTES, to - at);
      await file.write(ZEROS.subarray(0, bytes), at);
      sinceSync += bytes;
      if (sinceSync >= FILL_SYNC_BYTES) {
        await file.datasync();
        sinceSync = 0;
      }
    }
    await file.datasync();
  }

  #takeOrdinal(): number {
    const ordinal = this.#nextOrdinal;
    this.#nextOrdinal += 1;
    return ordinal;
  }

  #path(ordinal: number): string {
    return pathOf(this.#options.directory, segmentName(ordinal, this.#options.epoch));
  }
}

export function isNoSpace(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOSPC';
}
