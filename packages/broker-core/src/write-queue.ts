import { BrokerError, isBrokerError, type Sequence } from '@batonmq/model';
import type { CancelTimer, Clock } from '@batonmq/runtime';
import type { Lease, WriteRecord } from '@batonmq/store-spi';
import type { Receipt } from './connection/connection.ts';
import type { BrokerSettings } from './options.ts';

/** What the write queue tells about itself. */
export interface WriteQueueWatcher {
  /** The bytes on their way to the disk fell below half of their limit. */
  relieved(): void;
  /** The store refused or failed: the lease is gone, no receipt will be settled any more. */
  failed(error: BrokerError): void;
}

interface MarkRecord {
  readonly type: 'producer-marked';
  readonly producer: string;
  sequence: number;
}

/** A producer's mark; told once per batch how far it came. */
export interface Mark {
  readonly producer: string;
  /** It is in one batch more; {@link settled} follows for that batch. */
  begun(): void;
  settled(sequence: number, error?: BrokerError): void;
}

/** One group: what must take effect together. Its records and completions end before these indexes. */
interface GroupEnd {
  readonly records: number;
  readonly completions: number;
}

interface OpenBatch {
  readonly records: WriteRecord[];
  readonly completions: Receipt[];
  readonly groups: GroupEnd[];
  readonly marks: Map<Mark, MarkRecord>;
  bytes: number;
}

/**
 * Gathers what happens in a turn into one batch and learns for all of it at once when it is durable.
 *
 * Callers add records and completions and then {@link seal} them as a group: all of a group goes
 * into the same batch, so it takes effect whole or not at all. Completions are objects that exist
 * anyway (a message, a transaction, a receipt): there is no promise or closure per message.
 * A batch leaves at the end of the turn, or when it is large; several may be on their way. One that
 * nobody waits for (acks) waits for another to ride with, `ackDelayMs` at most.
 *
 * The store has at most half of `writeBytesMax` in hand, or one batch; the others wait here. A store
 * has a limit of its own, and one that is handed more than it takes ends the lease.
 */
export class WriteQueue {
  readonly #lease: Lease;
  readonly #clock: Clock;
  readonly #settings: BrokerSettings;
  readonly #watcher: WriteQueueWatcher;
  #open = emptyBatch();
  #inFlightCount = 0;
  /** The youngest batch on its way. */
  #lastInFlight: OpenBatch | undefined;
  #pendingBytes = 0;
  /** Of the batches that the store has. */
  #handedBytes = 0;
  /** Batches that it is not handed yet, in order. */
  #waiting: OpenBatch[] = [];
  #isCongested = false;
  #isFlushAtEndOfTurn = false;
  #cancelAckTimer: CancelTimer | undefined;
  #isClosed = false;
  #drained: (() => void)[] = [];

  constructor(lease: Lease, clock: Clock, settings: BrokerSettings, watcher: WriteQueueWatcher) {
    this.#lease = lease;
    this.#clock = clock;
    this.#settings = settings;
    this.#watcher = watcher;
  }

  /** True from when `writeBytesMax` is reached until half of it is durable; then the watcher is told. */
  get isCongested(): boolean {
    return this.#isCongested;
  }

  /** Adds to the group that {@link seal} ends. */
  add(record: WriteRecord, bytes = 0): void {
    this.#open.records.push(record);
    this.#open.bytes += bytes;
  }

  /** Stores that the sends of a producer up to `sequence` are stored: one record per producer and batch. */
  mark(mark: Mark, sequence: number): void {
    const found = this.#open.marks.get(mark);
    if (found !== undefined) {
      found.sequence = sequence;
      return;
    }
    const record: MarkRecord = { type: 'producer-marked', producer: mark.producer, sequence };
    mark.begun();
    this.#open.marks.set(mark, record);
    this.#open.records.push(record);
  }

  /** `completion` is settled when the group is durable, after those before it. */
  complete(completion: Receipt | undefined): void {
    if (completion !== undefined) this.#open.completions.push(completion);
  }

  /** Ends a group. */
  seal(): void {
    if (this.#isClosed) return;
    const open = this.#open;
    const last = open.groups.at(-1);
    const hasRecords = open.records.length > (last?.records ?? 0);
    const hasCompletions = open.completions.length > (last?.completions ?? 0);
    if (!hasRecords && !hasCompletions) return;
    open.groups.push({ records: open.records.length, completions: open.completions.length });
    if (open.bytes >= this.#settings.writeBatchBytes) {
      this.flush();
    } else if (open.completions.length > 0) {
      this.#flushAtEndOfTurn();
    } else {
      this.#cancelAckTimer ??= this.#clock.setTimer(this.#settings.ackDelayMs, () => {
        this.flush();
      });
    }
    if (this.#pendingBytes + open.bytes >= this.#settings.writeBytesMax) this.#isCongested = true;
  }

