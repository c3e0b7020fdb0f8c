import type { ServerTls } from '../server-tls.ts';
import type { Tables } from '../../schema/tables.ts';

/** Where a server listens. */
export interface MysqlHost {
  /** Name or address. */
  readonly host: string;
  readonly port: number;
}

/** How MySQL or MariaDB is reached. Everything is checked already. */
export interface MysqlOptions {
  /** Tried in this order: one server, a primary and its replicas, or the nodes of a cluster. */
  readonly hosts: readonly MysqlHost[];
  readonly user: string;
  readonly password?: string | undefined;
  readonly database: string;
  readonly tls?: ServerTls | undefined;
  /** For each of the hosts, until it has answered that it takes writes. */
  readonly connectTimeoutMs: number;
  /**
   * How long a session may be silent where silence keeps others waiting. The server counts in whole seconds; the next
   * one counts.
   */
  readonly leaseDurationMs: number;
  readonly tables: Tables;
}
