import type { Tables } from '../../schema/tables.ts';

/** Where a PostgreSQL server listens. */
export interface PostgresqlHost {
  /** Name or address; a path that starts with `/` is the directory of its Unix socket. */
  readonly host: string;
  readonly port: number;
}

/** How the connection is encrypted. What the certificates are held against is chosen, never guessed. */
export interface PostgresqlTls {
  /**
   * `require`: encrypted, whoever answers. `verify-ca`: the certificate was signed by `ca`. `verify-full`: it also
   * names the host.
   */
  readonly mode: 'require' | 'verify-ca' | 'verify-full';
  /** PEM. Without one: the certificate authorities that Node.js knows. */
  readonly ca?: string;
  /** PEM of the broker's own certificate and its key. */
  readonly certificate?: string;
  readonly key?: string;
}

/** Complete: nothing is taken from the environment, a service file or a password file. */
export interface PostgresqlOptions {
  /** Tried in this order. One server, or a primary and its standbys. */
  readonly hosts: readonly PostgresqlHost[];
  readonly user: string;
  readonly password?: string;
  readonly database: string;
  readonly tls?: PostgresqlTls;
  /** For each host, until it takes statements. */
  readonly connectTimeoutMs: number;
  /** What sessions may be silent for, wait for a lock, or leave a transaction open. */
  readonly leaseDurationMs: number;
  /** Name of the session in `pg_stat_activity`. */
  readonly applicationName: string;
  /** The lock is that of these tables. */
  readonly tables: Tables;
}
