import { compositeParts, type Destination, type Message } from '@batonmq/model';
import type { Selector } from '@batonmq/selector';
import { SelectableMessage } from '../message/selectable-message.ts';
import type { Destinations } from '../destination/destinations.ts';
import type { Queue } from '../destination/queue.ts';
import type { Topic } from '../destination/topic.ts';

/** One receiver of a message, and the message as it is there. */
export interface Receiver {
  readonly target: Queue | Topic;
  readonly message: Message;
}

/** Works out every receiver of one message; each gets it once, however many ways lead there. */
export class Receivers {
  readonly #destinations: Destinations;
  readonly #all = new Map<Queue | Topic, Message>();

  constructor(destinations: Destinations) {
    this.#destinations = destinations;
  }

  /** @throws as `Destinations.resolve`. */
  static of(message: Message, destinations: Destinations): readonly Receiver[] {
    const receivers = new Receivers(destinations);
    for (const part of compositeParts(message.destination)) {
      if (part === message.destination) receivers.send(message);
      else receivers.send(copyFor(part, message));
    }
    return [...receivers.#all].map(([target, each]) => ({ target, message: each }));
  }

  /** Goes on from the destination of `message`. */
  send(message: Message): void {
    const { connectionId } = message.producerId;
    this.#enter(this.#destinations.resolve(message.destination, connectionId), message);
  }

  #enter(target: Queue | Topic, message: Message): void {
    const { route } = target;
    if (route === undefined) {
      this.#keep(target, message);
      return;
    }
    const passing = new PassingMessage(message);
    let isKept = true;
    for (const { targets, kept } of route.forwardings) {
      const taking = targets.filter(({ selector }) => passing.isFor(selector));
      if (kept === 'none' || (kept === 'unmatched' && taking.length > 0)) isKept = false;
      // The broker's own doing: the rights of who sent the message are not asked for.
      for (const { destination } of taking) {
        const next = this.#destinations.resolve(destination, undefined);
        this.#enter(next, copyFor(destination, message));
      }
    }
    for (const queue of route.queues()) {
      if (queue.wanted === undefined || queue.wanted.has(passing.selectable)) {
        this.#enter(queue, copyFor(queue.destination, message));
      }
    }
    if (isKept) this.#keep(target, message);
  }

  /** It ends here. */
  #keep(target: Queue | Topic, message: Message): void {
    if (!this.#all.has(target)) this.#all.set(target, message);
  }
}

/** A message at a place that passes it on, as selectors see it. */
class PassingMessage {
  readonly #message: Message;
  #selectable: SelectableMessage | undefined;

  constructor(message: Message) {
    this.#message = message;
  }

  /** One for all who ask, so that properties are decoded once. Its destination is this place. */
  get selectable(): SelectableMessage {
    this.#selectable ??= new SelectableMessage({
      message: copyFor(this.#message.destination, this.#message),
      redeliveryCount: 0,
    });
    return this.#selectable;
  }

  isFor(selector: Selector | undefined): boolean {
    return selector === undefined || selector.matches(this.selectable);
  }
}

/** A message on its way from one destination to another. */
export function copyFor(destination: Destination, message: Message): Message {
  return { ...message, destination, originalDestination: message.destination };
}
