import { BrokerError } from '@batonmq/model';

/** The error for bytes that are no such content. @param position - Offset in what was given. */
export function malformed(message: string, position: number, cause?: unknown): BrokerError {
  return new BrokerError('BATON_PROTOCOL', `${message} (at byte ${position})`, {
    details: { position },
    cause,
  });
}

/** The error for a value that cannot be written. */
export function unwritable(message: string): BrokerError {
  return new BrokerError('BATON_INVALID_ARGUMENT', message);
}
