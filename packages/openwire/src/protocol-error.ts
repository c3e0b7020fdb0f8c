import { BrokerError } from '@batonmq/model';

/**
 * The error for bytes that are not the protocol.
 *
 * @param position - Offset of the offending byte, from the first byte of the frame (of its size
 *   prefix) or of the value that was decoded.
 */
export function protocolError(message: string, position: number, cause?: unknown): BrokerError {
  return new BrokerError('BATON_PROTOCOL', `${message} (at byte ${position})`, {
    details: { position },
    cause,
  });
}

/** The error for a value that cannot be written. */
export function unwritable(message: string): BrokerError {
  return new BrokerError('BATON_INVALID_ARGUMENT', message);
}
