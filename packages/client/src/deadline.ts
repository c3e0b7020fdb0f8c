import { AbortError, BrokerError } from '@batonmq/model';
import type { Clock } from '@batonmq/runtime';

/** How a call that may wait can be limited. */
export interface CallOptions {
  /** Milliseconds after which it rejects with `BATON_TIMEOUT`; -1 is never. Each call names its default. */
  readonly timeoutMs?: number;
  /** Ends the wait with `BATON_ABORTED`. */
  readonly signal?: AbortSignal | undefined;
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
    signal?.removeEventListener('abort', aborted);
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
  if (signal?.aborted === true) aborted();
  else signal?.addEventListener('abort', aborted, { once: true });
  return { promise, resolve, reject };
}

export function timeoutError(what: string, timeoutMs: number, cause?: unknown): BrokerError {
  return new BrokerError('BATON_TIMEOUT', `${what} took longer than ${timeoutMs} ms`, {
    details: { timeoutMs },
    cause,
  });
}
