import type { Sequence } from '@batonmq/model';
import type { Entry } from '../dispatch/entry.ts';
import { runsOf } from '../message/runs.ts';
import type { Lane } from '../dispatch/lane.ts';
import type { Queue } from '../destination/queue.ts';
import type { Topic } from '../destination/topic.ts';
import type { TopicSubscription } from '../subscription/topic-subscription.ts';
import { seenAll } from '../subscription/redelivered.ts';
import type { TermParts } from '../term-parts.ts';
import type { AckedRun } from './prepared-record.ts';
import type { Transaction } from './transaction.ts';

/** The acks of a transaction, as long as nobody knows how it ends. */
export interface PendingAcks {
  readonly count: number;
  /** Adds what takes their messages out of the store to the open write group. True if there is anything. */
  addRemovals(): boolean;
  /** The transaction was committed: their messages are consumed. */
  takeEffect(): void;
  /** It was rolled back: their messages are with their consumers again, or in their queues. */
  rollBack(): void;
}

/** Acks that came to this broker: their messages are in its memory, most of them with their consumer. */
export class TransactionAcks implements PendingAcks {
  readonly #parts: TermParts;
  readonly #entries: Entry[] = [];
  readonly #topicAcks = new Map<TopicSubscription, number>();

  constructor(parts: TermParts) {
    this.#parts = parts;
  }

  get count(): number {
    return this.#entries.length;
  }

  /** Messages that it takes out of one place. */
  countIn(target: Queue | Topic): number {
    let count = 0;
    for (const { queue } of this.#entries) if (queue === target) count += 1;
    return count;
  }

  get isEmpty(): boolean {
    return this.#entries.length === 0 && this.#topicAcks.size === 0;
  }

  add(entry: Entry, transaction: Transaction): void {
    entry.transaction = transaction;
    this.#entries.push(entry);
  }

  addTopicAck(subscription: TopicSubscription, count: number): void {
    this.#topicAcks.set(subscription, (this.#topicAcks.get(subscription) ?? 0) + count);
  }

  /** Where the store has their messages. */
  storedRuns(): readonly AckedRun[] {
    const places = new Map<Lane, Sequence[]>();
    for (const { lane, sequence, isStored } of this.#entries) {
      if (!isStored || lane.queue.isRemoved) continue;
      const found = places.get(lane);
      if (found === undefined) places.set(lane, [sequence]);
      else found.push(sequence);
    }
    return [...places].flatMap(([lane, sequences]) => {
      const destination = lane.ensureStored();
      return runsOf(sequences).map((run) => ({ destination, ...run }));
    });
  }

  addRemovals(): boolean {
    let isAnyStored = false;
    for (const entry of this.#entries) {
      entry.queue.addRemoval(entry);
      if (entry.isStored) isAnyStored = true;
    }
    return isAnyStored;
  }

  takeEffect(): void {
    for (const entry of this.#entries) {
      const { queue, subscription } = entry;
      queue.release(entry);
      // Without its consumer, others may have waited for the rest of its message group.
      if (subscription === undefined) queue.dispatch();
      else subscription.committed(entry);
    }
    for (const [subscription, count] of this.#topicAcks) subscription.acked(count);
  }

  rollBack(): void {
    const orphans: Entry[] = [];
    for (const entry of this.#entries) {
      if (entry.subscription === undefined) orphans.push(entry);
      else entry.subscription.rolledBack(entry);
    }
    // Their consumer is gone, so they go back to the queue, as delivered once more.
    const redelivered = seenAll(orphans);
    for (const queue of new Set(orphans.map((entry) => entry.queue))) {
      queue.giveBack(
        orphans.filter((entry) => entry.queue === queue),
        redelivered,
      );
      this.#parts.writes.seal();
      queue.dispatch();
    }
  }
}

/** Acks that came to a broker before this one: their messages are in the store alone. */
export class RecoveredAcks implements PendingAcks {
  readonly #parts: TermParts;
  readonly #places: ReadonlyMap<Lane, readonly Sequence[]>;

  /** The lanes hold those places until they learn how the transaction ended. */
  constructor(places: ReadonlyMap<Lane, readonly Sequence[]>, parts: TermParts) {
    this.#places = places;
    this.#parts = parts;
    for (const [lane, sequences] of places) lane.hold(sequences);
  }

  get count(): number {
    let count = 0;
    for (const sequences of this.#places.values()) count += sequences.length;
    return count;
  }

  addRemovals(): boolean {
    for (const [lane, sequences] of this.#places) {
      if (lane.queue.isRemoved || lane.number === undefined) continue;
      const destination = lane.number;
      for (const sequence of sequences) {
        this.#parts.writes.add({ type: 'message-removed', destination, sequence });
      }
    }
    return this.#places.size > 0;
  }

  takeEffect(): void {
    for (const [lane, sequences] of this.#places) lane.consumeHeld(sequences);
  }

  rollBack(): void {
    for (const [lane, sequences] of this.#places) lane.returnHeld(sequences);
  }
}
