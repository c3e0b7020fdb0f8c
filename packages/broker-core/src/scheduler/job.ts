import type { Sequence } from '@batonmq/model';
import { FOR_EVER, type Schedule } from './schedule-properties.ts';

/** A message that waits for its time; the message itself is in the store alone. */
export interface Job extends Schedule {
  /** `<producer>:<number>`, unique in the store. */
  readonly id: string;
  /** Of its message, in the hidden destination. */
  readonly sequence: Sequence;
  /** When it is to be delivered next, wall clock milliseconds. */
  readonly due: number;
  /** When to look at it: later than `due` if it could not be delivered then. */
  readonly wakeAt: number;
}

/**
 * When a schedule that starts at `start` is due first: after the delay, else after the period, counted from
 * the first time of the cron entry if there is one. None if that never comes.
 */
export function firstDue({ delay, period, cron }: Schedule, start: number): number | undefined {
  const from = cron === undefined ? start : cron.next(start);
  return from === undefined ? undefined : from + (delay > 0 ? delay : period);
}

/**
 * The same job with its next time, which is always later than the last; none if that was the last. Times
 * that passed while no broker was active are made up for by one delivery, not by one each.
 */
export function advanced(job: Job, now: number): Job | undefined {
  const { due, period, repeat, cron } = job;
  if (cron !== undefined) {
    const next = cron.next(now);
    return next === undefined ? undefined : { ...job, due: next, wakeAt: next };
  }
  if (repeat === 0) return undefined;
  const next = due + period > now ? due + period : now + period;
  return { ...job, due: next, wakeAt: next, repeat: repeat === FOR_EVER ? repeat : repeat - 1 };
}

/** True if a job delivers nothing itself: at each time of its cron entry it starts a run of deliveries. */
export function startsRuns({ cron, repeat }: Schedule): boolean {
  return cron !== undefined && repeat !== 0;
}
