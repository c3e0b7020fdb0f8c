import type { BrokerError, Message } from '@batonmq/model';
import type { Receipt } from '../connection/connection.ts';
import type { Mark, WriteQueue } from '../write-queue.ts';

/** Refused sends remembered for one producer; beyond it the oldest counts as stored. */
const REFUSED_MAX = 1000;

/** How far the persistent sends of one producer have come. */
export class ProducerMark implements Mark {
  readonly producer: string;
  /** Every send up to here is durable, but for the refused ones. */
  #stored: number;
  /** Every send up to here is durable or on its way, but for the refused ones. */
  #pending: number;
  /** Sends that found no room although later ones may have. */
  readonly #refused = new Set<number>();
  #batchCount = 0;

  constructor(producer: string, stored: number) {
    this.producer = producer;
    this.#stored = stored;
    this.#pending = stored;
  }

  /** True if that send is durable. */
  isStored(sequence: number): boolean {
    return sequence <= this.#stored && !this.#refused.has(sequence);
  }

  /** True if that send is durable or on its way. */
  isPending(sequence: number): boolean {
    return sequence <= this.#pending && !this.#refused.has(sequence);
  }

  /** A send joins the open write group. True if the mark has to follow. */
  advance(sequence: number): boolean {
    if (this.#refused.size > 0) this.#refused.delete(sequence);
    if (sequence <= this.#pending) return false;
    this.#pending = sequence;
    return true;
  }

  /** The store had no room for a send; called after {@link settled} for its batch. */
  refused(sequence: number): void {
    if (sequence > this.#pending) return;
    this.#refused.add(sequence);
    if (this.#refused.size <= REFUSED_MAX) return;
    for (const oldest of this.#refused) {
      this.#refused.delete(oldest);
      return;
    }
  }

  begun(): void {
    this.#batchCount += 1;
  }

  settled(sequence: number, error?: BrokerError): void {
    this.#batchCount -= 1;
    if (error === undefined) this.#stored = Math.max(this.#stored, sequence);
    if (this.#batchCount > 0) return;
    this.#pending = this.#stored;
    for (const each of this.#refused) if (each > this.#stored) this.#refused.delete(each);
  }
}

/**
 * The high-water marks by which a send that a client repeats after a failover is recognised.
 *
 * Bounded without a list in order of use: marks live in two maps, used ones move to the young one, and when
 * that is full the old one's are forgotten. So at least the `markCountMax / 2` last used are kept.
 */
export class ProducerMarks {
  readonly #writes: WriteQueue;
  readonly #youngMax: number;
  #young = new Map<string, ProducerMark>();
  #old = new Map<string, ProducerMark>();

  constructor(writes: WriteQueue, markCountMax: number) {
    this.#writes = writes;
    this.#youngMax = Math.max(1, markCountMax >> 1);
  }

  recovered(producer: string, stored: number): void {
    this.#keep(new ProducerMark(producer, stored));
  }

  /** The mark of a producer, whether or not it ever sent. */
  of(producer: string): ProducerMark {
    return this.#young.get(producer) ?? this.#old.get(producer) ?? new ProducerMark(producer, 0);
  }

  /** Stores the mark in the open group: the sends up to `sequence` become durable with it. */
  advance(mark: ProducerMark, sequence: number): void {
    if (!mark.advance(sequence)) return;
    this.#writes.mark(mark, sequence);
    if (this.#young.get(mark.producer) !== mark) this.#keep(mark);
  }

  /** The store had no room for that message, whatever the mark of its producer says: it may be sent again. */
  refused({ id }: Message): void {
    const { key } = id.producerId;
    (this.#young.get(key) ?? this.#old.get(key))?.refused(id.producerSequence);
  }

  #keep(mark: ProducerMark): void {
    this.#old.delete(mark.producer);
    this.#young.set(mark.producer, mark);
    if (this.#young.size < this.#youngMax) return;
    for (const producer of this.#old.keys()) {
      this.#writes.add({ type: 'producer-forgotten', producer });
    }
    this.#old = this.#young;
    this.#young = new Map();
  }
}

/**
 * The receipt of a send that was sent before and may still be on its way: it succeeds only if the
 * first copy did. Completions are settled in order, so by its turn that is known.
 */
export class RepeatedSend implements Receipt {
  readonly #mark: ProducerMark;
  readonly #sequence: number;
  readonly #receipt: Receipt;
  readonly #refusal: () => BrokerError;

  constructor(mark: ProducerMark, sequence: number, receipt: Receipt, refusal: () => BrokerError) {
    this.#mark = mark;
    this.#sequence = sequence;
    this.#receipt = receipt;
    this.#refusal = refusal;
  }

  settled(error?: BrokerError): void {
    const isStored = this.#mark.isStored(this.#sequence);
    this.#receipt.settled(error ?? (isStored ? undefined : this.#refusal()));
  }
}
