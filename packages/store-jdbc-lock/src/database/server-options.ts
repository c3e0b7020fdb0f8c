import type { DatabaseHost } from '../location.ts';
import type { Tables } from '../schema/tables.ts';
import type { ServerTls } from './server-tls.ts';

/** How a server is reached. Everything is checked already; nothing comes from the environment or a password file. */
export interface ServerOptions {
  /** Tried in this order: one server, a primary and its standbys, or the nodes of a cluster. */
  readonly hosts: readonly DatabaseHost[];
  readonly user: string;
  readonly password?: string | undefined;
  /** The database; for Oracle the name of the service. */
  readonly database: string;
  readonly tls?: ServerTls | undefined;
  /** For each of the hosts, until it has answered that it takes writes. */
  readonly connectTimeoutMs: number;
  /** How long a session may be silent where silence keeps others waiting, or wait for others itself. */
  readonly leaseDurationMs: number;
  /** A session lock is that of these tables. */
  readonly tables: Tables;
}
