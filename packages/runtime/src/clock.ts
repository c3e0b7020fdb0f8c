/** Undoes a timer; calling it again, or after the timer fired, does nothing. */
export type CancelTimer = () => void;

/** Time. Components never read a clock or set a timer in any other way, so a simulation can run them. */
export interface Clock {
  /** Monotonic milliseconds with a fraction, from an arbitrary start; never goes back. */
  now(): number;
  /** Wall clock, whole milliseconds since 1970; may jump. */
  wallTime(): number;
  /**
   * Calls `fire` once after `delayMs` (0 and up). Does not keep the process alive by itself, unless
   * `keepsProcessAlive` is set: for a timer that is all that a waiting caller has left.
   */
  setTimer(
    delayMs: number,
    fire: () => void,
    options?: { readonly keepsProcessAlive?: boolean },
  ): CancelTimer;
  /** Calls `run` at the end of this event-loop turn, after the I/O that is already waiting. */
  setImmediate(run: () => void): void;
}
