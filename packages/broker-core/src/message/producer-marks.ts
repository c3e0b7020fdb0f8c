import type { BrokerError } from '@batonmq/model';
import type { Receipt } from '../connection/connection.ts';
import type { Mark, WriteQueue } from '../write-queue.ts';

/** How far the persistent sends of one producer have come. */
export class ProducerMark implements Mark {
  readonly producer: string;
  /** Every send up to here is durable. */
  stored: number;
  /** Every send up to here is durable or on its way. */
  pending: number;

  constructor(producer: string, stored: number) {
    this.producer = producer;
    this.stored = stored;
    this.pending = stored;
  }

  settled(sequence: number, error?: BrokerError): void {
    if (error === undefined) this.stored = Math.max(this.stored, sequence);
    else if (this.pending === sequence) this.pending = this.stored;
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
    if (sequence <= mark.pending) return;
    mark.pending = sequence;
    this.#writes.mark(mark, sequence);
    if (this.#young.get(mark.producer) !== mark) this.#keep(mark);
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
    const isStored = this.#sequence <= this.#mark.stored;
    this.#receipt.settled(error ?? (isStored ? undefined : this.#refusal()));
  }
}
