import { AbortError, BrokerError } from '@batonmq/model';
import type { Clock } from '@batonmq/runtime';

/** How a call that may wait can be limited. */
export interface CallOptions {
  /** Milliseconds after which it rejects with `BATON_TIMEOUT`; -1 is never. Each call names its default. */
  readonly timeoutMs?: number;
  /** Ends the wait with `BATON_ABORTED`. */
  readonly signal?: AbortSignal | undefined;
}

/** What waits for each signal. */
const waiting = new WeakMap<AbortSignal, Set<() => void>>();

/**
 * Runs `run` when a signal that is not aborted yet is; the call that it returns takes that back.
 *
 * However many calls wait on one signal, it carries one listener of ours: thousands of sends may be
 * in flight under it, and the platform takes more than ten listeners for a leak.
 */
export function onAbort(signal: AbortSignal, run: () => void): () => void {
  let runs = waiting.get(signal);
  if (runs === undefined) {
    const all = new Set<() => void>();
    waiting.set(signal, all);
    const runAll = (): void => {
      for (const one of [...all]) one();
    };
    signal.addEventListener('abort', runAll, { once: true });
    runs = all;
  }
  const registered = runs.add(run);
  return () => void registered.delete(run);
}

/**
 * A promise that is settled from outside, or by its deadline or signal, whichever comes first.
 *
 * @param cleanUp - Runs when the deadline or the signal ended it, to take it out of whatever queue
 *   it waits in.
 */
export function waitFor<T>(
  clock: Clock,
  what: string,
  { timeoutMs = -1, signal }: CallOptions,
  cleanUp: () => void,
): { promise: Promise<T>; resolve: (value: T) => void; reject: (error: Error) => void } {
  let settle: { resolve: (value: T) => void; reject: (error: Error) => void } | undefined;
  const promise = new Promise<T>((resolve, reject) => {
    settle = { resolve, reject };
  });
  const end = (): void => {
    cancel?.();
    ignoreSignal?.();
  };
  const reject = (error: Error): void => {
    end();
    settle?.reject(error);
  };
  const resolve = (value: T): void => {
    end();
    settle?.resolve(value);
  };
  const aborted = (): void => {
    cleanUp();
    reject(new AbortError(what, signal?.reason));
  };
  const cancel =
    timeoutMs < 0
      ? undefined
      : clock.setTimer(timeoutMs, () => {
          cleanUp();
          reject(timeoutError(what, timeoutMs));
        });
  let ignoreSignal: (() => void) | undefined;
  if (signal?.aborted === true) aborted();
  else if (signal !== undefined) ignoreSignal = onAbort(signal, aborted);
  return { promise, resolve, reject };
}

export function timeoutError(what: string, timeoutMs: number, cause?: unknown): BrokerError {
  return new BrokerError('BATON_TIMEOUT', `${what} took longer than ${timeoutMs} ms`, {
    details: { timeoutMs },
    cause,
  });
}
