import type { Client, ClientConfig, QueryConfig } from 'pg';
import type { Purpose } from '../database.ts';
import type { ServerTls } from '../server-tls.ts';
import { firstUsable } from '../first-usable.ts';
import { UnusableHostError } from '../session-error.ts';
import type { DatabaseHost } from '../../location.ts';
import type { ServerOptions } from '../server-options.ts';
import { PostgresqlSession } from './postgresql-session.ts';
import { settingsFor } from './session-settings.ts';
import { typeParserOf } from './column-values.ts';

/** The driver's. */
export type ClientClass = new (config: ClientConfig) => Client;

/** As the server lists its sessions. */
const APPLICATION_NAME = 'batonmq';

/** A session on the first host that takes writes. */
export function connectToPostgresql(
  clientClass: ClientClass,
  options: ServerOptions,
  purpose: Purpose,
): Promise<PostgresqlSession> {
  return firstUsable(options.hosts, (host) => connectTo(host, clientClass, options, purpose));
}

async function connectTo(
  host: DatabaseHost,
  clientClass: ClientClass,
  options: ServerOptions,
  purpose: Purpose,
): Promise<PostgresqlSession> {
  const client = new clientClass(configOf(host, options));
  const session = new PostgresqlSession(client);
  try {
    await client.connect();
    await prepare(client, options, purpose);
    return session;
  } catch (error) {
    session.destroy();
    throw error;
  }
}

async function prepare(
  client: Client,
  { leaseDurationMs, connectTimeoutMs }: ServerOptions,
  purpose: Purpose,
): Promise<void> {
  const settings = settingsFor(purpose, leaseDurationMs);
  // The driver knows a deadline for each query, its types do not.
  const query: QueryConfig & { query_timeout: number } = {
    text: `select current_setting('transaction_read_only') as is_read_only,
      count(set_config(name, case
        when name = 'synchronous_commit' and current_setting(name) = 'remote_apply' then 'remote_apply'
        else value end, false))
      from unnest($1::text[], $2::text[]) as t(name, value)`,
    values: [Object.keys(settings), Object.values(settings)],
    query_timeout: connectTimeoutMs,
  };
  const { rows } = await client.query<{ is_read_only: string }>(query);
  if (rows[0]?.is_read_only !== 'off') {
    throw new UnusableHostError('The server is read-only: a standby, or set to be');
  }
}

function configOf({ host, port }: DatabaseHost, options: ServerOptions): ClientConfig {
  const { user, password = '', database, tls, connectTimeoutMs, leaseDurationMs } = options;
  return {
    // All that the driver would take from the environment or a password file.
    ...{ host, port, user, database, password: () => password },
    ssl: tls === undefined ? false : tlsConfigOf(tls),
    ...{ application_name: APPLICATION_NAME, client_encoding: 'utf8' },
    options: '-c client_min_messages=warning',
    connectionTimeoutMillis: connectTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: Math.floor(leaseDurationMs / 2),
    types: { getTypeParser: typeParserOf },
  };
}

function tlsConfigOf({ isVerified, ca }: ServerTls): ClientConfig['ssl'] {
  return { rejectUnauthorized: isVerified, ...(ca !== undefined && { ca }) };
}
