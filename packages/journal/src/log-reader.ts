/**
 * Reads a journal's batches in order into an index: recovery, followers and `verify` are this.
 *
 * Every batch has a sequence, dense over the whole journal, and every epoch begins with a batch that
 * says how much of the older segments counts. So at any place the reader knows which batch must
 * come next, and what it finds there decides:
 *
 * ```
 * | at the place          | next intact batch further on | then                                      |
 * |-----------------------|------------------------------|-------------------------------------------|
 * | the expected batch    | -                            | apply it                                  |
 * | anything else         | the expected one             | go on there: the segment was full         |
 * | anything else         | opens an epoch and repeats   | go on there: the old epoch ended with it  |
 * |                       | the batch applied last       |                                           |
 * | anything else         | a later one                  | DAMAGE from the place to that batch:      |
 * |                       |                              | `refuse` rejects, `isolate` skips it      |
 * | anything else         | none                         | the end: blank space, or a torn write     |
 * |                       |                              | that was never acknowledged               |
 * ```
 *
 * "Intact" means every checksum holds, and the batch names its own segment, epoch and offset.
 * "Further on" is the rest of the segment and the later segments, each as far as it counts:
 * a segment that a later epoch did not list, and bytes beyond the length it listed, are late
 * writes of an owner that had lost its lease, and are never looked at.
 */
import { BrokerError, present } from '@batonmq/model';
import type { Files, Logger, OpenFile } from '@batonmq/runtime';
import { BATCH_HEADER_BYTES, readRawRecord, type BatchHeader } from './batch-format.ts';
import { BatchScanner, type ScannedBatch } from './batch-scanner.ts';
import { listJournal, pathOf, type SegmentFile } from './journal-directory.ts';
import type { DamagedRange, JournalIndex } from './journal-index.ts';
import type { CorruptionDecision } from './options.ts';
import { readEpochOpened, RECORD_TYPE, type EpochOpened } from './record-format.ts';

/**
 * - `current`: everything there is was applied;
 * - `diverged`: the index holds a batch that a later epoch ruled out, or what it needs next is
 *   gone: start again from a checkpoint.
 */
export type AdvanceResult = 'current' | 'diverged';

export interface LogReaderEnvironment {
  readonly files: Files;
  readonly logger: Logger;
  readonly directory: string;
  readonly onCorruption: CorruptionDecision;
  /** Told now and then how many bytes of batches were applied. */
  readonly onBytes?: (bytes: number) => void;
}

interface OpenSegment extends SegmentFile {
  readonly file: OpenFile;
  readonly scanner: BatchScanner;
  limit: number;
}

interface Opening {
  readonly epoch: number;
  readonly header: BatchHeader;
  readonly opened: EpochOpened;
}

export class LogReader {
  readonly index: JournalIndex;
  #environment: LogReaderEnvironment;
  readonly #open = new Map<string, OpenSegment>();
  readonly #openings = new Map<number, Opening>();
  #segments: readonly SegmentFile[] = [];
  #isRestartable = false;

  constructor(index: JournalIndex, environment: LogReaderEnvironment) {
    this.index = index;
    this.#environment = environment;
  }

