import { BrokerError, ERROR_CODES, type ErrorCode } from '@batonmq/model';
import type { Throwable } from '@batonmq/openwire';

/** What the exception classes of brokers mean here; all others are `BATON_REMOTE`. */
const CODE_OF_CLASS: Readonly<Record<string, ErrorCode>> = {
  InvalidDestinationException: 'BATON_INVALID_DESTINATION',
  DestinationDoesNotExistException: 'BATON_INVALID_DESTINATION',
  InvalidSelectorException: 'BATON_INVALID_SELECTOR',
  InvalidClientIDException: 'BATON_INVALID_CLIENT_ID',
  SecurityException: 'BATON_UNAUTHORIZED',
  JMSSecurityException: 'BATON_UNAUTHORIZED',
  ResourceAllocationException: 'BATON_LIMIT',
  TransactionRolledBackException: 'BATON_TRANSACTION_ROLLED_BACK',
  TransactionInProgressException: 'BATON_INVALID_STATE',
  IllegalStateException: 'BATON_INVALID_STATE',
  MaxFrameSizeExceededException: 'BATON_FRAME_TOO_LARGE',
  BrokerStoppedException: 'BATON_DISCONNECTED',
};

/** Codes with which a broker says that logging in again the same way will fail again. */
const PERMANENT: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'BATON_UNAUTHORIZED',
  'BATON_INVALID_CLIENT_ID',
  'BATON_REMOTE',
]);

/**
 * The error for an exception a broker answered with. `details.remoteClass` and
 * `details.remoteMessage` are what it sent.
 */
export function remoteError(exception: Throwable | null, what: string): BrokerError {
  const remoteClass = exception?.className ?? 'unknown';
  const remoteMessage = exception?.message ?? '';
  const shortName = remoteClass.slice(remoteClass.lastIndexOf('.') + 1);
  const code =
    ownCode(remoteMessage) ??
    (Object.hasOwn(CODE_OF_CLASS, shortName) ? CODE_OF_CLASS[shortName] : undefined);
  return new BrokerError(
    code ?? 'BATON_REMOTE',
    `${what} was refused by the broker: ${remoteMessage === '' ? remoteClass : remoteMessage}`,
    { details: { remoteClass, remoteMessage } },
  );
}

/** BatonMQ brokers end the text with their code, `… [BATON_LIMIT]`: docs/formats/openwire-extensions.md. */
function ownCode(message: string): ErrorCode | undefined {
  const code = /\[(BATON_[A-Z_]+)\]$/.exec(message)?.[1];
  return code !== undefined && Object.hasOwn(ERROR_CODES, code) ? (code as ErrorCode) : undefined;
}

/** True if a refused log-in would be refused again. */
export function isPermanent(error: unknown): boolean {
  return error instanceof BrokerError && PERMANENT.has(error.code);
}

export function closedError(what: string, cause?: unknown): BrokerError {
  return new BrokerError('BATON_CLOSED', `${what} is closed`, { cause });
}

/** Any thrown value as an Error. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

/**
 * Marks a promise as looked after: if its caller does not wait for it, its rejection is not an
 * unhandled one that ends the process. Who does wait for it sees the rejection as ever.
 */
export function lookedAfter<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}
