import type { BrokerError } from '@batonmq/model';
import type { Clock } from '@batonmq/runtime';
import type { Receipt } from './connection/connection.ts';

/**
 * Work put off to the end of the event-loop turn, in order: receipts that wait for nothing else
 * but must not be settled from inside the call they came with.
 */
export class EndOfTurn {
  readonly #clock: Clock;
  #tasks: (() => void)[] = [];
  #isStopped = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  run(task: () => void): void {
    if (this.#tasks.length === 0) {
      this.#clock.setImmediate(() => {
        this.#runAll();
      });
    }
    this.#tasks.push(task);
  }

  settle(receipt: Receipt | undefined, error?: BrokerError): void {
    if (receipt === undefined) return;
    this.run(() => {
      receipt.settled(error);
    });
  }

  /** Drops what is put off; nothing runs from now on. */
  stop(): void {
    this.#isStopped = true;
  }

  #runAll(): void {
    const tasks = this.#tasks;
    this.#tasks = [];
    for (const task of tasks) {
      if (this.#isStopped) return;
      task();
    }
  }
}
