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
    return this.orEnd((resolve, reject) => {
      const receipt: Receipt = {
        settled: (error) => {
          if (error === undefined) resolve();
          else reject(error);
        },
      };
      this.#writes.complete(receipt);
      this.#writes.seal();
    });
  }

  /** What `begin` resolves or rejects with, unless the term ends first. */
  orEnd<T>(
    begin: (resolve: (value: T) => void, reject: (error: BrokerError) => void) => void,
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const fail = (error: BrokerError): void => {
        this.#waiting.delete(fail);
        reject(error);
      };
      this.#waiting.add(fail);
      begin((value) => {
        this.#waiting.delete(fail);
        resolve(value);
      }, fail);
    });
  }

  end(reason: BrokerError): void {
    for (const fail of this.#waiting) fail(reason);
    this.#waiting.clear();
  }
}
