/** What a caller should do about an error; the same for every error of a code. */
export type ErrorKind =
  | 'invalid'
  | 'unavailable'
  | 'fenced'
  | 'closed'
  | 'timeout'
  | 'aborted'
  | 'corrupt'
  | 'limit'
  | 'unauthorized';

/**
 * Every error code of the project, with its kind and what it means. Codes are stable within a
 * major version; messages are not. A code exists only where a caller would act differently.
 */
export const ERROR_CODES = {
  BATON_INVALID_ARGUMENT: { kind: 'invalid', meaning: 'A value given to a call is not allowed.' },
  BATON_INVALID_OPTION: {
    kind: 'invalid',
    meaning: 'An option is unknown, malformed or contradicts another.',
  },
  BATON_INVALID_URI: {
    kind: 'invalid',
    meaning: 'A broker, store or discovery URI cannot be parsed.',
  },
  BATON_INVALID_DESTINATION: {
    kind: 'invalid',
    meaning: 'The destination does not exist or may not be used this way.',
  },
  BATON_INVALID_SELECTOR: { kind: 'invalid', meaning: 'The message selector cannot be parsed.' },
  BATON_INVALID_CLIENT_ID: {
    kind: 'invalid',
    meaning: 'The client id is missing or in use by another connection.',
  },
  BATON_INVALID_STATE: {
    kind: 'invalid',
    meaning: 'The call is not allowed in the present state of its object.',
  },
  BATON_PROTOCOL: { kind: 'invalid', meaning: 'A peer sent bytes that are not the protocol.' },
  BATON_FRAME_TOO_LARGE: {
    kind: 'limit',
    meaning: 'A frame or message is larger than the limit in force.',
  },
  BATON_UNSUPPORTED: { kind: 'invalid', meaning: 'The feature is known and not supported.' },
  BATON_UNKNOWN_TRANSACTION: { kind: 'invalid', meaning: 'No transaction with that id is open.' },
  BATON_TRANSACTION_ROLLED_BACK: {
    kind: 'aborted',
    meaning: 'The transaction was rolled back; nothing of it took effect.',
  },
  BATON_COMMIT_IN_DOUBT: {
    kind: 'unavailable',
    meaning: 'The connection broke during a commit and no broker could say how it ended.',
  },
  BATON_UNMATCHED_ACK: {
    kind: 'invalid',
    meaning: 'An ack names messages that were not dispatched to its consumer.',
  },
  BATON_UNAUTHORIZED: { kind: 'unauthorized', meaning: 'The user is unknown or may not do this.' },
  BATON_LIMIT: {
    kind: 'limit',
    meaning: 'A memory, store or count limit was reached and the wait for room ended.',
  },
  BATON_STORE_FULL: {
    kind: 'limit',
    meaning: 'The disk or database has no room for another message.',
  },
  BATON_STORE_FAILED: {
    kind: 'unavailable',
    meaning: 'The store failed to write or read; the lease is given up.',
  },
  BATON_STORE_FORMAT: {
    kind: 'invalid',
    meaning: 'The store was written by a version this one cannot open.',
  },
  BATON_STORE_READ_ONLY: {
    kind: 'unavailable',
    meaning: 'The store cannot be written to: permissions or a read-only mount.',
  },
  BATON_NAME_IN_USE: {
    kind: 'invalid',
    meaning: 'Another live broker of the same name uses the store.',
  },
  BATON_SPI_VERSION: {
    kind: 'invalid',
    meaning: 'A store plugin was written for another major version of the contract.',
  },
  BATON_CORRUPT: {
    kind: 'corrupt',
    meaning: 'Stored bytes fail their checksum; the error names file and offset.',
  },
  BATON_FENCED: {
    kind: 'fenced',
    meaning: 'A newer epoch exists; nothing of the call took effect.',
  },
  BATON_NOT_ACTIVE: { kind: 'unavailable', meaning: 'This broker is not the active one.' },
  BATON_DISCONNECTED: {
    kind: 'unavailable',
    meaning: 'The connection was lost and could not be restored in time.',
  },
  BATON_CLOSED: { kind: 'closed', meaning: 'The object was closed.' },
  BATON_TIMEOUT: {
    kind: 'timeout',
    meaning:
      'The deadline of the call passed; its outcome is unknown unless the text says otherwise.',
  },
  BATON_ABORTED: { kind: 'aborted', meaning: 'The caller aborted the call through its signal.' },
  BATON_REMOTE: {
    kind: 'invalid',
    meaning: 'A foreign broker answered with an exception of its own.',
  },
} as const satisfies Record<string, { kind: ErrorKind; meaning: string }>;

/** A stable error code; see {@link ERROR_CODES}. */
export type ErrorCode = keyof typeof ERROR_CODES;
