import { setImmediate as nextTurn } from 'node:timers';
import type { CancelTimer, Clock } from '../clock.ts';

/** Wall time at the start of every simulation: 2024-01-01T00:00:00Z. */
const WALL_TIME_START = 1_704_067_200_000;
/** Steps of {@link SimClock.run} before it is called a livelock. */
const STEPS_MAX = 10_000_000;

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly fire: () => void;
}

/** Virtual time: it passes only while {@link run} has nothing else to do. */
export class SimClock implements Clock {
  #now = 0;
  #order = 0;
  #immediates: (() => void)[] = [];
  /** By time, then by the order in which they were set. */
  readonly #timers: Timer[] = [];

  now(): number {
    return this.#now;
  }

  wallTime(): number {
    return WALL_TIME_START + Math.floor(this.#now);
  }

  setTimer(delayMs: number, fire: () => void): CancelTimer {
    this.#order += 1;
    const timer: Timer = { at: this.#now + Math.max(0, delayMs), order: this.#order, fire };
    const at = this.#timers.findIndex((other) => other.at > timer.at);
    this.#timers.splice(at === -1 ? this.#timers.length : at, 0, timer);
    return () => {
      const index = this.#timers.indexOf(timer);
      if (index !== -1) this.#timers.splice(index, 1);
    };
  }

  setImmediate(run: () => void): void {
    this.#immediates.push(run);
  }

  /**
   * Lets time pass until `promise` settles, and returns what it settles to.
   *
   * @throws An error if everything came to rest before that: the promise waits for nothing.
   */
  async run<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false;
    const settle = (): void => {
      isSettled = true;
    };
    promise.then(settle, settle);
    await microtasks();
    // A claim on a variable that a callback changes: the compiler cannot see it.
    const isDone = (): boolean => isSettled;
    for (let step = 0; !isDone(); step += 1) {
      if (step > STEPS_MAX) throw new Error('The simulation does not come to an end');
      if (!this.#step()) throw new Error('Everything is at rest, and a promise is still pending');
      await microtasks();
    }
    return promise;
  }

  /** Lets time pass until nothing is left to do, or until `limitMs` more have passed. */
  async runUntilIdle(limitMs = Infinity): Promise<void> {
    const end = this.#now + limitMs;
    await microtasks();
    for (;;) {
      const next = this.#timers[0];
      if (this.#immediates.length === 0 && (next === undefined || next.at > end)) return;
      this.#step();
      await microtasks();
    }
  }

  /** Runs the immediates of this turn, or else the next timer. False if there is neither. */
  #step(): boolean {
    if (this.#immediates.length > 0) {
      const due = this.#immediates;
      this.#immediates = [];
      for (const run of due) run();
      return true;
    }
    const timer = this.#timers.shift();
    if (timer === undefined) return false;
    this.#now = Math.max(this.#now, timer.at);
    timer.fire();
    return true;
  }
}

/** Resolves when every promise reaction that is due has run, however many follow one another. */
function microtasks(): Promise<void> {
  return new Promise((resolve) => {
    nextTurn(resolve);
  });
}
