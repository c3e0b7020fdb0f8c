import { isComposite, type Message } from '@batonmq/model';
import type { ProducerState } from '../connection/flow-control.ts';
import type { Receipt } from '../connection/connection.ts';
import type { TermParts } from '../term-parts.ts';
import type { Entry } from '../dispatch/entry.ts';
import type { Obstacle } from '../limit/obstacle.ts';
import { Queue } from './queue.ts';
import { Receivers } from '../virtual/receivers.ts';
import { StoredBodies } from '../virtual/stored-bodies.ts';
import type { Topic } from './topic.ts';

/** Who a message is from, as far as its delivery depends on it. */
export type Sender = Pick<ProducerState, 'mark'>;

/** Brings messages to the destinations they name. */
export class Router {
  readonly #parts: TermParts;

  constructor(parts: TermParts) {
    this.#parts = parts;
  }

  /**
   * Makes sure that every destination of a message is there and takes its producer.
   *
   * @throws as `Destinations.resolve`, `BATON_LIMIT`.
   */
  check(message: Message, producer?: ProducerState): void {
    if (this.#parts.scheduler.planOf(message) !== undefined) return;
    const only = this.#only(message);
    if (only !== undefined) {
      if (producer !== undefined) only.producers?.enter(producer, false);
      return;
    }
    for (const { target } of Receivers.of(message, this.#parts.destinations)) {
      if (producer !== undefined) target.producers?.enter(producer, false);
    }
  }

  /**
   * What has no room for a message, and where; none if there is room. Also sees to it that it takes
   * the producer, if that is given. @throws as {@link check}.
   */
  obstacle(message: Message, producer?: ProducerState): Obstacle | undefined {
    const only = this.#only(message);
    if (only !== undefined) {
      if (producer !== undefined) only.producers?.enter(producer, false);
      const usage = only.fullFor(message);
      return usage && { target: only, usage };
    }
    for (const { target, message: each } of Receivers.of(message, this.#parts.destinations)) {
      if (producer !== undefined) target.producers?.enter(producer, false);
      const usage = target.fullFor(each);
      if (usage !== undefined) return { target, usage };
    }
    return undefined;
  }

  /** True if some of what becomes of a message is stored. @throws as {@link check}. */
  isStoring(message: Message): boolean {
    if (this.#parts.scheduler.planOf(message) !== undefined) return true;
    return Receivers.of(message, this.#parts.destinations).some(({ target, message: each }) =>
      target instanceof Queue ? target.isStoring(each) : !target.isDirect,
    );
  }

  /**
   * Delivers a message now: what is stored when it is durable, the rest at once. `failures` hears
   * of what fails later if there is no receipt. @throws as {@link check}.
   */
  send(message: Message, producer: Sender, receipt: Receipt | undefined, failures: Receipt): void {
    const { writes, endOfTurn } = this.#parts;
    if (this.#deliver(message, producer, false)) writes.complete(receipt ?? failures);
    else endOfTurn.settle(receipt);
    writes.seal();
  }

  /** Adds a message to the open write group; even what is not stored waits for it. True if some of it is stored. */
  deliverLater(message: Message, producer: Sender): boolean {
    return this.#deliver(message, producer, true);
  }

  #deliver(message: Message, producer: Sender, isLater: boolean): boolean {
    const { scheduler } = this.#parts;
    const plan = scheduler.planOf(message);
    if (plan !== undefined) {
      scheduler.accept(message, plan);
      this.#advance(producer, message);
      return true;
    }
    const only = this.#only(message);
    const isStored =
      only !== undefined
        ? this.#deliverTo(only, message, isLater)
        : this.#deliverToAll(message, isLater);
    if (isStored) this.#advance(producer, message);
    return isStored;
  }

  #advance({ mark }: Sender, message: Message): void {
    if (mark !== undefined) this.#parts.marks.advance(mark, message);
  }

  #deliverTo(target: Queue | Topic, message: Message, isLater: boolean): boolean {
    if (!(target instanceof Queue)) return this.#deliverToTopic(target, message, isLater);
    if (this.#isExpired(message)) {
      target.expireOnArrival(message);
      return target.isStoring(message);
    }
    const entry = target.accept(message);
    this.#await(entry, isLater);
    return entry.isStored;
  }

  #deliverToTopic(topic: Topic, message: Message, isLater: boolean): boolean {
    if (this.#isExpired(message)) {
      topic.expireOnArrival(message);
      return false;
    }
    if (topic.isDirect && !isLater) {
      topic.publish(message);
      return false;
    }
    const bodies = new StoredBodies();
    topic.accept(message, bodies);
    return bodies.write(this.#parts.writes);
  }

  /** One write group, so all receivers get it or none; one stored body for all that see the same message. */
  #deliverToAll(message: Message, isLater: boolean): boolean {
    const isExpired = this.#isExpired(message);
    const bodies = new StoredBodies();
    for (const receiver of Receivers.of(message, this.#parts.destinations)) {
      const { target } = receiver;
      if (!(target instanceof Queue)) {
        if (isExpired) {
          target.expireOnArrival(receiver.message);
          continue;
        }
        // Nobody sees a part of it before all that is stored of it is durable.
        const isDirect = target.isDirect && !isLater && !message.isPersistent;
        if (isDirect) target.publish(receiver.message);
        else target.accept(receiver.message, bodies);
      } else if (isExpired) {
        target.expireOnArrival(receiver.message);
      } else {
        const entry = target.accept(receiver.message, true);
        if (entry.isStored) bodies.add(entry);
        this.#await(entry, isLater);
      }
    }
    return bodies.write(this.#parts.writes) || (isExpired && message.isPersistent);
  }

  #await(entry: Entry, isLater: boolean): void {
    if (entry.isStored || isLater) this.#parts.writes.complete(entry);
    else entry.settled();
  }

  #isExpired({ expiration }: Message): boolean {
    return expiration !== 0 && expiration <= this.#parts.clock.wallTime();
  }

  /** The one receiver of a message, without looking further; none if there may be several. */
  #only({ destination, producerId }: Message): Queue | Topic | undefined {
    if (isComposite(destination)) return undefined;
    const target = this.#parts.destinations.resolve(destination, producerId.connectionId);
    return target.route === undefined ? target : undefined;
  }
}
