import type { Failure } from '../session.ts';

/** Codes of SQLite (`SQLITE_BUSY`, `SQLITE_IOERR_FSYNC`, …), and those of the session. */
export type SqliteCode =
  `SQLITE_${string}` | 'NO_THREAD' | 'NO_WRITE_AHEAD_LOG' | 'SESSION_ENDED' | 'UNKNOWN';

/** What went wrong, in which file, and what SQLite says of it. */
export class SqliteError extends Error {
  override readonly name = 'SqliteError';
  readonly code: SqliteCode;

  constructor(file: string, code: SqliteCode, reason: string) {
    super(`${file} ${MEANINGS[code] ?? MEANINGS[primary(code)] ?? 'failed'}: ${reason} (${code})`);
    this.code = code;
  }
}

export function sqliteFailure(error: unknown): Failure {
  if (!(error instanceof SqliteError)) return 'fatal';
  return FAILURES[error.code] ?? FAILURES[primary(error.code)] ?? 'fatal';
}

const FAILURES: Readonly<Record<string, Failure>> = {
  SESSION_ENDED: 'disconnected',
  SQLITE_BUSY: 'retry',
  SQLITE_LOCKED: 'retry',
  SQLITE_NOMEM: 'retry',
  SQLITE_PROTOCOL: 'retry',
  SQLITE_FULL: 'full',
  SQLITE_TOOBIG: 'full',
  // The index of the write-ahead log could not grow.
  SQLITE_IOERR_SHMSIZE: 'full',
};

const MEANINGS: Readonly<Record<string, string>> = {
  NO_THREAD: 'has nobody who opens it: its thread, a file of this package, does not start',
  NO_WRITE_AHEAD_LOG: 'has no write-ahead log, which needs a disk of this machine',
  SESSION_ENDED: 'is no longer open here',
  SQLITE_BUSY: 'is being written to by another process',
  SQLITE_CANTOPEN: 'cannot be opened or made; its directory must exist and be writable',
  SQLITE_CORRUPT: 'is damaged',
  SQLITE_FULL: 'has no room left',
  SQLITE_IOERR: 'could not be read or written',
  SQLITE_IOERR_SHMSIZE: 'has no room left',
  SQLITE_NOTADB: 'is not an SQLite database',
  SQLITE_READONLY: 'cannot be written to; check permissions and whether the mount is read-only',
  SQLITE_TOOBIG: 'takes no value as large as this',
};

/** `SQLITE_IOERR` of `SQLITE_IOERR_FSYNC`. */
function primary(code: SqliteCode): string {
  return code.split('_').slice(0, 2).join('_');
}
