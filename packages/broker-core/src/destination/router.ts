import { isComposite, type Message } from '@batonmq/model';
import type { MessageTarget } from '@batonmq/store-spi';
import type { ProducerState } from '../connection/flow-control.ts';
import type { Receipt } from '../connection/connection.ts';
import { encodeMessage } from '../message/stored-message.ts';
import type { TermParts } from '../term-parts.ts';
import type { Entry } from './entry.ts';
import { Queue } from './queue.ts';
import { Receivers } from './receivers.ts';
import { Publication, type Topic } from './topic.ts';

/** Brings messages to the destinations they name. */
export class Router {
  readonly #parts: TermParts;

  constructor(parts: TermParts) {
    this.#parts = parts;
  }

  /** Makes sure that every destination of a message is there. @throws as `Destinations.resolve`. */
  check(message: Message): void {
    if (this.#only(message) === undefined) Receivers.of(message, this.#parts.destinations);
  }

  /** True if a message would be kept in memory only, at a place that is full. @throws as {@link check}. */
  isHeldUp(message: Message): boolean {
    const only = this.#only(message);
    if (only !== undefined) return isFullFor(only, message);
    return Receivers.of(message, this.#parts.destinations).some(({ target, message: each }) =>
      isFullFor(target, each),
    );
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
    const only = this.#only(message);
    const isStored =
      only !== undefined
        ? this.#deliverTo(only, message, isLater)
        : this.#deliverToAll(message, isLater);
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

  /** One write group, so all receivers get it or none; one stored body for all that see the same message. */
  #deliverToAll(message: Message, isLater: boolean): boolean {
    const isExpired = this.#isExpired(message);
    const bodies = new Map<string | undefined, StoredBody>();
    for (const receiver of Receivers.of(message, this.#parts.destinations)) {
      const { target } = receiver;
      if (!(target instanceof Queue)) {
        this.#publish(target, receiver.message, isLater);
      } else if (isExpired) {
        target.expireOnArrival(receiver.message);
      } else {
        const entry = target.accept(receiver.message, true);
        if (entry.isStored) addTarget(bodies, target, entry);
        this.#await(entry, isLater);
      }
    }
    for (const { message: stored, targets } of bodies.values()) {
      const payload = encodeMessage(stored);
      this.#parts.writes.add({ type: 'message-added', targets, payload }, bytesOf(payload));
    }
    return bodies.size > 0 || (isExpired && message.isPersistent);
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

  /** The one receiver of a message, without looking further; none if there may be several. */
  #only({ destination, producerId }: Message): Queue | Topic | undefined {
    if (isComposite(destination)) return undefined;
    return this.#parts.destinations.resolve(destination, producerId.connectionId);
  }
}

/** What is stored once, and where it shows. */
interface StoredBody {
  readonly message: Message;
  readonly targets: MessageTarget[];
}

/** The destination is not part of a stored body, where it came from is. */
function addTarget(
  bodies: Map<string | undefined, StoredBody>,
  queue: Queue,
  { message, sequence }: Entry,
): void {
  const key = message.originalDestination?.key;
  const body = bodies.get(key) ?? { message, targets: [] };
  bodies.set(key, body);
  body.targets.push({ destination: queue.ensureStored(), sequence });
}

function isFullFor(target: Queue | Topic, message: Message): boolean {
  return target.memory.isFull && !(target instanceof Queue && target.isStoring(message));
}

function bytesOf(payload: readonly Uint8Array[]): number {
  return payload.reduce((sum, piece) => sum + piece.length, 0);
}
