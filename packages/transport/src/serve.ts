import type { Listener } from './connection.ts';
import { Entrance } from './entrance.ts';
import { resolveServeOptions, type ServeOptions } from './options.ts';
import type { Protocol } from './protocol.ts';
import { openServerSocket } from './server-socket.ts';
import { parseUri, type TransportUri } from './uri.ts';

/** Schemes under which all protocols are served, told apart by their first bytes. */
const DETECTING = ['tcp', 'auto'] as const;

/**
 * Checks what {@link serve} will be given, so that a mistake shows before anything is opened.
 *
 * @param protocolNames - Of the protocols that will be served.
 * @throws `BATON_UNSUPPORTED`, `BATON_INVALID_URI`; `BATON_INVALID_OPTION` naming everything that is
 * wrong with the query.
 */
export function checkListenUri(uri: string, protocolNames: readonly string[]): void {
  resolveServeOptions(parseListenUri(uri, protocolNames).query, {});
}

/**
 * Opens a port for peers of several protocols. `tcp:` and `auto:` serve all of them and tell them apart
 * by their first bytes; the name of a protocol as scheme, as in `stomp://0.0.0.0:61613`, serves
 * it alone and asks nothing.
 *
 * @param uri - `scheme://host:port`; port 0 lets the system choose. The query may hold the numbers
 * of {@link ServeOptions}.
 * @param protocols - Asked in this order.
 * @throws `BATON_UNSUPPORTED`, `BATON_INVALID_URI`, `BATON_INVALID_OPTION`; `BATON_DISCONNECTED` if
 * the address is taken or not ours.
 */
export async function serve(
  uri: string,
  protocols: readonly Protocol[],
  options: ServeOptions = {},
): Promise<Listener> {
  const names = protocols.map(({ name }) => name);
  const { scheme, host, port, query } = parseListenUri(uri, names);
  const settings = resolveServeOptions(query, options);
  const refused = options.refused ?? ignored;
  const served = isDetecting(scheme) ? protocols : protocols.filter(({ name }) => name === scheme);
  const entrance = new Entrance(scheme, served, settings, refused);
  const socket = await openServerSocket({
    uri,
    scheme,
    host,
    port,
    settings,
    accepted: (accepted) => {
      entrance.admit(accepted);
    },
    refused,
  });
  return {
    uri: socket.uri,
    close: async () => {
      entrance.close();
      await socket.close();
    },
  };
}

function parseListenUri(uri: string, protocolNames: readonly string[]): TransportUri {
  return parseUri(uri, [...DETECTING, ...protocolNames]);
}

function isDetecting(scheme: string): boolean {
  return DETECTING.some((detecting) => detecting === scheme);
}

function ignored(): void {}
