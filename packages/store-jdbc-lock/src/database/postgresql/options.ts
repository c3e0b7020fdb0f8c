import type { ServerTls } from '../server-tls.ts';
import type { Tables } from '../../schema/tables.ts';

/** Where a PostgreSQL server listens. */
export interface PostgresqlHost {
  /** Name or address; a path that starts with `/` is the directory of its Unix socket. */
  readonly host: string;
  readonly port: number;
}

/** How PostgreSQL is reached. Everything is checked already; nothing comes from the environment or a password file. */
export interface PostgresqlOptions {
  /** Tried in this order: one server, or a primary and its standbys. */
  readonly hosts: readonly PostgresqlHost[];
  readonly user: string;
  readonly password?: string | undefined;
  readonly database: string;
  readonly tls?: ServerTls | undefined;
  /** For each of the hosts: until it has let us in, and again until it has answered that it takes writes. */
  readonly connectTimeoutMs: number;
  /** How long a session may be silent where silence keeps others waiting, or wait for others itself. */
  readonly leaseDurationMs: number;
  /** The session lock is that of these tables. */
  readonly tables: Tables;
}
