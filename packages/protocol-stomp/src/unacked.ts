import type { MessageReference } from '@batonmq/broker-core';

/** How a client names a message in an ACK: the number we gave it (STOMP 1.2), or its message id. */
export type AckKey = number | string;

/** A message that a consumer has and did not acknowledge. */
export interface Unacked extends MessageReference {
  readonly key: AckKey;
  /** Grows with each message of its consumer. */
  readonly order: number;
}

/** The messages that one consumer has to acknowledge, in the order in which they were sent to it. */
export class UnackedMessages {
  #messages = new Map<AckKey, Unacked>();

  add(message: Unacked): void {
    this.#messages.set(message.key, message);
  }

  has(key: AckKey): boolean {
    return this.#messages.has(key);
  }

  /** Takes that message out; none if it is not among them. */
  takeOne(key: AckKey): readonly Unacked[] {
    const message = this.#messages.get(key);
    if (message === undefined) return [];
    this.#messages.delete(key);
    return [message];
  }

  /** Takes out that message and all before it; none if it is not among them. */
  takeThrough(key: AckKey): readonly Unacked[] {
    if (!this.#messages.has(key)) return [];
    const taken: Unacked[] = [];
    for (const message of this.#messages.values()) {
      taken.push(message);
      this.#messages.delete(message.key);
      if (message.key === key) break;
    }
    return taken;
  }

  /** The transaction that acknowledged them did not take effect. */
  putBack(messages: readonly Unacked[]): void {
    const all = [...messages, ...this.#messages.values()].sort(
      (one, other) => one.order - other.order,
    );
    this.#messages = new Map(all.map((message) => [message.key, message]));
  }
}
