/**
 * Appends become durable in groups: while one batch is written and synced, everything that arrives
 * gathers in the next one. One write, one sync, one batch on disk, one promise per append.
 *
 * ```
 *            append()              end of the call stack        sync returned
 *   idle ---------------> gathering ---------------------> writing ---------------> idle
 *                                                         |       ^  append() gathers
 *                                        sync returned,   +-------+
 *                                    something gathered:    end of the turn
 *
 *   any state -- a write or sync fails, or the guard objects --> failed (for good)
 * ```
 *
 * 1. An append settles after its bytes are synced and the index has them, in the order of the calls.
 * 2. Nothing is written while a sync is in flight, so at most the last batch on disk is not known to
 *    be durable. Opening the next epoch relies on this.
 * 3. A failed sync is never tried again: the system may have dropped the bytes (fsync(2), Linux).
 */
import { BrokerError, isBrokerError, present } from '@batonmq/model';
import type { Clock } from '@batonmq/runtime';
import type { WriteBatch } from '@batonmq/store-spi';
import { align8, BATCH_HEADER_BYTES, BatchBuilder, readBatchHeader } from './batch-format.ts';
import type { JournalIndex } from './journal-index.ts';
import { checkRecord, recordBytes, type JournalRecord } from './record-format.ts';
import { isNoSpace, type SegmentSupply, type WritableSegment } from './segment-supply.ts';

/** Sizes in the format are 32 bits; one append is never larger. */
const APPEND_BYTES_MAX = 1024 * 1024 * 1024;

export interface GroupCommitOptions {
  readonly clock: Clock;
  readonly supply: SegmentSupply;
  readonly index: JournalIndex;
  readonly epoch: number;
  readonly pendingBytesMax: number;
  /** Asked after each sync, before anything is acknowledged: an error means the right to write is gone. */
  readonly guard: () => Error | undefined;
  readonly onCommitted: (batchBytes: number) => void;
  readonly onFailed: (error: Error) => void;
}

/** An append that waits, and where its records are in the builder. */
interface PendingAppend {
  readonly from: number;
  readonly to: number;
  readonly hasMessages: boolean;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  /** There was no room for it. It still settles in its turn. */
  refusal?: Error;
}

interface Group {
  readonly builder: BatchBuilder;
  appends: PendingAppend[];
}

interface WrittenBatch {
  readonly segment: WritableSegment;
  readonly bytes: Buffer;
}

export class GroupCommit {
  readonly #options: GroupCommitOptions;
  #gathering: Group = { builder: new BatchBuilder(), appends: [] };
  #other: Group = { builder: new BatchBuilder(), appends: [] };
  #state: 'idle' | 'gathering' | 'writing' | 'failed' = 'idle';
  #failure: Error | undefined;
  #idleWaiters: (() => void)[] = [];
  /** Nothing more is taken in; what is waiting still settles. */
  #isClosing = false;

  constructor(options: GroupCommitOptions) {
    this.#options = options;
  }

