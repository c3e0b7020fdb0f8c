import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { DatabaseServer } from './database-server.ts';
import { freePorts } from './ports.ts';
import {
  postgresData,
  postgresQuery,
  runPostgresProgram,
  servePostgres,
  startPostgres,
} from './postgres.ts';
import { unprivilegedDirectory } from './unprivileged.ts';

/** Between two looks at the state of the replication. */
const LOOK_INTERVAL_MS = 20;
const SYNCHRONOUS_WITHIN_MS = 30_000;

export interface PostgresPairOptions {
  /** Where both keep everything; a new one. */
  readonly directory: string;
  /** For both: `{ wal_receiver_timeout: '1s' }`. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** Two PostgreSQL servers with the same content: what the primary answers as committed, both have. */
export interface PostgresPair extends AsyncDisposable {
  readonly primary: DatabaseServer;
  /** Follows the primary and refuses writes, until it is promoted. */
  readonly standby: DatabaseServer;
  /** Names both; drivers that know such a URI take the one that writes. */
  readonly uri: string;
  /**
   * Makes the standby a primary, which then waits for nobody; resolves when it takes writes. The old
   * one is not asked: if it runs, it stays a primary whose commits wait for a standby for ever.
   */
  promote(): Promise<void>;
}

/**
 * Starts a primary and its synchronous standby; resolves when commits wait for the standby. Without
 * it no commit of the primary is answered any more. Needs Debian's `postgresql`.
 */
export async function startPostgresPair(options: PostgresPairOptions): Promise<PostgresPair> {
  const { directory, settings = {} } = options;
  const [primaryPort, standbyPort] = (await freePorts(2)) as [number, number];
  const standbyDirectory = join(directory, 'standby');
  const primary = await startPostgres({
    directory: join(directory, 'primary'),
    port: primaryPort,
    settings,
  });
  let standby: DatabaseServer | undefined;
  try {
    await unprivilegedDirectory(standbyDirectory);
    await copy(primary, standbyDirectory);
    standby = await servePostgres({ directory: standbyDirectory, port: standbyPort, settings });
    // Only now, so that the copy has no standby of its own to wait for once it is promoted.
    await postgresQuery(primary, `ALTER SYSTEM SET synchronous_standby_names = '*'`);
    await postgresQuery(primary, 'SELECT pg_reload_conf()');
    await waitUntilSynchronous(primary);
  } catch (error) {
    await standby?.[Symbol.asyncDispose]();
    await primary[Symbol.asyncDispose]();
    throw error;
  }
  return pairOf(primary, standby);
}

function pairOf(primary: DatabaseServer, standby: DatabaseServer): PostgresPair {
  const hosts = [primary, standby].map(({ port }) => `127.0.0.1:${port}`).join();
  return {
    primary,
    standby,
    uri: `postgres://mq@${hosts}/mq?target_session_attrs=read-write`,
    promote: async () => {
      await postgresQuery(standby, 'SELECT pg_promote()');
    },
    [Symbol.asyncDispose]: async () => {
      await standby[Symbol.asyncDispose]();
      await primary[Symbol.asyncDispose]();
    },
  };
}

/** Copies a running server's files into `directory`, as those of a standby that follows it. */
async function copy(primary: DatabaseServer, directory: string): Promise<void> {
  await runPostgresProgram('pg_basebackup', [
    ...['--host', '127.0.0.1', '--port', String(primary.port), '--username', 'mq'],
    ...['--pgdata', postgresData(directory), '--checkpoint', 'fast'],
    ...['--no-sync', '--write-recovery-conf'],
  ]);
}

async function waitUntilSynchronous(primary: DatabaseServer): Promise<void> {
  const deadline = performance.now() + SYNCHRONOUS_WITHIN_MS;
  const state = 'SELECT sync_state FROM pg_stat_replication';
  while ((await postgresQuery(primary, state)) !== 'sync') {
    if (performance.now() > deadline) {
      throw new Error(`No synchronous standby within ${SYNCHRONOUS_WITHIN_MS} ms`);
    }
    await delay(LOOK_INTERVAL_MS);
  }
}
