import type { CancelTimer, Clock } from '@batonmq/runtime';
import type { DestinationPolicy } from '../policy/destination-policy.ts';
import { POLICY_DEFAULTS } from '../policy/policy-defaults.ts';

/** How long a queue waits for its consumers if a policy gives their number and no time. */
const WAIT_FOR_CONSUMERS_MS = 1000;

/**
 * Whether a queue gives anything out: not while it is paused, and not before its consumers are there
 * (`consumersBeforeDispatchStarts`) or had their time (`timeBeforeDispatchStarts`).
 */
export class DispatchGate {
  isPaused = false;
  readonly #wantedCount: number;
  readonly #waitMs: number;
  readonly #clock: Clock;
  readonly #opened: () => void;
  #consumerCount = 0;
  #cancelTimer: CancelTimer | undefined;

  /** @param opened - Called when the time is over. */
  constructor(policy: DestinationPolicy, clock: Clock, opened: () => void) {
    const {
      consumersBeforeDispatchStarts = POLICY_DEFAULTS.consumersBeforeDispatchStarts,
      timeBeforeDispatchStarts = POLICY_DEFAULTS.timeBeforeDispatchStarts,
    } = policy;
    this.#wantedCount = consumersBeforeDispatchStarts;
    this.#waitMs =
      timeBeforeDispatchStarts === 0 && consumersBeforeDispatchStarts > 0
        ? WAIT_FOR_CONSUMERS_MS
        : timeBeforeDispatchStarts;
    this.#clock = clock;
    this.#opened = opened;
  }

  get isOpen(): boolean {
    return !this.isPaused && this.#cancelTimer === undefined;
  }

  /** The first one begins the wait, the last of those that are waited for ends it. */
  consumerAdded(): void {
    this.#consumerCount += 1;
    if (this.#consumerCount === 1 && this.#waitMs > 0) this.#wait();
    if (this.#wantedCount > 0 && this.#consumerCount >= this.#wantedCount) this.stop();
  }

  consumerRemoved(): void {
    this.#consumerCount -= 1;
    if (this.#consumerCount === 0) this.stop();
  }

  /** Ends the wait. */
  stop(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #wait(): void {
    this.#cancelTimer = this.#clock.setTimer(this.#waitMs, () => {
      this.#cancelTimer = undefined;
      this.#opened();
    });
  }
}
