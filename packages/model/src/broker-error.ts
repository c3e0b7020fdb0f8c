import { ERROR_CODES, type ErrorCode, type ErrorKind } from './error-codes.ts';

/** Typed facts about a failure (`destination`, `epoch`, `file`, `position`, …). */
export type ErrorDetails = Readonly<Record<string, string | number | boolean | bigint | undefined>>;

/**
 * An expected failure. Match on `code`, never on the text or the class: two copies of this package
 * may be loaded at once.
 */
export class BrokerError extends Error {
  override readonly name: string = 'BrokerError';
  readonly code: ErrorCode;
  readonly kind: ErrorKind;
  readonly details: ErrorDetails;

  /**
   * @param message - One sentence: what was wrong, where, and what is allowed.
   * @param options - `details` are typed facts for programs; `cause` is the error underneath.
   */
  constructor(
    code: ErrorCode,
    message: string,
    options: { details?: ErrorDetails; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.kind = ERROR_CODES[code].kind;
    this.details = options.details ?? {};
  }
}

/** True for a {@link BrokerError} of any loaded copy of this package. */
export function isBrokerError(error: unknown): error is BrokerError {
  return (
    error instanceof Error &&
    'code' in error &&
    typeof error.code === 'string' &&
    Object.hasOwn(ERROR_CODES, error.code)
  );
}

/** The error of an aborted call: named `AbortError` as the platform does, with our code. */
export class AbortError extends BrokerError {
  override readonly name = 'AbortError';

  constructor(what: string, reason?: unknown) {
    super('BATON_ABORTED', `${what} was aborted by the caller`, { cause: reason });
  }
}
