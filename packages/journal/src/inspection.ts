/** What is in a journal and what keeps its space, as data for people and programs. */
import type { Epoch } from '@batonmq/model';
import type { DamagedRange, JournalIndex } from './journal-index.ts';

/** One segment and the reason why it is still there. */
export interface SegmentInspection {
  readonly file: string;
  readonly epoch: number;
  /** Of the file. */
  readonly bytes: number;
  readonly liveCount: number;
  readonly liveBytes: number;
  /**
   * - `written`: batches are written to it;
   * - `live`: it holds messages that were not removed;
   * - `checkpoint`: recovery from the older of the two checkpoints would read it;
   * - `retiring`: nothing keeps it; it is being removed.
   */
  readonly why: 'written' | 'live' | 'checkpoint' | 'retiring';
}

export interface JournalInspection {
  readonly epoch: Epoch;
  readonly messageCount: number;
  /** Of stored messages, with what the journal adds to each. */
  readonly liveBytes: number;
  /** Of all segment files, spares included. */
  readonly usedBytes: number;
  /** Of the segment made ahead. */
  readonly spareBytes: number;
  /** Batches that a recovery would read now. */
  readonly recoveryBytes: number;
  /** True while appends with messages are refused for want of space. */
  readonly isFull: boolean;
  /** In order of their ordinals. */
  readonly segments: readonly SegmentInspection[];
  /** Ranges left out because they could not be read; empty unless `onCorruption` is `isolate`. */
  readonly damage: readonly DamagedRange[];
}

export interface JournalFacts {
  readonly index: JournalIndex;
  readonly epoch: Epoch;
  readonly isFull: boolean;
  readonly spareBytes: number;
  /** Ordinal of the segment that is written. */
  readonly current: number;
  readonly oldestSegment: number;
  readonly recoveryBytes: number;
  readonly pathOf: (ordinal: number) => string;
  readonly bytesOf: (ordinal: number) => number;
}

export function describeJournal(facts: JournalFacts): JournalInspection {
  const { index, epoch, isFull, spareBytes, recoveryBytes } = facts;
  const segments = [...index.segments.values()]
    .sort((a, b) => a.ordinal - b.ordinal)
    .map(({ ordinal, epoch: segmentEpoch, liveCount, liveBytes }) => ({
      file: facts.pathOf(ordinal),
      epoch: segmentEpoch,
      bytes: facts.bytesOf(ordinal),
      liveCount,
      liveBytes,
      why: whyKept(facts, ordinal, liveCount),
    }));
  return {
    epoch,
    messageCount: index.messageCount,
    liveBytes: index.liveBytes,
    usedBytes: segments.reduce((sum, { bytes }) => sum + bytes, spareBytes),
    spareBytes,
    recoveryBytes,
    isFull,
    segments,
    damage: [...index.damage],
  };
}

function whyKept(
  facts: JournalFacts,
  ordinal: number,
  liveCount: number,
): SegmentInspection['why'] {
  if (ordinal >= facts.current) return 'written';
  if (liveCount > 0) return 'live';
  return ordinal < facts.oldestSegment ? 'retiring' : 'checkpoint';
}
