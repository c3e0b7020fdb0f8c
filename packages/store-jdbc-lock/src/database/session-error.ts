import type { Failure } from './session.ts';

/** The connection is no use any more; what was under way may have taken effect. */
export class ConnectionLostError extends Error {
  override readonly name = 'ConnectionLostError';
}

export function connectionLost(cause: Error): ConnectionLostError {
  return new ConnectionLostError(`The connection is lost: ${cause.message}`, { cause });
}

/** A server that takes no writes now, or does not answer. */
export class UnusableHostError extends Error {
  override readonly name = 'UnusableHostError';
}

/** A value is larger than the server takes, or than the driver would give back. */
export class ValueTooLargeError extends Error {
  override readonly name = 'ValueTooLargeError';
}

/** None of the hosts can be used; `failures` has one error for each. */
export class NoHostError extends Error {
  override readonly name = 'NoHostError';
  readonly failures: readonly unknown[];

  constructor(message: string, failures: readonly unknown[]) {
    super(message);
    this.failures = failures;
  }
}

/** Codes of the system and of name resolution, of which each may be over in a moment. */
export const CONNECTION_CODES: ReadonlySet<unknown> = new Set([
  'EADDRNOTAVAIL',
  'EAI_AGAIN',
  'ECONNABORTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTDOWN',
  'EHOSTUNREACH',
  'ENETDOWN',
  'ENETUNREACH',
  // The socket of a server that has not started.
  'ENOENT',
  'ENOTFOUND',
  'EPIPE',
  'ETIMEDOUT',
]);

/**
 * What an error means, if it is one of these; else what `ofDriver` says.
 *
 * @param ofDriver - for errors of the driver, and of its servers
 */
export function failureWith(ofDriver: (error: Error) => Failure, error: unknown): Failure {
  if (error instanceof ConnectionLostError || error instanceof UnusableHostError) {
    return 'disconnected';
  }
  if (error instanceof ValueTooLargeError) return 'full';
  if (error instanceof NoHostError) {
    const isTemporary = error.failures.some((each) => failureWith(ofDriver, each) !== 'fatal');
    return isTemporary ? 'disconnected' : 'fatal';
  }
  return error instanceof Error ? ofDriver(error) : 'fatal';
}