  /**
   * Appends a change of what destinations there are at once and in a batch of its own: stores take no
   * messages in the same one. One that is added comes before what waits in the open batch, one
   * that is removed after it.
   */
  appendDestination(
    record: Extract<WriteRecord, { type: 'destination-added' | 'destination-removed' }>,
  ): void {
    if (record.type === 'destination-removed') this.flush();
    if (this.#isClosed) return;
    const batch = emptyBatch();
    batch.records.push(record);
    this.#append(batch);
  }

  flush(): void {
    this.#cancelAckTimer?.();
    this.#cancelAckTimer = undefined;
    const batch = this.#open;
    if (this.#isClosed || batch.groups.length === 0) return;
    this.#open = emptyBatch();
    if (batch.records.length > 0) this.#append(batch);
    else if (this.#lastInFlight === undefined) settleAll(batch);
    else follow(this.#lastInFlight, batch.completions);
  }

  /** Resolves when everything added so far is durable, or will never be. */
  async drain(): Promise<void> {
    this.flush();
    if (this.#inFlightCount === 0 || this.#isClosed) return;
    await new Promise<void>((resolve) => {
      this.#drained.push(resolve);
    });
  }

  /** The right to write is gone: drops everything; nothing is settled from now on. */
  close(): void {
    this.#isClosed = true;
    this.#open = emptyBatch();
    this.#waiting = [];
    this.#cancelAckTimer?.();
    this.#resolveDrained();
  }

  #flushAtEndOfTurn(): void {
    if (this.#isFlushAtEndOfTurn) return;
    this.#isFlushAtEndOfTurn = true;
    this.#clock.setImmediate(() => {
      this.#isFlushAtEndOfTurn = false;
      this.flush();
    });
  }

  #append(batch: OpenBatch): void {
    this.#inFlightCount += 1;
    this.#lastInFlight = batch;
    this.#pendingBytes += batch.bytes;
    this.#waiting.push(batch);
    this.#handOver();
  }

  #handOver(): void {
    for (;;) {
      const next = this.#waiting[0];
      if (next === undefined) return;
      const handedBytes = this.#handedBytes + next.bytes;
      if (this.#handedBytes > 0 && handedBytes * 2 > this.#settings.writeBytesMax) return;
      this.#waiting.shift();
      this.#hand(next);
    }
  }

  #hand(batch: OpenBatch): void {
    this.#handedBytes += batch.bytes;
    this.#lease.append(batch.records).then(
      () => {
        if (this.#isClosed) return;
        this.#ended(batch);
        settleAll(batch);
      },
      (error: unknown) => {
        if (this.#isClosed) return;
        if (isBrokerError(error) && error.code === 'BATON_STORE_FULL') {
          this.#ended(batch);
          this.#refuseMessages(batch, error);
        } else {
          this.#fail(error);
        }
      },
    );
  }

  #ended(batch: OpenBatch): void {
    this.#inFlightCount -= 1;
    if (this.#lastInFlight === batch) this.#lastInFlight = undefined;
    this.#pendingBytes -= batch.bytes;
    this.#handedBytes -= batch.bytes;
    this.#handOver();
    if (this.#isCongested && this.#pendingBytes * 2 < this.#settings.writeBytesMax) {
      this.#isCongested = false;
      this.#watcher.relieved();
    }
    if (this.#inFlightCount === 0) this.#resolveDrained();
  }

  /**
   * There was no room, nothing of the batch took effect. Groups with messages fail; the others (acks,
   * counts) need no room and go out again. They may pass later batches on the way: they only
   * concern messages that are stored already, so the order does not matter. Marks do not: one stands for
   * all of its producer's sends in the batch, those that are refused now too.
   */
  #refuseMessages(batch: OpenBatch, error: BrokerError): void {
    let fromRecord = 0;
    let fromCompletion = 0;
    for (const [mark, { sequence }] of batch.marks) mark.settled(sequence, error);
    for (const end of batch.groups) {
      const records = batch.records.slice(fromRecord, end.records);
      const completions = batch.completions.slice(fromCompletion, end.completions);
      if (records.some((record) => record.type === 'message-added')) {
        for (const completion of completions) completion.settled(error);
      } else {
        for (const record of records) if (record.type !== 'producer-marked') this.add(record);
        for (const completion of completions) this.complete(completion);
        this.seal();
      }
      fromRecord = end.records;
      fromCompletion = end.completions;
    }
  }

  #fail(error: unknown): void {
    this.close();
    this.#watcher.failed(
      isBrokerError(error)
        ? error
        : new BrokerError('BATON_STORE_FAILED', 'The store failed to append', { cause: error }),
    );
  }

  #resolveDrained(): void {
    const waiting = this.#drained;
    this.#drained = [];
    for (const resolve of waiting) resolve();
  }
}

/** The sequence of what is not stored. */
export const NOT_STORED = 0 as Sequence;

function emptyBatch(): OpenBatch {
  return { records: [], completions: [], groups: [], marks: new Map(), bytes: 0 };
}

/** Lets completions that wait for no record of their own be settled after those of `batch`. */
function follow(batch: OpenBatch, completions: readonly Receipt[]): void {
  batch.completions.push(...completions);
  batch.groups.push({ records: batch.records.length, completions: batch.completions.length });
}

/** Marks first: a repeated send looks at them when its own turn comes. */
function settleAll(batch: OpenBatch): void {
  for (const [mark, { sequence }] of batch.marks) mark.settled(sequence);
  for (const completion of batch.completions) completion.settled();
}
