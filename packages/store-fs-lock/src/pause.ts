import type { CancelTimer, Clock } from '@batonmq/runtime';

/**
 * A sleep that can be cut short. One object serves a whole wait: racing a long-lived promise against
 * a timer again and again would leave a reaction on that promise each time.
 */
export class Pause {
  readonly #clock: Clock;
  #isAwake = false;
  #cancelTimer: CancelTimer | undefined;
  #resolve: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Ends the sleep that is going on, or the next one at once; further sleeps are not affected. */
  wake(): void {
    this.#cancelTimer?.();
    const resolve = this.#resolve;
    if (resolve) {
      this.#resolve = undefined;
      resolve();
    } else {
      this.#isAwake = true;
    }
  }

  /** One sleeper at a time. */
  sleep(durationMs: number): Promise<void> {
    if (this.#isAwake) {
      this.#isAwake = false;
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      this.#resolve = resolve;
      this.#cancelTimer = this.#clock.setTimer(durationMs, () => {
        this.#resolve = undefined;
        resolve();
      });
    });
  }
}
