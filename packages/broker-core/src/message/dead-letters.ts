import { destination, type BrokerError, type Destination, type Message } from '@batonmq/model';
import type { Receipt } from '../connection/connection.ts';
import type { Entry } from '../destination/entry.ts';
import type { TermParts } from '../term-parts.ts';

/** Moves messages that cannot be delivered to the dead-letter queue, in one step with their removal. */
export class DeadLetters {
  readonly #parts: TermParts;
  readonly #queue: Destination;

  constructor(parts: TermParts) {
    this.#parts = parts;
    this.#queue = destination('queue', parts.settings.deadLetterQueue);
  }

  /**
   * Adds the move of an entry that is in no list any more to the open write group. False if it is to
   * be dropped instead: it may not become a dead letter, or it is one already.
   */
  move(entry: Entry, cause: string, isExpired: boolean): boolean {
    if (!this.#wants(entry.message, entry.destination, isExpired)) return false;
    this.#add(entry.message, cause);
    entry.queue.addRemoval(entry);
    this.#parts.writes.complete(new Move(entry, cause));
    return true;
  }

  /** Adds a dead letter that never was in a queue to the open write group, if it may become one. */
  add(message: Message, sentTo: Destination, cause: string, isExpired: boolean): void {
    if (this.#wants(message, sentTo, isExpired)) this.#add(message, cause);
  }

  #wants(message: Message, from: Destination, isExpired: boolean): boolean {
    const { areExpiredDeadLettered, areNonPersistentDeadLettered } = this.#parts.settings;
    if (from.key === this.#queue.key) return false;
    if (isExpired && !areExpiredDeadLettered) return false;
    return message.isPersistent || areNonPersistentDeadLettered;
  }

  #add(message: Message, cause: string): void {
    const letter: Message = {
      ...message,
      destination: this.#queue,
      originalDestination: message.destination,
      transactionId: undefined,
      originalTransactionId: message.transactionId ?? message.originalTransactionId,
      isPersistent: true,
      expiration: 0,
      redeliveryCount: 0,
      deadLetter: {
        cause,
        originalExpiration: message.expiration,
        wasPersistent: message.isPersistent,
      },
    };
    const { writes, destinations } = this.#parts;
    writes.complete(destinations.queue(this.#queue, undefined).accept(letter));
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
