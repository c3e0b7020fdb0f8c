import { BrokerError, isBrokerError, type ErrorCode } from '@batonmq/model';
import type { Database } from './database/database.ts';

/** An error of the driver as one of ours; ours pass unchanged. */
export function storeError(error: unknown, database: Database): Error {
  if (isBrokerError(error)) return error;
  const cause = error instanceof Error ? error : new Error(String(error));
  const isFull = database.failureOf(cause) === 'full';
  return new BrokerError(
    isFull ? 'BATON_STORE_FULL' : 'BATON_STORE_FAILED',
    `${database.name} ${isFull ? 'has no room for it' : 'failed'}: ${cause.message}`,
    { details: { database: database.name }, cause },
  );
}

export function hasCode(error: unknown, code: ErrorCode): boolean {
  return isBrokerError(error) && error.code === code;
}

export function fencedError(epoch: number, holder?: string): BrokerError {
  const by = holder === undefined ? 'another broker took over' : `'${holder}' took over`;
  return new BrokerError('BATON_FENCED', `The lease of epoch ${epoch} has ended: ${by}`, {
    details: { epoch },
  });
}

export function closedError(what: string): BrokerError {
  return new BrokerError('BATON_CLOSED', what);
}
