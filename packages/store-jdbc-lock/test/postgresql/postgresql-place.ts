import type { ServerOptions } from '../../src/database/server-options.ts';
import { postgresqlDatabase } from '../../src/database/postgresql/postgresql-database.ts';
import type { Database } from '../../src/database/database.ts';
import type { Row, Session } from '../../src/database/session.ts';
import { tablesWith } from '../../src/schema/tables.ts';

/** How the database of `startPostgres` is reached. */
export function optionsOn(
  ports: readonly number[],
  options: Partial<ServerOptions> = {},
): ServerOptions {
  return {
    hosts: ports.map((port) => ({ host: '127.0.0.1', port })),
    user: 'mq',
    database: 'mq',
    connectTimeoutMs: 5_000,
    leaseDurationMs: 10_000,
    tables: tablesWith('baton_'),
    ...options,
  };
}

/** The database of `startPostgres`. */
export function databaseOn(...options: Parameters<typeof optionsOn>): Database {
  return postgresqlDatabase(optionsOn(...options));
}

export async function rowsOf(session: Session, sql: string): Promise<readonly Row[]> {
  return (await session.run({ sql, values: [] })).rows;
}

/** The server's process for a session. */
export async function backendOf(session: Session): Promise<number> {
  const [row] = await rowsOf(session, 'select pg_backend_pid() as pid');
  return Number(row?.['pid']);
}
