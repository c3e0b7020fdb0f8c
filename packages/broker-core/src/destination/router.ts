import { compositeParts, isComposite, type Message } from '@batonmq/model';
import type { MessageTarget } from '@batonmq/store-spi';
import type { ProducerState } from '../connection/flow-control.ts';
import type { Receipt } from '../connection/connection.ts';
import { encodeMessage } from '../message/stored-message.ts';
import type { TermParts } from '../term-parts.ts';
import type { Entry } from './entry.ts';
import { Queue } from './queue.ts';
import { Publication, type Topic } from './topic.ts';

/** Brings messages to the destinations they name. */
export class Router {
  readonly #parts: TermParts;

  constructor(parts: TermParts) {
    this.#parts = parts;
  }

  /** Makes sure that every destination of a message is there. @throws as `Destinations.resolve`. */
  check(message: Message): void {
    this.#targets(message);
  }

  /** True if a message would be kept in memory only, at a place that is full. @throws as {@link check}. */
  isHeldUp(message: Message): boolean {
    for (const target of this.#targets(message)) {
      if (target.memory.isFull && !(target instanceof Queue && target.isStoring(message))) {
        return true;
      }
    }
    return false;
  }

  /**
   * Delivers a message now: what is stored when it is durable, the rest at once. `failures` hears
   * of what fails later if there is no receipt. @throws as {@link check}.
   */
  send(
    message: Message,
    producer: ProducerState,
    receipt: Receipt | undefined,
    failures: Receipt,
  ): void {
    const { writes, endOfTurn } = this.#parts;
    if (this.#deliver(message, producer, false)) writes.complete(receipt ?? failures);
    else endOfTurn.settle(receipt);
    writes.seal();
  }

  /** Adds a message to the open write group; even what is not stored waits for it. True if some of it is stored. */
  deliverLater(message: Message, producer: ProducerState): boolean {
    return this.#deliver(message, producer, true);
  }

  #deliver(message: Message, producer: ProducerState, isLater: boolean): boolean {
    const targets = this.#targets(message);
    const isStored =
      targets.length === 1 && targets[0] !== undefined && !isComposite(message.destination)
        ? this.#deliverTo(targets[0], message, isLater)
        : this.#deliverToAll(targets, message, isLater);
    if (isStored) this.#parts.marks.advance(producer.mark, message.id.producerSequence);
    return isStored;
  }

  #deliverTo(target: Queue | Topic, message: Message, isLater: boolean): boolean {
    if (!(target instanceof Queue)) {
      this.#publish(target, message, isLater);
      return false;
    }
    if (this.#isExpired(message)) {
      target.expireOnArrival(message);
      return target.isStoring(message);
    }
    const entry = target.accept(message);
    this.#await(entry, isLater);
    return entry.isStored;
  }

  /** A composite send: one body in the store, one entry in each queue. */
  #deliverToAll(targets: readonly (Queue | Topic)[], message: Message, isLater: boolean): boolean {
    const places: MessageTarget[] = [];
    const isExpired = this.#isExpired(message);
    for (const target of targets) {
      const { destination } = target;
      const copy = { ...message, destination, originalDestination: message.destination };
      if (!(target instanceof Queue)) {
        this.#publish(target, copy, isLater);
      } else if (isExpired) {
        target.expireOnArrival(copy);
      } else {
        const entry = target.accept(copy, true);
        if (entry.isStored) {
          places.push({ destination: target.ensureStored(), sequence: entry.sequence });
        }
        this.#await(entry, isLater);
      }
    }
    if (places.length === 0) return isExpired && message.isPersistent;
    const payload = encodeMessage({ ...message, originalDestination: message.destination });
    this.#parts.writes.add({ type: 'message-added', targets: places, payload }, bytesOf(payload));
    return true;
  }

  #await(entry: Entry, isLater: boolean): void {
    if (entry.isStored || isLater) this.#parts.writes.complete(entry);
    else entry.settled();
  }

  #publish(topic: Topic, message: Message, isLater: boolean): void {
    if (this.#isExpired(message)) return;
    if (isLater) this.#parts.writes.complete(new Publication(topic, message));
    else topic.publish(message);
  }

  #isExpired({ expiration }: Message): boolean {
    return expiration !== 0 && expiration <= this.#parts.clock.wallTime();
  }

  #targets(message: Message): readonly (Queue | Topic)[] {
    const { destinations } = this.#parts;
    const by = message.producerId.connectionId;
    const { destination } = message;
    if (!isComposite(destination)) return [destinations.resolve(destination, by)];
    return compositeParts(destination).map((part) => destinations.resolve(part, by));
  }
}

function bytesOf(payload: readonly Uint8Array[]): number {
  return payload.reduce((sum, piece) => sum + piece.length, 0);
}