  /**
   * Applies everything that follows the index. `isFinal` says that no one writes any more: only then
   * is damage at the end told from a write in progress. `isRestartable` says that the caller would
   * rather start again from a checkpoint than meet damage: what is missing may have been retired.
   *
   * @throws `BATON_CORRUPT` on damage, if the decision is to refuse; `BATON_STORE_FORMAT`.
   */
  async advance(isFinal: boolean, isRestartable = false): Promise<AdvanceResult> {
    this.#isRestartable = isRestartable;
    const { files, directory } = this.#environment;
    this.#segments = (await listJournal(files, directory)).segments;
    try {
      await this.#readOpenings();
      if (this.#hasDiverged()) return 'diverged';
      return await this.#walk(isFinal);
    } catch (error) {
      // The owner retired a segment between the listing and the opening of the file.
      if (isMissing(error)) return 'diverged';
      throw error;
    } finally {
      await this.#closeAllBut(this.index.last?.segment);
    }
  }

  /** The journal is now found in another directory. Files that are open stay what they are. */
  moveTo(directory: string): void {
    this.#environment = { ...this.#environment, directory };
  }

  async close(): Promise<void> {
    await this.#closeAllBut(undefined);
  }

  async #walk(isFinal: boolean): Promise<AdvanceResult> {
    for (;;) {
      const last = this.index.last;
      const current = last && (await this.#openNumber(last.segment));
      if (last !== undefined && current === undefined) return 'diverged';
      if (last !== undefined && current !== undefined) {
        await this.#applyFrom(current, last.end);
      }
      const next = await this.#findNext(current, isFinal);
      if (next === undefined) return 'current';
      if (!this.#follows(next)) {
        if (this.#isRestartable) return 'diverged';
        this.#meetDamage(next.header, current);
      }
      this.#apply(next);
    }
  }

  /** Applies the batches that lie one after another in `segment` from `offset` on. */
  async #applyFrom(segment: OpenSegment, offset: number): Promise<void> {
    segment.scanner.refresh();
    let next = offset;
    for (;;) {
      const batch = await segment.scanner.batchAt(next, segment.limit);
      if (batch?.header.sequence !== this.#expected()) return;
      this.#apply(batch);
      next += batch.header.batchBytes;
    }
  }

  #apply({ buffer, at, header }: ScannedBatch): void {
    this.index.apply(buffer, at, header);
    this.#environment.onBytes?.(header.batchBytes);
  }

  #expected(): number {
    return (this.index.last?.sequence ?? 0) + 1;
  }

