import { BrokerError } from '@batonmq/model';
import { deriveKey, type PasswordHash } from './password-hash.ts';

interface Waiting {
  readonly isWanted: () => boolean;
  readonly start: () => void;
  readonly drop: () => void;
}

/**
 * Computes hashes, a few at a time: each takes a tenth of a second and a thread of the pool in which
 * the broker's disk writes run too, and everybody who can reach the broker can ask for one.
 */
export class HashQueue {
  readonly #atOnceMax: number;
  readonly #waitingMax: number;
  readonly #waiting: Waiting[] = [];
  #runningCount = 0;
  #computedCount = 0;

  constructor(atOnceMax: number, waitingMax: number) {
    this.#atOnceMax = atOnceMax;
    this.#waitingMax = waitingMax;
  }

  /** Hashes begun so far. */
  get computedCount(): number {
    return this.#computedCount;
  }

  /**
   * As `deriveKey`, when its turn comes; not at all if nobody wants it by then.
   *
   * @throws `BATON_LIMIT` if too many wait, `BATON_ABORTED` if it is not wanted any more.
   */
  compute(password: string, like: PasswordHash, isWanted: () => boolean): Promise<Uint8Array> {
    if (this.#runningCount >= this.#atOnceMax && this.#waiting.length >= this.#waitingMax) {
      const text = `${this.#waiting.length} logins wait for their turn; try again later`;
      return Promise.reject(new BrokerError('BATON_LIMIT', text));
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({
        isWanted,
        start: () => {
          resolve(this.#run(password, like));
        },
        drop: () => {
          reject(new BrokerError('BATON_ABORTED', 'Nobody waits for this login any more'));
        },
      });
      this.#startNext();
    });
  }

  async #run(password: string, like: PasswordHash): Promise<Uint8Array> {
    this.#runningCount += 1;
    this.#computedCount += 1;
    try {
      return await deriveKey(password, like);
    } finally {
      this.#runningCount -= 1;
      this.#startNext();
    }
  }

  #startNext(): void {
    while (this.#runningCount < this.#atOnceMax) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      if (next.isWanted()) next.start();
      else next.drop();
    }
  }
}
