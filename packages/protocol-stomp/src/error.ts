import type { BrokerError } from '@batonmq/model';

/**
 * True if the outcome of a command is not to be told: this broker may no longer say anything about its
 * store. The socket is closed instead, and the client asks the next active broker.
 */
export function silences(error: BrokerError): boolean {
  return (
    error.kind === 'fenced' ||
    error.code === 'BATON_NOT_ACTIVE' ||
    error.code === 'BATON_STORE_FAILED' ||
    error.code === 'BATON_CLOSED'
  );
}

/** How an ERROR frame says it: our code stands at the end, where programs find it. */
export function errorText(error: BrokerError): string {
  return `${error.message} [${error.code}]`;
}
