import { createServer, type AddressInfo, type Server } from 'node:net';
import { BrokerError } from '@batonmq/model';
import type { Listener, TransportConnection } from './connection.ts';
import { resolveListenOptions, type ListenOptions } from './options.ts';
import { TcpConnection } from './tcp-connection.ts';
import { formatTcpUri, parseTcpUri } from './tcp-uri.ts';

/**
 * Checks what {@link listen} will be given, so that a mistake shows before anything is opened.
 *
 * @throws `BATON_UNSUPPORTED`, `BATON_INVALID_URI`; `BATON_INVALID_OPTION` naming everything that is
 * wrong with the query.
 */
export function checkListenUri(uri: string): void {
  resolveListenOptions(parseTcpUri(uri).query, {});
}

/**
 * Opens a listening socket and hands each connection to `accept`, which must start it in the same
 * turn. Running out of descriptors costs the peers that arrive meanwhile, not the listener.
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
  const { host, port, query } = parseTcpUri(uri);
  const settings = resolveListenOptions(query, options);
  const { keepAliveDelayMs, backlogCount } = settings;
  const server = createServer({
    noDelay: true,
    keepAlive: keepAliveDelayMs > 0,
    keepAliveInitialDelay: keepAliveDelayMs,
  });
  server.maxConnections = settings.connectionCountMax;
  server.on('connection', (socket) => {
    accept(new TcpConnection(socket, settings));
  });
  await opened(server, uri, { host, port, backlog: backlogCount });
  const bound = server.address() as AddressInfo;
  const localUri = formatTcpUri(bound.address, bound.port);

  const refused = options.refused ?? (() => undefined);
  server.on('drop', (peer) => {
    const from = formatTcpUri(peer?.remoteAddress ?? 'unknown', peer?.remotePort ?? 0);
    refused(
      new BrokerError(
        'BATON_LIMIT',
        `${from} was refused: ${localUri} has ${settings.connectionCountMax} connections, its limit`,
      ),
    );
  });
  // After listening, errors are those of single accepts (EMFILE, ENFILE, ECONNABORTED).
  server.on('error', (error) => {
    refused(
      new BrokerError(
        'BATON_LIMIT',
        `A connection to ${localUri} could not be accepted: ${error.message}`,
        { cause: error },
      ),
    );
  });

  return {
    uri: localUri,
    close: () => stopAccepting(server),
  };
}

function opened(
  server: Server,
  uri: string,
  address: { host: string; port: number; backlog: number },
): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error): void => {
      reject(
        new BrokerError('BATON_DISCONNECTED', `Cannot listen on ${uri}: ${error.message}`, {
          cause: error,
        }),
      );
    };
    server.once('error', failed);
    server.listen(address, () => {
      server.off('error', failed);
      resolve();
    });
  });
}

/** Resolves when the port is free again, which the server does at once; its `close` event waits for all connections. */
function stopAccepting(server: Server): Promise<void> {
  if (server.listening) server.close();
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
