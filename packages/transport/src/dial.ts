import { connect, type Socket } from 'node:net';
import { AbortError, BrokerError } from '@batonmq/model';
import type { TransportConnection } from './connection.ts';
import { resolveDialOptions, type DialOptions } from './options.ts';
import { SocketConnection } from './socket-connection.ts';
import { parseUri } from './uri.ts';

/**
 * Connects to a listener. The caller starts the connection in the turn in which this resolves.
 *
 * @param uri - `tcp://host:port`. The query may hold the numbers of {@link DialOptions}:
 * `tcp://broker:61616?timeoutMs=2000`. Options of other layers are theirs to take off first.
 * @throws `BATON_UNSUPPORTED`, `BATON_INVALID_URI`, `BATON_INVALID_OPTION`; `BATON_DISCONNECTED` if
 * nobody answers there; `BATON_TIMEOUT`; `BATON_ABORTED`.
 */
export async function dial(uri: string, options: DialOptions = {}): Promise<TransportConnection> {
  const { scheme, host, port, query } = parseUri(uri, ['tcp']);
  const settings = resolveDialOptions(query, options);
  if (port === 0) {
    throw new BrokerError('BATON_INVALID_URI', `${uri}: port 0 is for listeners only`);
  }
  const { signal } = options;
  const what = `Connecting to ${uri}`;
  if (signal?.aborted) throw new AbortError(what, signal.reason);
  const socket = connect({
    host,
    port,
    noDelay: true,
    keepAlive: settings.keepAliveDelayMs > 0,
    keepAliveInitialDelay: settings.keepAliveDelayMs,
  });
  await connected(socket, what, settings.timeoutMs, signal);
  return new SocketConnection(socket, scheme, settings);
}

/** Resolves when `socket` is connected; destroys it in every other case. */
function connected(
  socket: Socket,
  what: string,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (error?: BrokerError): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', aborted);
      socket.off('error', failed);
      if (error === undefined) {
        resolve();
        return;
      }
      // A late error of a socket nobody waits for any more.
      socket.on('error', () => undefined);
      socket.destroy();
      reject(error);
    };
    const failed = (error: Error): void => {
      // With several addresses behind a name the error is an AggregateError without a text.
      const reason = error.message || ('code' in error ? String(error.code) : error.name);
      end(new BrokerError('BATON_DISCONNECTED', `${what} failed: ${reason}`, { cause: error }));
    };
    const aborted = (): void => {
      end(new AbortError(what, signal?.reason));
    };
    const timer =
      timeoutMs === 0
        ? undefined
        : setTimeout(() => {
            end(new BrokerError('BATON_TIMEOUT', `${what} took longer than ${timeoutMs} ms`));
          }, timeoutMs);
    signal?.addEventListener('abort', aborted, { once: true });
    socket.once('error', failed);
    socket.once('connect', () => {
      end();
    });
  });
}
