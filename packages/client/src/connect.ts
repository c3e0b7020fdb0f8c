import { Connection } from './connection/connection.ts';
import { resolveConnectOptions, type ConnectOptions } from './options.ts';

/**
 * Connects to a broker and logs in.
 *
 * @param uri - `tcp://host:61616` for one broker without failover; `failover:(tcp://a:61616,tcp://b:61616)`
 *   for several of which one is active; `static:(…)`, `masterslave:(…)` or another agent's URI. Options
 *   are those of docs/reference/failover-options.md; unknown ones are refused.
 * @throws (rejects) BrokerError `BATON_INVALID_URI`, `BATON_INVALID_OPTION`, `BATON_UNSUPPORTED`; `BATON_TIMEOUT` if
 *   no broker let us in before the deadline; `BATON_DISCONNECTED` if the limit of attempts was
 *   reached; `BATON_UNAUTHORIZED`, `BATON_INVALID_CLIENT_ID`; `BATON_ABORTED`.
 */
export async function connect(uri: string, options: ConnectOptions = {}): Promise<Connection> {
  const { settings, components } = resolveConnectOptions(uri, options);
  const connection = new Connection(settings, components);
  await connection.start(options.signal);
  return connection;
}
