import { performance } from 'node:perf_hooks';
import type { CancelTimer, Clock } from '../clock.ts';

/** A timer further away than this would fire at once: Node keeps delays in 32 bits. */
const DELAY_MS_MAX = 2 ** 31 - 1;

/** The machine's clocks and Node's timers. */
export function nodeClock(): Clock {
  return {
    now: () => performance.now(),
    wallTime: () => Date.now(),
    setTimer(
      delayMs: number,
      fire: () => void,
      options?: { readonly keepsProcessAlive?: boolean },
    ): CancelTimer {
      const timer = setTimeout(fire, Math.min(Math.max(0, delayMs), DELAY_MS_MAX));
      if (options?.keepsProcessAlive !== true) timer.unref();
      return () => {
        clearTimeout(timer);
      };
    },
    setImmediate(run: () => void): void {
      setImmediate(run);
    },
  };
}
