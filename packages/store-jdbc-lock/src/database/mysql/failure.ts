import { CONNECTION_CODES, failureWith } from '../session-error.ts';
import type { Failure } from '../session.ts';

/** An error of the server or the driver, as the driver makes them. */
interface MysqlError extends Error {
  /** The server's number; missing on those of the driver. */
  readonly errno?: unknown;
  /** Name of the server's number, or what the driver or the system calls it. */
  readonly code?: unknown;
  /** What the system was asked for. */
  readonly syscall?: unknown;
}

/**
 * By the numbers that MySQL and MariaDB share, and those that only one of them has:
 * https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html,
 * https://mariadb.com/docs/server/reference/error-codes
 */
const BY_NUMBER: Readonly<Record<number, Failure>> = {
  /* EE_WRITE, ER_DISK_FULL, ER_ERROR_ON_WRITE, ER_RECORD_FILE_FULL: no room on disk or in a tablespace. */
  3: 'full',
  1021: 'full',
  1026: 'full',
  1114: 'full',
  /* ER_TOO_BIG_ROWSIZE: also of a payload that is too large for the redo log. */
  1118: 'full',
  /* ER_NET_PACKET_TOO_LARGE, ER_TRANS_CACHE_FULL. */
  1153: 'full',
  1197: 'full',
  /* ER_CHECKREAD: the row has changed since the snapshot. */
  1020: 'retry',
  /* ER_LOCK_WAIT_TIMEOUT, ER_LOCK_DEADLOCK: also a transaction that Galera did not certify. */
  1205: 'retry',
  1213: 'retry',
  /* ER_MAX_PREPARED_STMT_COUNT_REACHED, ER_NEED_REPREPARE. */
  1461: 'retry',
  1615: 'retry',
  /* ER_QUERY_INTERRUPTED, ER_STATEMENT_TIMEOUT, ER_QUERY_TIMEOUT: somebody ended the statement. */
  1317: 'retry',
  1969: 'retry',
  3024: 'retry',
  /* ER_TRANSACTION_ROLLBACK_DURING_COMMIT: group replication did not certify it. */
  3101: 'retry',
  /* ER_CON_COUNT_ERROR, ER_TOO_MANY_USER_CONNECTIONS, ER_USER_LIMIT_REACHED. */
  1040: 'disconnected',
  1203: 'disconnected',
  1226: 'disconnected',
  /* ER_UNKNOWN_COM_ERROR: says a Galera node that has no part in the cluster. */
  1047: 'disconnected',
  /* ER_SERVER_SHUTDOWN, ER_NORMAL_SHUTDOWN, ER_SHUTDOWN_COMPLETE. */
  1053: 'disconnected',
  1077: 'disconnected',
  1079: 'disconnected',
  /* ER_ABORTING_CONNECTION, ER_NET_READ_ERROR and its kind, ER_NEW_ABORTING_CONNECTION. */
  1152: 'disconnected',
  1158: 'disconnected',
  1159: 'disconnected',
  1160: 'disconnected',
  1161: 'disconnected',
  1184: 'disconnected',
  /* ER_ERROR_DURING_COMMIT: nobody says whether the others of a cluster have it. */
  1180: 'disconnected',
  /* ER_OPTION_PREVENTS_STATEMENT, ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION, ER_READ_ONLY_MODE: now a replica. */
  1290: 'disconnected',
  1792: 'disconnected',
  1836: 'disconnected',
  /* ER_CONNECTION_KILLED, ER_CLIENT_INTERACTION_TIMEOUT. */
  1927: 'disconnected',
  4031: 'disconnected',
};

/** What means that there is no room only with a certain message. */
const FULL_BY_MESSAGE: Readonly<Record<number, RegExp>> = {
  /* ER_GET_ERRNO, ER_ERROR_DURING_COMMIT: with the system's ENOSPC or EMSGSIZE. */
  1030: /\b28\b/,
  1180: /\b(28|90)\b/,
  /* ER_UNKNOWN_ERROR: a transaction larger than wsrep_max_ws_size of Galera. */
  1105: /writeset size/i,
};

/** The driver's own, of which each may be over in a moment. */
const DRIVER_CODES: readonly unknown[] = ['PROTOCOL_CONNECTION_LOST', 'PROTOCOL_SEQUENCE_TIMEOUT'];

export function mysqlFailureOf(error: unknown): Failure {
  return failureWith(driverFailure, error);
}

function driverFailure(error: MysqlError): Failure {
  const { errno, code, message } = error;
  if (CONNECTION_CODES.has(code) || DRIVER_CODES.includes(code) || isBrokenHandshake(error)) {
    return 'disconnected';
  }
  if (typeof errno !== 'number') return 'fatal';
  if (FULL_BY_MESSAGE[errno]?.test(message) === true) return 'full';
  return BY_NUMBER[errno] ?? 'fatal';
}

/** The driver has one code for a certificate that is not right and for a connection that ends too early. */
function isBrokenHandshake({ code, syscall, message }: MysqlError): boolean {
  return (
    code === 'HANDSHAKE_SSL_ERROR' && (syscall !== undefined || message.includes('disconnected'))
  );
}

/** How the server says no to {@link FENCE_CHECK}. */
export function isFenceError(error: unknown): boolean {
  const { errno, message } = error as MysqlError;
  return errno === 1231 && message.includes(FENCED);
}

/** No mode of the server has this name. */
export const FENCED = 'baton_fenced';