  append(batch: WriteBatch | readonly JournalRecord[]): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#isClosing) {
      return Promise.reject(new BrokerError('BATON_CLOSED', 'The journal was closed'));
    }
    const { builder, appends } = this.#gathering;
    let hasMessages: boolean;
    const from = builder.bytes;
    try {
      hasMessages = this.#check(batch);
    } catch (error) {
      return Promise.reject(storeFailure(error));
    }
    for (const record of batch) builder.add(record);
    const promise = new Promise<void>((resolve, reject) => {
      appends.push({ from, to: builder.bytes, hasMessages, resolve, reject });
    });
    if (this.#state === 'idle') {
      this.#state = 'gathering';
      void this.#run();
    }
    return promise;
  }

  /** Resolves when nothing is waiting; nothing is taken in any more. */
  async close(): Promise<void> {
    this.#isClosing = true;
    while (this.#state === 'gathering' || this.#state === 'writing') {
      await new Promise<void>((resolve) => this.#idleWaiters.push(resolve));
    }
  }

  /** Ends everything: the waiting appends, and all later ones, reject with `error`. */
  fail(error: Error): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.#state = 'failed';
    this.#rejectAll(this.#gathering.appends, error);
    this.#options.onFailed(error);
    this.#wakeIdleWaiters();
  }

  #check(batch: readonly JournalRecord[]): boolean {
    let bytes = 0;
    let hasMessages = false;
    for (const record of batch) {
      checkRecord(record);
      bytes += recordBytes(record);
      hasMessages ||= record.type === 'message-added' || record.type === 'message-moved';
    }
    const waiting = this.#gathering.builder.bytes - BATCH_HEADER_BYTES;
    const { pendingBytesMax } = this.#options;
    if (bytes > APPEND_BYTES_MAX || (waiting > 0 && waiting + bytes > pendingBytesMax)) {
      throw new BrokerError(
        'BATON_LIMIT',
        `An append of ${bytes} bytes does not fit beside the ${waiting} that wait; at most ${pendingBytesMax} may. It had no effect`,
        { details: { bytes, waiting, pendingBytesMax } },
      );
    }
    return hasMessages;
  }

  async #run(): Promise<void> {
    // Appends of one call stack belong together.
    await Promise.resolve();
    while (this.#gathering.appends.length > 0) {
      if (this.#failure !== undefined) break;
      this.#state = 'writing';
      const group = this.#gathering;
      this.#gathering = this.#other;
      this.#other = group;
      try {
        await this.#commit(group);
      } catch (error) {
        const failure = storeFailure(error);
        this.#rejectAll(group.appends, failure);
        this.fail(failure);
      }
      group.builder.clear();
      group.appends = [];
      if (this.#gathering.appends.length > 0) await this.#endOfTurn();
    }
    if (this.#state === 'writing' || this.#state === 'gathering') this.#state = 'idle';
    this.#wakeIdleWaiters();
  }

  async #commit(group: Group): Promise<void> {
    const written = await this.#write(group);
    if (written !== undefined) {
      const { segment, bytes } = written;
      await segment.file.datasync();
      if (this.#failure !== undefined) throw this.#failure;
      const objection = this.#options.guard();
      if (objection !== undefined) throw objection;
      segment.end += bytes.length;
      const header = present(readBatchHeader(bytes, 0), 'a batch that was built has a header');
      this.#options.index.apply(bytes, 0, header);
    }
    for (const append of group.appends) {
      if (append.refusal === undefined) append.resolve();
      else append.reject(append.refusal);
    }
    if (written !== undefined) this.#options.onCommitted(written.bytes.length);
  }

  /**
   * Writes the group where there is room; undefined if nothing of it was written. On a full disk the
   * appends with messages are refused and the others go into the reserve.
   */
  async #write(group: Group): Promise<WrittenBatch | undefined> {
    const hasMessages = group.appends.some((append) => append.hasMessages);
    let written = await this.#tryWrite(group.builder, !hasMessages);
    if (written === undefined && hasMessages) {
      refuse(group, (append) => append.hasMessages);
      if (group.builder.recordCount === 0) return undefined;
      written = await this.#tryWrite(group.builder, true);
    }
    if (written === undefined) refuse(group, () => true);
    return written;
  }

  async #tryWrite(
    builder: BatchBuilder,
    mayUseReserve: boolean,
  ): Promise<WrittenBatch | undefined> {
    const { supply, index, epoch } = this.#options;
    try {
      const batchBytes = align8(builder.bytes);
      let segment = supply.room(batchBytes, mayUseReserve);
      if (segment === undefined && !supply.isFull) {
        await supply.grow(batchBytes);
        segment = supply.room(batchBytes, mayUseReserve);
      }
      if (segment === undefined) return undefined;
      const sequence = (index.last?.sequence ?? 0) + 1;
      const bytes = builder.finish({
        segment: segment.ordinal,
        offset: segment.end,
        epoch,
        sequence,
      });
      segment.file.writeSync(bytes, segment.end);
      return { segment, bytes };
    } catch (error) {
      // Nothing was synced: the next batch goes over whatever part of this one was written.
      if (!isNoSpace(error)) throw error;
      supply.noteFull();
      return undefined;
    }
  }

  /**
   * Under load the input that is already waiting on other sockets joins the batch: without this a
   * pipelined producer costs a third more processor time. After an idle moment nothing waits for it.
   */
  #endOfTurn(): Promise<void> {
    return new Promise((resolve) => {
      this.#options.clock.setImmediate(resolve);
    });
  }

  #rejectAll(appends: readonly PendingAppend[], error: Error): void {
    for (const append of appends) append.reject(append.refusal ?? error);
  }

  #wakeIdleWaiters(): void {
    const waiters = this.#idleWaiters;
    this.#idleWaiters = [];
    for (const wake of waiters) wake();
  }
}

/** Marks the appends that `isRefused` names, and takes their records out of the batch. */
function refuse(group: Group, isRefused: (append: PendingAppend) => boolean): void {
  const records: Buffer[] = [];
  for (const append of group.appends) {
    if (append.refusal !== undefined) continue;
    if (isRefused(append)) {
      append.refusal = new BrokerError(
        'BATON_STORE_FULL',
        'The disk has no room for another message; nothing of the batch was stored',
      );
    } else {
      records.push(Buffer.from(group.builder.slice(append.from, append.to)));
    }
  }
  group.builder.clear();
  for (const encoded of records) group.builder.addEncoded(encoded);
}

/** The error that appends reject with: ours as it is, the platform's wrapped. */
export function storeFailure(error: unknown): Error {
  if (isBrokerError(error)) return error;
  const text = error instanceof Error ? error.message : String(error);
  return new BrokerError('BATON_STORE_FAILED', `The journal could not be written: ${text}`, {
    cause: error,
  });
}