  /** The intact batch to go on with, wherever it is behind the place that was reached. */
  async #findNext(
    current: OpenSegment | undefined,
    isFinal: boolean,
  ): Promise<ScannedBatch | undefined> {
    const later = await this.#laterSegments(current);
    let hasLater = false;
    for (const segment of later) {
      const first = await segment.scanner.batchAt(0, segment.limit);
      if (first === undefined) continue;
      if (this.#follows(first)) return first;
      hasLater = true;
      break;
    }
    if (!isFinal && !hasLater) return undefined;
    const rest = current === undefined ? later : [current, ...later];
    for (const segment of rest) {
      const from = segment === current ? (this.index.last?.end ?? 0) : 0;
      segment.scanner.refresh();
      const found = await segment.scanner.nextIntact(from, this.#expected(), segment.limit);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** True if `batch` is the expected one, or repeats the last of the old epoch. */
  #follows(batch: ScannedBatch): boolean {
    const { header } = batch;
    const last = this.index.last;
    if (header.sequence === this.#expected()) {
      return header.epoch === last?.epoch || openedBy(batch) !== undefined;
    }
    const opened = openedBy(batch);
    return opened !== undefined && last !== undefined && repeats(opened, header, last);
  }

  /** Either batches are missing, or the opening of an epoch is and nobody knows what it sealed. */
  #meetDamage(next: BatchHeader, current: OpenSegment | undefined): void {
    const { directory, onCorruption, logger } = this.#environment;
    const from = this.index.last?.end ?? 0;
    const file = current ?? present(this.#segments[0], 'a batch lies in a segment');
    const isSameFile = file.ordinal === next.segment;
    const range: DamagedRange = {
      file: pathOf(directory, file.name),
      from,
      to: isSameFile ? next.offset : Math.max(from, finite(current?.limit) ?? from),
      firstBatch: this.#expected(),
      lastBatch: next.sequence - 1,
    };
    if (onCorruption === 'refuse') throw corruptionError(range);
    logger.log('error', 'the journal is damaged; the range is left out', { ...range });
    this.index.skip(range, next);
  }

  // What counts of which segment

  async #readOpenings(): Promise<void> {
    const firsts = new Map<number, SegmentFile>();
    for (const segment of this.#segments) {
      if (segment.epoch <= (this.index.last?.epoch ?? 0)) continue;
      if (!firsts.has(segment.epoch)) firsts.set(segment.epoch, segment);
    }
    for (const [epoch, segment] of firsts) {
      if (this.#openings.has(epoch)) continue;
      const { scanner } = await this.#openSegment(segment, Infinity);
      scanner.refresh();
      const batch = await scanner.batchAt(0);
      const opened = batch && openedBy(batch);
      if (opened) this.#openings.set(epoch, { epoch, header: batch.header, opened });
    }
    this.#forgetRuledOut();
  }

  /**
   * An owner that lost its turn before it had opened its epoch may write its first batch late, into a
   * file that is not removed yet. What that batch seals is what that owner saw, and does not count:
   * no later epoch lists its segment. From the newest down, because one that is ruled out must not
   * rule out others.
   */
  #forgetRuledOut(): void {
    const newestFirst = [...this.#openings.values()].sort((a, b) => b.epoch - a.epoch);
    for (const { epoch, header } of newestFirst) {
      const isCounted = this.#limitOf({ ordinal: header.segment, epoch }) > 0;
      if (!isCounted) this.#openings.delete(epoch);
    }
  }

  #hasDiverged(): boolean {
    const last = this.index.last;
    if (last === undefined) return false;
    for (const { epoch, header, opened } of this.#openings.values()) {
      if (epoch <= last.epoch || last.sequence < header.sequence) continue;
      if (!repeats(opened, header, last)) return true;
    }
    return false;
  }

  /** Bytes of a segment that count, as far as the epochs known now say. */
  #limitOf(segment: Pick<SegmentFile, 'ordinal' | 'epoch'>): number {
    let limit = Infinity;
    for (const { epoch, opened } of this.#openings.values()) {
      if (epoch <= segment.epoch) continue;
      const sealed = opened.sealed.find(
        (one) => one.segment === segment.ordinal && one.epoch === segment.epoch,
      );
      limit = Math.min(limit, sealed?.length ?? 0);
    }
    return limit;
  }

  async #laterSegments(current: OpenSegment | undefined): Promise<OpenSegment[]> {
    const last = this.index.last;
    const later: OpenSegment[] = [];
    for (const segment of this.#segments) {
      if (current !== undefined && segment.ordinal <= current.ordinal) continue;
      if (last !== undefined && segment.epoch < last.epoch) continue;
      const limit = this.#limitOf(segment);
      if (limit > 0) later.push(await this.#openSegment(segment, limit));
    }
    return later;
  }

  // Open files

  async #openNumber(ordinal: number): Promise<OpenSegment | undefined> {
    const epoch = this.index.segments.get(ordinal)?.epoch;
    const segment = this.#segments.find(
      (one) => one.ordinal === ordinal && (epoch === undefined || one.epoch === epoch),
    );
    return segment && this.#openSegment(segment, this.#limitOf(segment));
  }

  async #openSegment(segment: SegmentFile, limit: number): Promise<OpenSegment> {
    const known = this.#open.get(segment.name);
    if (known !== undefined) {
      known.limit = limit;
      return known;
    }
    const { files, directory } = this.#environment;
    const file = await files.open(pathOf(directory, segment.name), 'read');
    const open = { ...segment, file, scanner: new BatchScanner(file, segment), limit };
    this.#open.set(segment.name, open);
    return open;
  }

  async #closeAllBut(ordinal: number | undefined): Promise<void> {
    for (const [name, open] of this.#open) {
      if (open.ordinal === ordinal) continue;
      this.#open.delete(name);
      await open.file.close();
    }
  }
}

export function corruptionError(range: DamagedRange): BrokerError {
  const { file, from, to, firstBatch, lastBatch } = range;
  return new BrokerError(
    'BATON_CORRUPT',
    `${file} is damaged at offset ${from}: batches ${firstBatch} to ${lastBatch} cannot be read, later ones can`,
    { details: { file, offset: from, to, firstBatch, lastBatch } },
  );
}

function openedBy({ buffer, at, header }: ScannedBatch): EpochOpened | undefined {
  if (header.recordCount === 0) return undefined;
  const record = readRawRecord(buffer, at + BATCH_HEADER_BYTES);
  if (record.type !== RECORD_TYPE.epochOpened) return undefined;
  return readEpochOpened(buffer, record.from, record.to);
}

function repeats(
  opened: EpochOpened,
  header: BatchHeader,
  last: { readonly epoch: number; readonly sequence: number; readonly recordsChecksum: number },
): boolean {
  return (
    opened.carriedChecksum !== 0 &&
    opened.carriedChecksum === last.recordsChecksum &&
    header.sequence === last.sequence &&
    header.epoch > last.epoch
  );
}

function finite(value: number | undefined): number | undefined {
  return value === undefined || value === Infinity ? undefined : value;
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
