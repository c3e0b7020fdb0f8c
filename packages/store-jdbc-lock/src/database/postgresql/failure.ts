import type { Failure } from '../session.ts';

/** The connection is no use any more; what was under way may have taken effect. */
export class ConnectionLostError extends Error {
  override readonly name = 'ConnectionLostError';
}

/** A server that takes no writes now. */
export class ReadOnlyHostError extends Error {
  override readonly name = 'ReadOnlyHostError';
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

/** PostgreSQL has no values of this size, or would not give it back. */
export class ValueTooLargeError extends Error {
  override readonly name = 'ValueTooLargeError';
}

/** By SQLSTATE, or its first two characters: https://www.postgresql.org/docs/current/errcodes-appendix.html */
const BY_STATE: Readonly<Record<string, Failure>> = {
  '08': 'disconnected',
  // Read-only transaction: the server became a standby.
  '25006': 'disconnected',
  // Idle in transaction for too long.
  '25P03': 'disconnected',
  '40001': 'retry',
  '40003': 'disconnected',
  '40P01': 'retry',
  '53100': 'full',
  '53200': 'retry',
  '53300': 'disconnected',
  '54000': 'full',
  '55P03': 'retry',
  // As an error, not a warning: it was rolled back.
  '57014': 'retry',
  '57P': 'disconnected',
};

/** Codes of the system and of name resolution, of which each may be over in a moment. */
const CONNECTION_CODES = new Set([
  'EADDRNOTAVAIL',
  'EAI_AGAIN',
  'ECONNABORTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTDOWN',
  'EHOSTUNREACH',
  'ENETDOWN',
  'ENETUNREACH',
  'ENOENT',
  'ENOTFOUND',
  'EPIPE',
  'ETIMEDOUT',
]);

/** What the driver says, without a code, when connecting takes too long or is cut short. */
const CONNECT_MESSAGES = /^(timeout expired|Query read timeout|Connection terminated)/;

export function postgresqlFailure(error: unknown): Failure {
  if (error instanceof ConnectionLostError || error instanceof ReadOnlyHostError) {
    return 'disconnected';
  }
  if (error instanceof ValueTooLargeError) return 'full';
  if (error instanceof NoHostError) {
    const isTemporary = error.failures.some((each) => postgresqlFailure(each) !== 'fatal');
    return isTemporary ? 'disconnected' : 'fatal';
  }
  if (!(error instanceof Error)) return 'fatal';
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (CONNECTION_CODES.has(code) || CONNECT_MESSAGES.test(error.message)) return 'disconnected';
  return BY_STATE[code] ?? BY_STATE[code.slice(0, 3)] ?? BY_STATE[code.slice(0, 2)] ?? 'fatal';
}
