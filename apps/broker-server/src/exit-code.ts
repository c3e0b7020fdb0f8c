import { isBrokerError, type ErrorCode } from '@batonmq/model';

/** What the program's exit code says; docs/reference/exit-codes.md lists them for users. */
export const EXIT = {
  success: 0,
  /** Something nobody foresaw: a bug, or an error of the machine. */
  unexpected: 1,
  /** Flags, environment or configuration file. */
  usage: 2,
  /** The store cannot be used, and waiting does not help. */
  store: 3,
  /** Stored bytes are damaged. */
  corrupt: 4,
  /** A broker could not be reached, refused, or did not answer in time. */
  unavailable: 5,
  /** Ended by ^C or a signal before it was done. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

const BY_CODE: Partial<Record<ErrorCode, ExitCode>> = {
  BATON_INVALID_OPTION: EXIT.usage,
  BATON_INVALID_URI: EXIT.usage,
  BATON_INVALID_ARGUMENT: EXIT.usage,
  BATON_UNSUPPORTED: EXIT.usage,
  BATON_ABORTED: EXIT.interrupted,
  BATON_CORRUPT: EXIT.corrupt,
  BATON_STORE_FORMAT: EXIT.store,
  BATON_STORE_READ_ONLY: EXIT.store,
  BATON_STORE_FAILED: EXIT.store,
  BATON_STORE_FULL: EXIT.store,
  BATON_NAME_IN_USE: EXIT.store,
  BATON_SPI_VERSION: EXIT.store,
};

export function exitCodeOf(error: unknown): ExitCode {
  if (!isBrokerError(error)) return EXIT.unexpected;
  return BY_CODE[error.code] ?? EXIT.unavailable;
}
