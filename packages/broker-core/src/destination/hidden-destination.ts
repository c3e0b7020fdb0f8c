import type { DestinationNumber, Message, Sequence } from '@batonmq/model';
import type { ReadLimits, RecoveredDestination, StoredMessage } from '@batonmq/store-spi';
import { encodeKeptMessage } from '../message/kept-message.ts';
import type { TermParts } from '../term-parts.ts';

/**
 * A destination of the store that no client sees: messages that wait for something else than a
 * consumer. They keep the name of the destination that they are for. Its owner remembers their
 * sequences; nothing of them is in memory.
 */
export class HiddenDestination {
  readonly #key: string;
  readonly #parts: TermParts;
  #number: DestinationNumber | undefined;
  #nextSequence = 1;

  constructor(key: string, parts: TermParts) {
    this.#key = key;
    this.#parts = parts;
  }

  /** Takes over what the store has of it; false if that is another destination. */
  recovered({ key, destination, nextSequence }: RecoveredDestination): boolean {
    if (key !== this.#key) return false;
    this.#number = destination;
    this.#nextSequence = nextSequence;
    this.#parts.destinations.reserve(destination);
    return true;
  }

  /** Adds a message to the open write group. Those of one group get sequences without gaps. */
  add(message: Message): Sequence {
    this.#number ??= this.#parts.destinations.storeKey(this.#key);
    const sequence = this.#nextSequence as Sequence;
    this.#nextSequence += 1;
    const payload = encodeKeptMessage(message);
    const bytes = payload.reduce((sum, piece) => sum + piece.length, 0);
    const targets = [{ destination: this.#number, sequence }];
    this.#parts.writes.add({ type: 'message-added', targets, payload }, bytes);
    return sequence;
  }

  /** Adds the removal of a message to the open write group. */
  remove(sequence: Sequence): void {
    if (this.#number === undefined) return;
    this.#parts.writes.add({ type: 'message-removed', destination: this.#number, sequence });
  }

  /** Its messages from `from` up, as `Lease.read`; `decodeKeptMessage` reads their payloads. */
  read(from: Sequence, limits: ReadLimits): Promise<readonly StoredMessage[]> {
    if (this.#number === undefined) return Promise.resolve([]);
    return this.#parts.lease.read(this.#number, from, limits);
  }
}
