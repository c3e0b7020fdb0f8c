import type { BrokerError, Message } from '@batonmq/model';
import type { Mark, WriteQueue } from '../write-queue.ts';
import { RefusedSends } from './refused-sends.ts';

/** Keyed state: which sends of a producer were refused. The key is the producer, the value what `RefusedSends` encodes. */
const SPACE = 'refused';

/** How far the persistent sends of one producer have come. */
export class ProducerMark implements Mark {
  readonly producer: string;
  /** The sends up to here were taken by an earlier broker. */
  readonly #inherited: number;
  /** Every send up to here is durable, but for the refused ones. */
  #stored: number;
  /** Every send up to here is durable or on its way, but for the refused ones. */
  #pending: number;
  readonly refusedSends = new RefusedSends();
  #batchCount = 0;

  constructor(producer: string, stored: number) {
    this.producer = producer;
    this.#inherited = stored;
    this.#stored = stored;
    this.#pending = stored;
  }

  /** Whether it says something about a message; not about what its producer forwards for another. */
  isOf({ id }: Message): boolean {
    return id.producerId.key === this.producer;
  }

  /** True if that send is durable. */
  isStored(sequence: number): boolean {
    return sequence <= this.#stored && !this.refusedSends.has(sequence);
  }

  /** True if that send is durable or on its way. */
  isPending(sequence: number): boolean {
    return sequence <= this.#pending && !this.refusedSends.has(sequence);
  }

  /** True if that send was not this broker's to take: all it did is what is in the store. */
  isInherited(sequence: number): boolean {
    return sequence <= this.#inherited;
  }

  /** A send joins the open write group. True if the mark has to follow. */
  advance(sequence: number): boolean {
    if (!this.refusedSends.isEmpty) this.refusedSends.delete(sequence);
    if (sequence <= this.#pending) return false;
    this.#pending = sequence;
    return true;
  }

  begun(): void {
    this.#batchCount += 1;
  }

  settled(sequence: number, error?: BrokerError): void {
    this.#batchCount -= 1;
    if (error === undefined) this.#stored = Math.max(this.#stored, sequence);
    else this.refusedSends.notStored();
    if (this.#batchCount > 0) return;
    this.#pending = this.#stored;
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

  /** All marks are known by now. @throws BrokerError `BATON_CORRUPT`. */
  refusedRecovered(space: string, producer: string, value: Uint8Array): void {
    if (space !== SPACE) return;
    const mark = this.#young.get(producer) ?? this.#old.get(producer);
    if (mark !== undefined) mark.refusedSends.recovered(producer, value);
    else this.#writes.add({ type: 'state-removed', space, key: producer });
  }

  /** The mark of a producer, whether or not it ever sent. */
  of(producer: string): ProducerMark {
    return this.#young.get(producer) ?? this.#old.get(producer) ?? new ProducerMark(producer, 0);
  }

  /** Stores the mark in the open group: a message of its producer becomes durable with it. */
  advance(mark: ProducerMark, message: Message): void {
    const { producerSequence } = message.id;
    if (!mark.isOf(message)) return;
    if (mark.advance(producerSequence)) {
      this.#writes.mark(mark, producerSequence);
      if (this.#young.get(mark.producer) !== mark) this.#keep(mark);
    }
    if (!mark.refusedSends.isStored) this.#storeRefused(mark);
  }

  /** The store had no room for that message, whatever the mark of its producer says: it may be sent again. */
  refused(message: Message): void {
    const { key } = message.producerId;
    const mark = this.#young.get(key) ?? this.#old.get(key);
    if (mark?.isOf(message) === true) mark.refusedSends.add(message.id.producerSequence);
  }

  #storeRefused({ producer, refusedSends }: ProducerMark): void {
    const value = refusedSends.encode();
    this.#writes.add({ type: 'state-put', space: SPACE, key: producer, value });
  }

  #keep(mark: ProducerMark): void {
    this.#old.delete(mark.producer);
    this.#young.set(mark.producer, mark);
    if (this.#young.size < this.#youngMax) return;
    for (const [producer, { refusedSends }] of this.#old) {
      this.#writes.add({ type: 'producer-forgotten', producer });
      if (refusedSends.isEmpty) continue;
      this.#writes.add({ type: 'state-removed', space: SPACE, key: producer });
    }
    this.#old = this.#young;
    this.#young = new Map();
  }
}
