/**
 * Opening a journal is taking it over: a new epoch begins.
 *
 * 1. The index is recovered, or taken from a follower after a last look.
 * 2. A new segment is made. Older ones are never written again.
 * 3. Its first batch says up to where each older segment counts ("seals" them), and repeats the last
 *    batch of the old epoch: of that one alone nobody knows whether it was synced, so its old copy
 *    is left outside of the sealed length.
 * 4. When that batch is durable, the epoch exists.
 * 5. Files of older epochs in which nothing counts are removed, behind the journal's back: no batch
 *    names them, so nobody reads them, and to free them takes longer than the rest.
 */
import { BrokerError, present, type Epoch } from '@batonmq/model';
import type { RuntimeComponents } from '@batonmq/runtime';
import { BatchBuilder, batchRecords, readBatchHeader, type BatchHeader } from './batch-format.ts';
import { BatchScanner } from './batch-scanner.ts';
import { takeFollowed, type JournalFollower } from './follow-journal.ts';
import { listJournal, pathOf, segmentName, type JournalListing } from './journal-directory.ts';
import type { JournalIndex } from './journal-index.ts';
import { OwnedJournal, type Journal, type OpenedJournal } from './journal.ts';
import { corruptionError } from './log-reader.ts';
import { resolveJournalOptions, type JournalOptions } from './options.ts';
import { RECORD_TYPE } from './record-format.ts';
import { recoverIndex } from './recovery.ts';
import { isNoSpace, SegmentSupply } from './segment-supply.ts';

/** How far recovery came; `totalBytes` is an upper bound. */
export interface RecoveryProgress {
  readonly doneBytes: number;
  readonly totalBytes: number;
}

export interface OpenJournalParameters {
  /** Made if it is missing. */
  readonly directory: string;
  /** Greater than that of every owner before. */
  readonly epoch: Epoch;
  readonly components: RuntimeComponents;
  readonly options?: JournalOptions;
  /** A follower of this journal: its index is taken over, and it is closed. */
  readonly follower?: JournalFollower;
  /**
   * Asked after each sync and before anything is acknowledged. An error says that the right to
   * write may be lost: the journal fails with it and acknowledges nothing more.
   */
  readonly guard?: () => Error | undefined;
  readonly onProgress?: (progress: RecoveryProgress) => void;
}

const PROGRESS_BYTES = 4 * 1024 * 1024;

/**
 * Recovers the journal in `directory` and opens it for writing under a new epoch. The caller holds the
 * exclusive right to write (a lock); a former owner that is only paused does no harm.
 *
 * @throws `BATON_CORRUPT` naming file and offset, unless `onCorruption` is `isolate`;
 * `BATON_STORE_FORMAT` for files of another version; `BATON_FENCED` if there is an epoch at least as
 * great; `BATON_STORE_FULL` without room for a segment; `BATON_INVALID_OPTION`; else the platform's error.
 */
export async function openJournal(parameters: OpenJournalParameters): Promise<Journal> {
  const { directory, epoch, components, guard = () => undefined } = parameters;
  const settings = resolveJournalOptions(parameters.options);
  await components.files.makeDirectory(directory);
  const index = await takeIndex(parameters);
  const listing = await listJournal(components.files, directory);
  refuseOldEpoch(epoch, index, listing);
  const { segmentBytes, leftovers } = await sortFiles(parameters, index, listing);

  const opened: OpenedJournal = {
    components,
    directory,
    settings,
    epoch,
    index,
    segmentBytes,
    leftovers,
    guard,
  };
  const opening = await openingBatch(opened);
  const journalOf = (): OwnedJournal => present(journal, 'the supply calls back after opening');
  const supply = new SegmentSupply({
    components,
    directory,
    epoch,
    settings,
    firstOrdinal: firstOrdinal(index, listing),
    onSealed: (segment) => {
      journalOf().noteSealed(segment);
    },
    onFull: () => {
      journalOf().reclaim();
    },
    onFailed: (error) => {
      journalOf().fail(error);
    },
  });
  await openEpoch(opened, supply, opening);
  const journal = new OwnedJournal(opened, supply);
  supply.prepare();
  return journal;
}

async function takeIndex(parameters: OpenJournalParameters): Promise<JournalIndex> {
  const { directory, components, follower, onProgress } = parameters;
  if (follower !== undefined) return takeFollowed(follower);
  const { onCorruption } = resolveJournalOptions(parameters.options);
  const { files, logger } = components;
  const totalBytes = await totalSegmentBytes(parameters);
  let doneBytes = 0;
  let toldBytes = 0;
  const reader = await recoverIndex(
    {
      files,
      logger,
      directory,
      onCorruption,
      onBytes: (bytes) => {
        doneBytes += bytes;
        if (doneBytes - toldBytes < PROGRESS_BYTES) return;
        toldBytes = doneBytes;
        onProgress?.({ doneBytes, totalBytes });
      },
    },
    true,
  );
  await reader.close();
  onProgress?.({ doneBytes, totalBytes: doneBytes });
  return reader.index;
}

async function totalSegmentBytes({
  directory,
  components,
}: OpenJournalParameters): Promise<number> {
  const { segments } = await listJournal(components.files, directory);
  let bytes = 0;
  for (const { name } of segments) {
    bytes += (await components.files.status(pathOf(directory, name)))?.sizeBytes ?? 0;
  }
  return bytes;
}

