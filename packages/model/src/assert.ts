/** Thrown by {@link assert}: a bug in BatonMQ, never a peer's or a user's mistake. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError';
}

/**
 * Stops on a bug. Stays on in production. Never use it on what a peer, a file or a plugin's user
 * sent: that is a `BrokerError`.
 */
export function assert(condition: boolean, claim: string): asserts condition {
  if (!condition) throw new AssertionError(claim);
}

/** Narrows away `undefined` where the program's own logic guarantees a value. */
export function present<T>(value: T | undefined | null, claim: string): T {
  if (value === undefined || value === null) throw new AssertionError(claim);
  return value;
}
