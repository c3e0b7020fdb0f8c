import type { Tables } from '../../schema/tables.ts';
import type { Fence, Purpose } from '../database.ts';
import { FENCED } from './failure.ts';

/** Values that do not fit are errors, and so is a table without transactions. */
const SQL_MODE = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION';

/** For so long a `work` session may be silent between transactions: the server's own default. */
const IDLE_SECONDS = 28_800;

/**
 * Statements that make a session independent of how the server is set up. `now` and the reads need no time zone and no
 * isolation beyond that each statement sees what is committed.
 */
export function sessionSetup(purpose: Purpose, leaseDurationMs: number): string {
  const leaseSeconds = secondsOf(leaseDurationMs);
  const variables = {
    autocommit: 1,
    sql_mode: `'${SQL_MODE}'`,
    default_storage_engine: 'InnoDB',
    // Half a lease: whoever waits for a row longer had better look whether it is still the holder.
    innodb_lock_wait_timeout: Math.max(1, Math.floor(leaseSeconds / 2)),
    lock_wait_timeout: leaseSeconds,
    // The rest of a statement that is cut off on its way, and an answer that nobody takes.
    net_read_timeout: leaseSeconds,
    net_write_timeout: leaseSeconds,
    wait_timeout: purpose === 'lock' ? leaseSeconds : IDLE_SECONDS,
  };
  const list = Object.entries(variables).map(([name, value]) => `session ${name} = ${value}`);
  return [
    'set names utf8mb4 collate utf8mb4_bin',
    'set session transaction isolation level read committed, read write',
    // MySQL 8, and no MariaDB, reads the comment: sizes are not those of yesterday then.
    `set ${list.join(', ')} /*!80000 , session information_schema_stats_expiry = 0 */`,
  ].join(';');
}

/** Every select waits until the node has what the others committed before. */
export const GALERA_SETUP = 'set session wsrep_sync_wait = 1';

/**
 * After an update of exactly one row this does nothing. Otherwise it fails, whatever the modes of the session
 * are, and so do all statements after it in the same text not run.
 */
export const FENCE_CHECK = `set session sql_mode = if(row_count() = 1, '${SQL_MODE}', '${FENCED}')`;

/** As {@link FENCE_CHECK}, before the update, and without locking the row: no query within `set` is so careful. */
export function standingFenceCheck({ lease }: Tables, { epoch, batch }: Fence): readonly string[] {
  return [
    `select count(*) into @standing from ${lease} where id = 1 and epoch = ${epoch} and batch = ${batch - 1}`,
    `set session sql_mode = if(@standing = 1, '${SQL_MODE}', '${FENCED}')`,
  ];
}

/** A transaction must not outlive a writer that falls silent between two packets of it: it keeps rows locked. */
export function idleWithinTransaction(leaseDurationMs: number): string {
  return `set session wait_timeout = ${secondsOf(leaseDurationMs)}`;
}

export const IDLE_AS_BEFORE = `set session wait_timeout = ${IDLE_SECONDS}`;

function secondsOf(milliseconds: number): number {
  return Math.ceil(milliseconds / 1_000);
}