function refuseOldEpoch(epoch: number, index: JournalIndex, listing: JournalListing): void {
  const newest = Math.max(
    index.last?.epoch ?? 0,
    ...listing.segments.map((segment) => segment.epoch),
    ...listing.checkpoints.map((checkpoint) => checkpoint.epoch),
  );
  if (epoch > newest) return;
  throw new BrokerError(
    'BATON_FENCED',
    `The journal was opened under epoch ${newest}; epoch ${epoch} may not write`,
    { details: { epoch, newest } },
  );
}

interface SortedFiles {
  /** Sizes of the segments that stay, by ordinal. */
  readonly segmentBytes: Map<number, number>;
  /** Paths of files that mean nothing. */
  readonly leftovers: string[];
}

async function sortFiles(
  { directory, components, options }: OpenJournalParameters,
  index: JournalIndex,
  listing: JournalListing,
): Promise<SortedFiles> {
  const segmentBytes = new Map<number, number>();
  const leftovers = listing.unfinished.map((name) => pathOf(directory, name));
  for (const { ordinal, epoch, name } of listing.segments) {
    const path = pathOf(directory, name);
    if (index.segments.get(ordinal)?.epoch === epoch) {
      segmentBytes.set(ordinal, (await components.files.status(path))?.sizeBytes ?? 0);
    } else {
      leftovers.push(path);
    }
  }
  for (const { ordinal, epoch, end, liveCount } of [...index.segments.values()]) {
    if (segmentBytes.has(ordinal)) continue;
    if (liveCount > 0 && options?.onCorruption !== 'isolate') {
      const file = pathOf(directory, segmentName(ordinal, epoch));
      throw corruptionError({ file, from: 0, to: end, firstBatch: 0, lastBatch: 0 });
    }
    if (liveCount === 0) index.segments.delete(ordinal);
  }
  return { segmentBytes, leftovers };
}

function firstOrdinal(index: JournalIndex, listing: JournalListing): number {
  const ordinals = listing.segments.map((segment) => segment.ordinal);
  return 1 + Math.max(0, ...index.segments.keys(), ...ordinals);
}

interface OpeningBatch {
  readonly builder: BatchBuilder;
  readonly sequence: number;
}

/** The first batch of an epoch. A batch that it repeats gives it its sequence: of the two only this one counts. */
async function openingBatch(opened: OpenedJournal): Promise<OpeningBatch> {
  const { index, components, directory } = opened;
  const last = index.last;
  const builder = new BatchBuilder();
  const isCarried =
    last !== undefined && last.end > last.offset && index.checkpointedSequence < last.sequence;
  builder.add({
    type: 'epoch-opened',
    carriedChecksum: isCarried ? last.recordsChecksum : 0,
    sealed: [...index.segments.values()].map(({ ordinal, epoch, end }) => ({
      segment: ordinal,
      epoch,
      length: isCarried && ordinal === last.segment ? last.offset : end,
    })),
  });
  if (!isCarried) return { builder, sequence: (last?.sequence ?? 0) + 1 };
  const epoch = present(
    index.segments.get(last.segment),
    'the last batch lies in a known segment',
  ).epoch;
  const file = await components.files.open(
    pathOf(directory, segmentName(last.segment, epoch)),
    'read',
  );
  try {
    const scanner = new BatchScanner(file, { ordinal: last.segment, epoch });
    const batch = present(await scanner.batchAt(last.offset), 'the last batch can be read again');
    for (const record of batchRecords(batch.buffer, batch.at, batch.header)) {
      // What an epoch sealed, this one seals too.
      if (record.type === RECORD_TYPE.epochOpened) continue;
      builder.addEncoded(batch.buffer.subarray(record.at, record.to));
    }
  } finally {
    await file.close();
  }
  return { builder, sequence: last.sequence };
}

async function openEpoch(
  opened: OpenedJournal,
  supply: SegmentSupply,
  { builder, sequence }: OpeningBatch,
): Promise<void> {
  const { index, epoch } = opened;
  await makeFirstSegment(opened, supply, builder.bytes);
  const segment = supply.current;
  const bytes = builder.finish({ segment: segment.ordinal, offset: 0, epoch, sequence });
  segment.file.writeSync(bytes, 0);
  await segment.file.datasync();
  segment.end = bytes.length;
  const header: BatchHeader = present(
    readBatchHeader(bytes, 0),
    'a batch that was built has a header',
  );
  index.apply(bytes, 0, header);
}

/** On a full disk the files that mean nothing make room first. */
async function makeFirstSegment(
  { components, leftovers }: OpenedJournal,
  supply: SegmentSupply,
  bytes: number,
): Promise<void> {
  try {
    await supply.open(bytes).catch(async (error: unknown) => {
      if (!isNoSpace(error) || leftovers.length === 0) throw error;
      for (const path of leftovers.splice(0)) await components.files.remove(path);
      await supply.open(bytes);
    });
  } catch (error) {
    if (!isNoSpace(error)) throw error;
    throw new BrokerError('BATON_STORE_FULL', 'There is no room to open the journal', {
      cause: error,
    });
  }
}
