import { type BrokerError, type Message } from '@batonmq/model';
import type { Receipt } from '../connection/connection.ts';
import type { Entry } from '../dispatch/entry.ts';
import { Queue } from '../destination/queue.ts';
import { StoredBodies } from '../virtual/stored-bodies.ts';
import type { TermParts } from '../term-parts.ts';
import { deadLetterTarget, type DeadLetterTarget } from './dead-letter-target.ts';

/** Moves messages that cannot be delivered to where their policy says, in one step with their removal. */
export class DeadLetters {
  readonly #parts: TermParts;

  constructor(parts: TermParts) {
    this.#parts = parts;
  }

  /**
   * Adds the move of an entry that is in no list any more to the open write group. False if it is to
   * be dropped instead: it may not become a dead letter, or it is one already.
   */
  move(entry: Entry, cause: string, isExpired: boolean): boolean {
    const target = this.#targetOf(entry.message, entry.queue, isExpired);
    if (target === undefined) return false;
    this.#add(entry.message, entry.queue, target, cause);
    entry.queue.addRemoval(entry);
    this.#parts.writes.complete(new Move(entry, cause));
    return true;
  }

  /** Adds a dead letter that never was in its queue to the open write group, if it may become one. */
  add(message: Message, sentTo: Queue, cause: string, isExpired: boolean): void {
    const target = this.#targetOf(message, sentTo, isExpired);
    if (target !== undefined) this.#add(message, sentTo, target, cause);
  }

  #targetOf(message: Message, queue: Queue, isExpired: boolean): DeadLetterTarget | undefined {
    return deadLetterTarget(message, queue, this.#parts.settings, isExpired);
  }

  #add(
    message: Message,
    from: Queue,
    { destination, expiration }: DeadLetterTarget,
    cause: string,
  ): void {
    const { clock, destinations, writes } = this.#parts;
    const letter: Message = {
      ...message,
      destination,
      originalDestination: message.destination,
      transactionId: undefined,
      originalTransactionId: message.transactionId ?? message.originalTransactionId,
      isPersistent: true,
      expiration: expiration === 0 ? 0 : clock.wallTime() + expiration,
      redeliveryCount: 0,
      deadLetter: {
        cause,
        originalExpiration: message.expiration,
        wasPersistent: message.isPersistent,
      },
    };
    const place = destinations.ofBroker(destination);
    if (place instanceof Queue) {
      writes.complete(place.accept(letter));
    } else {
      const bodies = new StoredBodies();
      place.accept(letter, bodies);
      bodies.write(writes);
    }
    this.#parts.emit({
      type: 'message-dead-lettered',
      origin: from.clientsName(message),
      original: message,
      message: letter,
      cause,
    });
  }
}

/** What becomes of an entry when its move is durable, or when there was no room for it. */
class Move implements Receipt {
  readonly #entry: Entry;
  readonly #cause: string;

  constructor(entry: Entry, cause: string) {
    this.#entry = entry;
    this.#cause = cause;
  }

  settled(error?: BrokerError): void {
    const { queue } = this.#entry;
    if (error === undefined) queue.forget(this.#entry);
    else queue.keepUndead(this.#entry, this.#cause);
  }
}
