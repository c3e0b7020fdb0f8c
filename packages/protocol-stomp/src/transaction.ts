import type { LocalTransactionId } from '@batonmq/model';
import type { Consumer } from './consumer.ts';
import type { Unacked } from './unacked.ts';

interface Acked {
  readonly consumer: Consumer;
  readonly messages: readonly Unacked[];
}

/** A transaction that a client has begun: what is to be undone, or still to be done, at its end. */
export class OpenTransaction {
  readonly id: LocalTransactionId;
  readonly #acked: Acked[] = [];
  readonly #rejected: Acked[] = [];

  constructor(id: LocalTransactionId) {
    this.id = id;
  }

  acked(consumer: Consumer, messages: readonly Unacked[]): void {
    this.#acked.push({ consumer, messages });
  }

  rejected(consumer: Consumer, messages: readonly Unacked[]): void {
    this.#rejected.push({ consumer, messages });
  }

  get hasRejected(): boolean {
    return this.#rejected.length > 0;
  }

  /** The commit is durable. The broker has no rejecting inside of a transaction, so it follows here. */
  committed(): void {
    for (const { consumer, messages } of this.#rejected) consumer.reject(messages);
  }

  /** Its consumers have their messages again. */
  aborted(): void {
    for (const { consumer, messages } of [...this.#acked, ...this.#rejected]) {
      consumer.unacked.putBack(messages);
    }
  }
}
