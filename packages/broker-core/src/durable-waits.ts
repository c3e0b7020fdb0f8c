import type { BrokerError } from '@batonmq/model';
import type { Receipt } from './connection/connection.ts';
import type { WriteQueue } from './write-queue.ts';

/** Calls of operators that wait until what they changed is durable; few at a time, unlike clients' receipts. */
export class DurableWaits {
  readonly #writes: WriteQueue;
  readonly #waiting = new Set<(error: BrokerError) => void>();

  constructor(writes: WriteQueue) {
    this.#writes = writes;
  }

  /** Seals the open write group; resolves when it is durable, rejects if it was refused or the term ends first. */
  seal(): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      const fail = (error: BrokerError): void => {
        reject(error);
      };
      const receipt: Receipt = {
        settled: (error) => {
          this.#waiting.delete(fail);
          if (error === undefined) resolve();
          else reject(error);
        },
      };
      this.#waiting.add(fail);
      this.#writes.complete(receipt);
      this.#writes.seal();
    });
  }

  end(reason: BrokerError): void {
    for (const fail of this.#waiting) fail(reason);
    this.#waiting.clear();
  }
}
