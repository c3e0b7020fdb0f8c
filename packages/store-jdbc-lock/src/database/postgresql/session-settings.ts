import type { Purpose } from '../database.ts';

/**
 * What a session overrides of the server's, the database's and the role's settings.
 * https://www.postgresql.org/docs/current/runtime-config-client.html
 */
export function settingsFor(
  purpose: Purpose,
  leaseDurationMs: number,
): Readonly<Record<string, string>> {
  const lease = String(leaseDurationMs);
  const seconds = (ms: number): string => String(Math.max(1, Math.floor(ms / 1000)));
  return {
    // Answered is durable. A session that waits for its standbys to apply a commit too may go on doing so.
    synchronous_commit: 'on',
    default_transaction_isolation: 'read committed',
    bytea_output: 'hex',
    // Cancelled while it waits for a standby, a commit is reported as done. What is too slow is disconnected instead.
    statement_timeout: '0',
    lock_timeout: lease,
    idle_in_transaction_session_timeout: lease,
    idle_session_timeout: purpose === 'lock' ? lease : '0',
    // A client that is gone without a word is gone for the server within a lease as well.
    tcp_keepalives_idle: seconds(leaseDurationMs / 2),
    tcp_keepalives_interval: seconds(leaseDurationMs / 6),
    tcp_keepalives_count: '3',
    tcp_user_timeout: lease,
    // A plan is made once, when a table may still be empty. It has to be the right one for millions of rows: the
    // keys of a primary key looked up one by one.
    plan_cache_mode: 'force_generic_plan',
    enable_seqscan: 'off',
    enable_hashjoin: 'off',
    enable_mergejoin: 'off',
    jit: 'off',
  };
}
