import { CONNECTION_CODES, failureWith } from '../session-error.ts';
import type { Failure } from '../session.ts';

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

/** What the driver says, without a code, when connecting takes too long or is cut short. */
const CONNECT_MESSAGES = /^(timeout expired|Query read timeout|Connection terminated)/;

export function postgresqlFailure(error: unknown): Failure {
  return failureWith(driverFailure, error);
}

function driverFailure(error: Error): Failure {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (CONNECTION_CODES.has(code) || CONNECT_MESSAGES.test(error.message)) return 'disconnected';
  return BY_STATE[code] ?? BY_STATE[code.slice(0, 3)] ?? BY_STATE[code.slice(0, 2)] ?? 'fatal';
}
