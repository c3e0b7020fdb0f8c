import type { EventEmitter } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectSecurely } from 'node:tls';
import { AbortError, BrokerError, present } from '@batonmq/model';
import { WebSocket } from 'ws';
import type { TransportConnection } from './connection.ts';
import { resolveDialOptions, type DialOptions, type DialSettings } from './options.ts';
import { SocketConnection } from './socket-connection.ts';
import { connectOptions } from './tls.ts';
import { parseUri, type TransportUri } from './uri.ts';
import { WebSocketConnection } from './web-socket-connection.ts';

/**
 * Bytes of the largest WebSocket message taken from a server: it was chosen, so only a mistake is
 * to be kept from filling the memory.
 */
const MESSAGE_BYTES_MAX = 256 * 1024 * 1024;

/**
 * Connects to a listener. The caller starts the connection in the turn in which this resolves.
 *
 * @param uri - `tcp://host:port`, `ssl://host:port`, `ws://host:port/path` or `wss://host:port/path`. The
 * query may hold the numbers of {@link DialOptions}: `tcp://broker:61616?timeoutMs=2000`. Options of other
 * layers are theirs to take off first.
 * @throws `BATON_UNSUPPORTED`, `BATON_INVALID_URI`, `BATON_INVALID_OPTION`; `BATON_DISCONNECTED` if
 * nobody answers there, or not as expected; `BATON_TIMEOUT`; `BATON_ABORTED`.
 */
export async function dial(uri: string, options: DialOptions = {}): Promise<TransportConnection> {
  const address = parseUri(uri, ['tcp', 'ssl', 'ws', 'wss']);
  const settings = resolveDialOptions(address.query, options);
  if (address.port === 0) {
    throw new BrokerError('BATON_INVALID_URI', `${uri}: port 0 is for listeners only`);
  }
  const { signal } = options;
  const what = `Connecting to ${uri}`;
  if (signal?.aborted) throw new AbortError(what, signal.reason);
  const isSecure = address.scheme === 'ssl' || address.scheme === 'wss';
  const isWebSocket = address.scheme === 'ws' || address.scheme === 'wss';
  const deadline = new Deadline(what, settings.timeoutMs, signal);
  const socket = isSecure
    ? secureSocket(address, settings, options)
    : connect(socketOptions(address, settings));
  try {
    await deadline.reached(socket, isSecure ? 'secureConnect' : 'connect');
    if (!isWebSocket) return new SocketConnection(socket, settings);
    return await upgraded(address, socket, settings, options, deadline);
  } catch (error) {
    // A late error of a socket nobody waits for any more.
    socket.on('error', ignored);
    socket.destroy();
    throw error;
  } finally {
    deadline.end();
  }
}

function socketOptions({ host, port }: TransportUri, { keepAliveDelayMs }: DialSettings) {
  return {
    host,
    port,
    noDelay: true,
    keepAlive: keepAliveDelayMs > 0,
    keepAliveInitialDelay: keepAliveDelayMs,
  };
}

function secureSocket(
  address: TransportUri,
  settings: DialSettings,
  { tls = {} }: DialOptions,
): Socket {
  const options = { ...socketOptions(address, settings), ...connectOptions(address.host, tls) };
  try {
    return connectSecurely(options);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new BrokerError(
      'BATON_INVALID_OPTION',
      `The TLS certificate, key, authorities or ciphers cannot be used: ${reason}`,
      { cause },
    );
  }
}

async function upgraded(
  { scheme, host, port, path }: TransportUri,
  socket: Socket,
  settings: DialSettings,
  { subprotocols = [] }: DialOptions,
  deadline: Deadline,
): Promise<TransportConnection> {
  const authority = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  const webSocket = new WebSocket(`${scheme}://${authority}${path}`, [...subprotocols], {
    createConnection: () => socket,
    maxPayload: MESSAGE_BYTES_MAX,
    perMessageDeflate: false,
  });
  // A late error of a connection nobody waits for any more.
  webSocket.on('error', ignored);
  let connection: WebSocketConnection | undefined;
  webSocket.once('open', () => {
    connection = new WebSocketConnection(webSocket, socket, settings);
  });
  await deadline.reached(webSocket, 'open');
  return present(connection, 'the connection of an open WebSocket');
}

/** The time for all steps of one dial, and its signal. */
class Deadline {
  readonly #what: string;
  readonly #signal: AbortSignal | undefined;
  readonly #timer: NodeJS.Timeout | undefined;
  #isOver: BrokerError | undefined;
  #reject: (error: BrokerError) => void = ignored;

  constructor(what: string, timeoutMs: number, signal: AbortSignal | undefined) {
    this.#what = what;
    this.#signal = signal;
    signal?.addEventListener('abort', this.#aborted, { once: true });
    if (timeoutMs === 0) return;
    this.#timer = setTimeout(() => {
      this.#over(new BrokerError('BATON_TIMEOUT', `${what} took longer than ${timeoutMs} ms`));
    }, timeoutMs);
  }

  /** Resolves with the event, rejects with an `error` of the emitter, the deadline or the signal. */
  async reached(emitter: EventEmitter, event: string): Promise<void> {
    if (this.#isOver !== undefined) throw this.#isOver;
    let failed: (error: Error) => void = ignored;
    try {
      await new Promise<void>((resolve, reject) => {
        this.#reject = reject;
        failed = (error) => {
          // With several addresses behind a name the error is an AggregateError without a text.
          const reason = error.message || ('code' in error ? String(error.code) : error.name);
          reject(
            new BrokerError('BATON_DISCONNECTED', `${this.#what} failed: ${reason}`, {
              cause: error,
            }),
          );
        };
        emitter.once('error', failed);
        emitter.once(event, resolve);
      });
    } finally {
      emitter.off('error', failed);
    }
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener('abort', this.#aborted);
  }

  readonly #aborted = (): void => {
    this.#over(new AbortError(this.#what, this.#signal?.reason));
  };

  #over(error: BrokerError): void {
    this.#isOver = error;
    this.#reject(error);
  }
}

function ignored(): void {}
