import type { Listener, TransportConnection } from './connection.ts';
import { resolveListenOptions, type ListenOptions } from './options.ts';
import { openServerSocket } from './server-socket.ts';
import { SocketConnection } from './socket-connection.ts';
import { parseUri } from './uri.ts';

/**
 * Opens a listening socket and hands each connection to `accept`, which must start it in the same
 * turn. For peers of one kind; {@link serve} tells several apart.
 *
 * @param uri - `tcp://host:port`; port 0 lets the system choose. The query may hold the numbers of
 * {@link ListenOptions}: `tcp://0.0.0.0:61616?connectionCountMax=500`.
 * @throws `BATON_UNSUPPORTED`, `BATON_INVALID_URI`, `BATON_INVALID_OPTION`; `BATON_DISCONNECTED` if
 * the address is taken or not ours.
 */
export async function listen(
  uri: string,
  accept: (connection: TransportConnection) => void,
  options: ListenOptions = {},
): Promise<Listener> {
  const { scheme, host, port, query } = parseUri(uri, ['tcp']);
  const settings = resolveListenOptions(query, options);
  return openServerSocket({
    uri,
    scheme,
    host,
    port,
    settings,
    accepted: (socket) => {
      accept(new SocketConnection(socket, settings));
    },
    refused: options.refused ?? (() => undefined),
  });
}
