/** Looks at a journal without opening it for writing: nothing on disk changes. */
import { BrokerError, epoch } from '@batonmq/model';
import type { RuntimeComponents } from '@batonmq/runtime';
import { BatchScanner } from './batch-scanner.ts';
import { describeJournal, type JournalInspection } from './inspection.ts';
import { listJournal, pathOf, segmentName } from './journal-directory.ts';
import type { DamagedRange, IndexedSegment, JournalIndex } from './journal-index.ts';
import { recoverIndex } from './recovery.ts';

export interface InspectJournalParameters {
  readonly directory: string;
  readonly components: RuntimeComponents;
  readonly onProgress?: (progress: {
    readonly doneBytes: number;
    readonly totalBytes: number;
  }) => void;
}

/** What {@link verifyJournal} found. The journal is intact if `damage` is empty. */
export interface JournalVerification {
  readonly segmentCount: number;
  readonly batchCount: number;
  readonly recordCount: number;
  readonly messageCount: number;
  /** Of the batches that were read. */
  readonly bytes: number;
  readonly damage: readonly DamagedRange[];
}

/**
 * Sizes, and why each segment is kept, as of the last batch on disk. May be called while an owner
 * writes.
 *
 * @throws `BATON_STORE_FORMAT`; `BATON_STORE_FAILED` if files go away while they are read.
 */
export async function inspectJournal(
  parameters: InspectJournalParameters,
): Promise<JournalInspection> {
  const { directory } = parameters;
  const { index, sizes, oldestSegment, recoveryBytes } = await look(parameters);
  let spareBytes = 0;
  for (const [ordinal, bytes] of sizes) if (!index.segments.has(ordinal)) spareBytes += bytes;
  return describeJournal({
    index,
    epoch: epoch(index.last?.epoch ?? 0),
    isFull: false,
    spareBytes,
    current: index.last?.segment ?? 0,
    oldestSegment,
    recoveryBytes,
    pathOf: (ordinal) => segmentPath(directory, index, ordinal),
    bytesOf: (ordinal) => sizes.get(ordinal) ?? 0,
  });
}

/**
 * Reads every batch of the journal and looks at every checksum. May be called while an owner writes.
 *
 * @throws `BATON_STORE_FORMAT`; `BATON_STORE_FAILED` if files go away while they are read.
 */
export async function verifyJournal(
  parameters: InspectJournalParameters,
): Promise<JournalVerification> {
  const { index } = await look(parameters);
  const segments = [...index.segments.values()].sort((a, b) => a.ordinal - b.ordinal);
  const totalBytes = segments.reduce((sum, { end }) => sum + end, 0);
  const found = { batchCount: 0, recordCount: 0, bytes: 0, damage: [...index.damage] };
  for (const segment of segments) {
    await verifySegment(parameters, index, segment, found);
    parameters.onProgress?.({ doneBytes: found.bytes, totalBytes });
  }
  return { ...found, segmentCount: segments.length, messageCount: index.messageCount };
}

interface Findings {
  batchCount: number;
  recordCount: number;
  bytes: number;
  readonly damage: DamagedRange[];
}

async function verifySegment(
  { directory, components }: InspectJournalParameters,
  index: JournalIndex,
  segment: IndexedSegment,
  found: Findings,
): Promise<void> {
  const path = segmentPath(directory, index, segment.ordinal);
  const file = await components.files.open(path, 'read').catch((error: unknown) => {
    throw new BrokerError('BATON_STORE_FAILED', `${path} cannot be opened`, { cause: error });
  });
  try {
    const scanner = new BatchScanner(file, segment);
    let lastBatch = 0;
    for (let offset = 0; offset < segment.end;) {
      const batch = await scanner.nextIntact(offset, 0, segment.end);
      const to = batch?.header.offset ?? segment.end;
      const next = batch?.header.sequence ?? lastBatch + 2;
      if (to > offset && !isKnown(found.damage, path, offset)) {
        found.damage.push({
          file: path,
          from: offset,
          to,
          firstBatch: lastBatch + 1,
          lastBatch: next - 1,
        });
      }
      if (batch === undefined) return;
      found.batchCount += 1;
      found.recordCount += batch.header.recordCount;
      found.bytes += batch.header.batchBytes;
      lastBatch = batch.header.sequence;
      offset = batch.header.offset + batch.header.batchBytes;
    }
  } finally {
    await file.close();
  }
}

function isKnown(damage: readonly DamagedRange[], file: string, from: number): boolean {
  return damage.some((range) => range.file === file && range.from === from);
}

interface Look {
  readonly index: JournalIndex;
  /** File sizes by ordinal. */
  readonly sizes: Map<number, number>;
  readonly oldestSegment: number;
  readonly recoveryBytes: number;
}

async function look({ directory, components }: InspectJournalParameters): Promise<Look> {
  const { files, logger } = components;
  const sizes = new Map<number, number>();
  for (const { ordinal, name } of (await listJournal(files, directory)).segments) {
    const status = await files.status(pathOf(directory, name));
    sizes.set(ordinal, status?.sizeBytes ?? 0);
  }
  let recoveryBytes = 0;
  const reader = await recoverIndex(
    {
      files,
      logger,
      directory,
      onCorruption: 'isolate',
      onBytes: (bytes) => {
        recoveryBytes += bytes;
      },
    },
    // Damage is looked for to the end. A write in progress is no damage: nothing lies behind it.
    true,
  );
  await reader.close();
  for (const { ordinal, liveCount } of [...reader.index.segments.values()]) {
    // Retired since the checkpoint that still names it.
    if (liveCount === 0 && !sizes.has(ordinal)) reader.index.segments.delete(ordinal);
  }
  return { index: reader.index, sizes, oldestSegment: 0, recoveryBytes };
}

function segmentPath(directory: string, index: JournalIndex, ordinal: number): string {
  return pathOf(directory, segmentName(ordinal, index.segments.get(ordinal)?.epoch ?? 0));
}
