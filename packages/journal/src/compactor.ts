/**
 * Moves live messages out of mostly dead segments, so that one message nobody consumes does not keep
 * the files of thousands that were.
 *
 * A moved message is appended again as `message-moved`, through the same group commit as everything
 * else; when that is durable the old segment holds nothing and is retired after the next
 * checkpoints. Segments are worth it while all sealed ones together hold more than
 * twice what is live in them; the emptiest is taken first.
 */
import type { RuntimeComponents } from '@batonmq/runtime';
import { batchRecords, isBodyIntact, type RawRecord } from './batch-format.ts';
import { BatchScanner, type ScannedBatch } from './batch-scanner.ts';
import type { IndexedSegment, JournalIndex } from './journal-index.ts';
import type { JournalSettings } from './options.ts';
import { readU64, RECORD_TYPE, TARGET_BYTES, type MessageMoved } from './record-format.ts';
import type { SegmentFiles } from './segment-files.ts';

/** Moved by one append. Larger: acks wait longer behind it; smaller: more syncs. */
const SLICE_BYTES = 256 * 1024;
/** All sealed segments may hold this many times their live bytes before any is compacted. */
const USED_TO_LIVE = 2;
/** A segment with more than this part alive is left alone: moving it would free too little. */
const LIVE_PART_MAX = 0.5;

export interface CompactorOptions {
  readonly components: RuntimeComponents;
  readonly index: JournalIndex;
  readonly files: SegmentFiles;
  readonly settings: JournalSettings;
  readonly pathOf: (ordinal: number) => string;
  readonly append: (records: readonly MessageMoved[]) => Promise<void>;
  /** True for segments that are still written, or will be. */
  readonly isWritten: (ordinal: number) => boolean;
  readonly isFull: () => boolean;
  readonly onEmptied: () => void;
}

export class Compactor {
  readonly #options: CompactorOptions;
  #bytesSince = 0;
  #isRunning = false;
  #isStopped = false;
  /** Segments in which a live message is damaged: they stay, and are not read again and again. */
  readonly #stuck = new Set<number>();

  constructor(options: CompactorOptions) {
    this.#options = options;
  }

  /** Counts what was written; looks for work now and then. */
  noteBytes(bytes: number): void {
    this.#bytesSince += bytes;
    if (this.#bytesSince < this.#options.settings.segmentBytes / 4) return;
    this.consider();
  }

  /** Starts to compact in the background if a segment is worth it. */
  consider(): void {
    this.#bytesSince = 0;
    if (this.#isRunning || this.#isStopped || this.#victim() === undefined) return;
    this.#isRunning = true;
    void this.#run()
      .catch((error: unknown) => {
        this.#options.components.logger.log('warn', 'compaction stopped', { error });
      })
      .finally(() => {
        this.#isRunning = false;
      });
  }

  stop(): void {
    this.#isStopped = true;
  }

  async #run(): Promise<void> {
    for (let victim = this.#victim(); victim !== undefined; victim = this.#victim()) {
      this.#logStart(victim);
      await this.#empty(victim);
      if (victim.liveCount > 0) this.#stuck.add(victim.ordinal);
      else this.#options.onEmptied();
    }
  }

  #logStart({ ordinal, end, liveBytes }: IndexedSegment): void {
    const fields = { event: 'compacting', segment: ordinal, usedBytes: end, liveBytes };
    this.#options.components.logger.log('info', 'compacting a segment', fields);
  }

  /** The sealed segment with the least alive, if there is more dead than alive in all. */
  #victim(): IndexedSegment | undefined {
    if (this.#isStopped || this.#options.isFull()) return undefined;
    let used = 0;
    let live = 0;
    let best: IndexedSegment | undefined;
    for (const segment of this.#options.index.segments.values()) {
      if (this.#options.isWritten(segment.ordinal) || segment.liveCount === 0) continue;
      used += segment.end;
      live += segment.liveBytes;
      if (this.#stuck.has(segment.ordinal)) continue;
      if (segment.liveBytes > segment.end * LIVE_PART_MAX) continue;
      if (best === undefined || livePart(segment) < livePart(best)) best = segment;
    }
    return used > USED_TO_LIVE * live ? best : undefined;
  }

  /** Moves everything that is alive in `segment`, a slice at a time. */
  async #empty(segment: IndexedSegment): Promise<void> {
    const { files, pathOf } = this.#options;
    await files.use(pathOf(segment.ordinal), async (file) => {
      const scanner = new BatchScanner(file, segment);
      let offset = 0;
      let slice: MessageMoved[] = [];
      let sliceBytes = 0;
      while (segment.liveCount > 0 && !this.#isStopped) {
        const batch = await scanner.nextIntact(offset, 0, segment.end);
        if (batch === undefined) break;
        for (const moved of this.#liveMessages(batch)) {
          slice.push(moved);
          sliceBytes += moved.payload[0]?.length ?? 0;
          if (sliceBytes < SLICE_BYTES) continue;
          await this.#move(slice, sliceBytes);
          slice = [];
          sliceBytes = 0;
        }
        offset = batch.header.offset + batch.header.batchBytes;
      }
      if (slice.length > 0) await this.#move(slice, sliceBytes);
    });
  }

  *#liveMessages({ buffer, at, header }: ScannedBatch): Generator<MessageMoved> {
    for (const record of batchRecords(buffer, at, header)) {
      if (record.type !== RECORD_TYPE.messageAdded && record.type !== RECORD_TYPE.messageMoved) {
        continue;
      }
      const offset = header.offset + record.at - at;
      const targets = this.#liveTargets(buffer, record, header.segment, offset);
      if (targets.length === 0 || !isBodyIntact(buffer, record)) continue;
      const payloadTo = record.to - record.targetCount * TARGET_BYTES;
      // A copy: the buffer is read into again before the slice is full.
      const payload = [Buffer.from(buffer.subarray(record.from, payloadTo))];
      yield { type: 'message-moved', targets, payload };
    }
  }

  #liveTargets(
    buffer: Buffer,
    record: RawRecord,
    segment: number,
    offset: number,
  ): { destination: number; sequence: number }[] {
    const targets: { destination: number; sequence: number }[] = [];
    const from = record.to - record.targetCount * TARGET_BYTES;
    for (let at = from; at < record.to; at += TARGET_BYTES) {
      const destination = buffer.readUInt32LE(at);
      const sequence = readU64(buffer, at + 4);
      const place = this.#options.index.destinations.get(destination)?.get(sequence);
      if (place?.segment === segment && place.offset === offset) {
        targets.push({ destination, sequence });
      }
    }
    return targets;
  }

  async #move(slice: readonly MessageMoved[], bytes: number): Promise<void> {
    const { append, components, settings } = this.#options;
    await append(slice);
    const pauseMs = (bytes * 1000) / settings.compactionBytesPerSecond;
    await new Promise<void>((resolve) => {
      components.clock.setTimer(pauseMs, resolve);
    });
  }
}

function livePart(segment: IndexedSegment): number {
  return segment.liveBytes / Math.max(1, segment.end);
}
