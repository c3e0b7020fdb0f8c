import { BrokerError, isBrokerError, type ErrorCode } from '@batonmq/model';
import type { Throwable } from '@batonmq/openwire';

/**
 * The class by which the Java client knows each error. It throws subclasses of `JMSException` to the
 * application as they are and wraps the others in one; it reads names that start with `javax.jms`
 * whichever JMS version it speaks.
 */
const CLASS_NAMES: Readonly<Record<ErrorCode, string>> = {
  BATON_INVALID_ARGUMENT: 'java.lang.IllegalArgumentException',
  BATON_INVALID_OPTION: 'java.lang.IllegalArgumentException',
  BATON_INVALID_URI: 'java.lang.IllegalArgumentException',
  BATON_INVALID_DESTINATION: 'javax.jms.InvalidDestinationException',
  BATON_INVALID_SELECTOR: 'javax.jms.InvalidSelectorException',
  BATON_INVALID_CLIENT_ID: 'javax.jms.InvalidClientIDException',
  BATON_INVALID_STATE: 'java.lang.IllegalStateException',
  BATON_PROTOCOL: 'java.io.IOException',
  BATON_FRAME_TOO_LARGE: 'java.io.IOException',
  BATON_UNSUPPORTED: 'javax.jms.JMSException',
  BATON_UNKNOWN_TRANSACTION: 'javax.jms.JMSException',
  BATON_TRANSACTION_ROLLED_BACK: 'javax.jms.TransactionRolledBackException',
  BATON_COMMIT_IN_DOUBT: 'javax.jms.JMSException',
  BATON_UNMATCHED_ACK: 'javax.jms.JMSException',
  BATON_UNAUTHORIZED: 'java.lang.SecurityException',
  BATON_LIMIT: 'javax.jms.ResourceAllocationException',
  BATON_STORE_FULL: 'javax.jms.ResourceAllocationException',
  BATON_STORE_FAILED: 'java.io.IOException',
  BATON_STORE_FORMAT: 'java.io.IOException',
  BATON_STORE_READ_ONLY: 'java.io.IOException',
  BATON_NAME_IN_USE: 'java.io.IOException',
  BATON_SPI_VERSION: 'java.io.IOException',
  BATON_CORRUPT: 'java.io.IOException',
  BATON_FENCED: 'java.io.IOException',
  BATON_NOT_ACTIVE: 'java.io.IOException',
  BATON_DISCONNECTED: 'java.io.IOException',
  BATON_CLOSED: 'java.io.IOException',
  BATON_TIMEOUT: 'javax.jms.JMSException',
  BATON_ABORTED: 'javax.jms.JMSException',
  BATON_REMOTE: 'javax.jms.JMSException',
};

/**
 * The error as a client gets it: a class it knows, and a text that ends with our code in brackets,
 * as docs/formats/openwire-extensions.md says.
 */
export function throwable(error: BrokerError, className = CLASS_NAMES[error.code]): Throwable {
  return { className, message: `${error.message} [${error.code}]`, stackTrace: null, cause: null };
}

/** XA numbers, as the X/Open specification has them. */
export const XA = {
  ok: 0,
  /** The branch did nothing, and is forgotten. */
  readOnly: 3,
  /** Not now; the branch is still prepared. */
  retry: 4,
  rolledBack: 100,
  /** The resource manager cannot do it. */
  resourceManager: -3,
  unknownBranch: -4,
  invalid: -5,
  /** The branch is in no state for it. */
  protocol: -6,
} as const;

const XA_NUMBERS: Partial<Readonly<Record<ErrorCode, number>>> = {
  BATON_UNKNOWN_TRANSACTION: XA.unknownBranch,
  BATON_INVALID_STATE: XA.protocol,
  BATON_INVALID_ARGUMENT: XA.invalid,
  BATON_TRANSACTION_ROLLED_BACK: XA.rolledBack,
  BATON_STORE_FULL: XA.retry,
};

/** The Java client reads the number after the last `xaErrorCode:`; the number itself does not travel. */
export function xaThrowable(error: BrokerError): Throwable {
  const plain = throwable(error, 'javax.transaction.xa.XAException');
  const number = XA_NUMBERS[error.code] ?? XA.resourceManager;
  return { ...plain, message: `${plain.message ?? ''} xaErrorCode:${number}` };
}

/** A temporary destination that is gone has a class of its own, and its name comes first in the text. */
export function destinationGone(error: BrokerError, destinationKey: string): Throwable {
  const named = new BrokerError(error.code, destinationKey, { cause: error });
  return throwable(named, 'org.apache.activemq.DestinationDoesNotExistException');
}

/**
 * True if the command's outcome is not to be told: this broker may no longer say anything about its
 * store. The socket is closed instead, and a failover client asks the next active broker.
 */
export function silences(error: BrokerError): boolean {
  return (
    error.kind === 'fenced' ||
    error.code === 'BATON_NOT_ACTIVE' ||
    error.code === 'BATON_STORE_FAILED' ||
    error.code === 'BATON_CLOSED'
  );
}

/** What a peer's command ran into, as an error that can be told; anything unforeseen is `undefined`. */
export function tellable(error: unknown): BrokerError | undefined {
  return isBrokerError(error) ? error : undefined;
}
