import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { BrokerError } from '@batonmq/model';
import type { ListenSettings } from './options.ts';
import { formatUri } from './uri.ts';

/** What a listening socket needs to know. */
export interface ServerSocketInit {
  /** For errors: the URI as it was given. */
  readonly uri: string;
  readonly scheme: string;
  readonly host: string;
  readonly port: number;
  readonly settings: ListenSettings;
  readonly accepted: (socket: Socket) => void;
  readonly refused: (reason: BrokerError) => void;
}

/** An open port. */
export interface ServerSocket {
  /** With the port the system chose. */
  readonly uri: string;
  /** Resolves when the port is free again. */
  close(): Promise<void>;
}

/**
 * Opens a port. Running out of descriptors costs the peers that arrive meanwhile, not the port.
 *
 * @throws `BATON_DISCONNECTED` if the address is taken or not ours.
 */
export async function openServerSocket(init: ServerSocketInit): Promise<ServerSocket> {
  const { scheme, host, port, settings, refused } = init;
  const { keepAliveDelayMs, backlogCount } = settings;
  const server = createServer({
    noDelay: true,
    keepAlive: keepAliveDelayMs > 0,
    keepAliveInitialDelay: keepAliveDelayMs,
  });
  server.maxConnections = settings.connectionCountMax;
  server.on('connection', init.accepted);
  await opened(server, init.uri, { host, port, backlog: backlogCount });
  const bound = server.address() as AddressInfo;
  const uri = formatUri(scheme, bound.address, bound.port);

  server.on('drop', (peer) => {
    const from = formatUri(scheme, peer?.remoteAddress ?? 'unknown', peer?.remotePort ?? 0);
    refused(
      new BrokerError(
        'BATON_LIMIT',
        `${from} was refused: ${uri} has ${settings.connectionCountMax} connections, its limit`,
      ),
    );
  });
  // After listening, errors are those of single accepts (EMFILE, ENFILE, ECONNABORTED).
  server.on('error', (error) => {
    refused(
      new BrokerError(
        'BATON_LIMIT',
        `A connection to ${uri} could not be accepted: ${error.message}`,
        { cause: error },
      ),
    );
  });
  return { uri, close: () => stopAccepting(server) };
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
