import type { ServerTls } from '../server-tls.ts';

/** Where a listener is. */
export interface OracleHost {
  /** Name or address. */
  readonly host: string;
  readonly port: number;
}

/** How an Oracle Database is reached. Everything is checked already. */
export interface OracleOptions {
  /** Tried in this order: one server, a SCAN name or the nodes of a cluster, a primary and its standbys. */
  readonly hosts: readonly OracleHost[];
  readonly user: string;
  readonly password?: string | undefined;
  /** Name of the service. */
  readonly database: string;
  /** Verified; the driver knows nothing else. */
  readonly tls?: ServerTls | undefined;
  /** For each of the hosts, until it has answered that it takes writes. */
  readonly connectTimeoutMs: number;
  /** How long whoever waits in line waits for an answer. */
  readonly leaseDurationMs: number;
}
