import { isUtf8 } from 'node:buffer';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { assert, BrokerError } from '@batonmq/model';
import type { RawData, WebSocket } from 'ws';
import type { ConnectionHandler, TransportConnection } from './connection.ts';
import { flushAtEndOfTurn, type Flushable } from './flush-queue.ts';
import type { SocketSettings } from './options.ts';
import { certificateSubject } from './tls.ts';
import { formatUri } from './uri.ts';

/** How long an orderly close may take before the socket is cut. */
const CLOSE_TIMEOUT_MS = 1000;

/**
 * Bytes of output that go out as one message, unless a single piece is longer. Many clients refuse
 * messages above 64 KiB unless they are told otherwise.
 */
const MESSAGE_BYTES = 32 * 1024;

/** Bytes taken from a peer that has not logged in: it could hold back the end of a message for ever. */
const STRANGER_BYTES_MAX = 64 * 1024;

/** `created`: not started; `open`; `closing`: nothing more is taken or sent; `closed`. */
type State = 'created' | 'open' | 'closing' | 'closed';

/**
 * A WebSocket as a stream of bytes: messages are joined as they come, text or binary. Output goes out
 * as text where it is UTF-8 and the peer speaks a text protocol, else as binary.
 */
export class WebSocketConnection implements TransportConnection, Flushable {
  readonly remoteAddress: string;
  readonly localAddress: string;
  readonly subprotocol: string;
  readonly certificateSubject: string | undefined;
  readonly #webSocket: WebSocket;
  readonly #socket: Socket;
  readonly #settings: SocketSettings;
  readonly #isText: boolean;
  readonly #closed: Promise<void>;
  #state: State = 'created';
  #handler: ConnectionHandler | undefined;
  #error: Error | undefined;
  #isFlushRequested = false;
  #isCongested = false;
  #pauseCount = 0;
  #strangerBytes = 0;

  /**
   * @param webSocket - Open, in the turn in which it was opened.
   * @param socket - What is under it.
   */
  constructor(webSocket: WebSocket, socket: Socket, settings: SocketSettings) {
    this.#webSocket = webSocket;
    this.#socket = socket;
    this.#settings = settings;
    this.subprotocol = webSocket.protocol;
    this.#isText = !isBinaryOnly(webSocket.protocol);
    const isSecure = socket instanceof TLSSocket;
    const scheme = isSecure ? 'wss' : 'ws';
    this.certificateSubject = isSecure ? certificateSubject(socket) : undefined;
    this.remoteAddress = formatUri(
      scheme,
      socket.remoteAddress ?? 'unknown',
      socket.remotePort ?? 0,
    );
    this.localAddress = formatUri(scheme, socket.localAddress ?? 'unknown', socket.localPort ?? 0);
    // Nothing is delivered before `start`.
    webSocket.pause();
    webSocket.on('error', (error) => (this.#error ??= error));
    this.#closed = new Promise((resolve) => {
      webSocket.once('close', () => {
        this.#over();
        resolve();
      });
    });
  }

  get bufferedBytes(): number {
    return this.#webSocket.bufferedAmount;
  }

  get isCongested(): boolean {
    return this.#isCongested;
  }

  /** Takes no more than {@link STRANGER_BYTES_MAX} until `peerLoggedIn`. */
  limitStranger(): void {
    this.#socket.on('data', this.#strangerSent);
  }

  peerLoggedIn(): void {
    this.#socket.off('data', this.#strangerSent);
  }

  start(handler: ConnectionHandler): void {
    assert(this.#handler === undefined, 'a connection is started once');
    this.#handler = handler;
    if (this.#state === 'closed') {
      setImmediate(() => {
        handler.closed(this.#error);
      });
      return;
    }
    if (this.#state === 'created') this.#state = 'open';
    this.#webSocket.on('message', (data: RawData) => {
      if (this.#state === 'open') handler.received(data as Buffer);
    });
    if (this.#pauseCount === 0) this.#webSocket.resume();
  }

  requestFlush(): void {
    if (this.#isFlushRequested || this.#state !== 'open') return;
    this.#isFlushRequested = true;
    flushAtEndOfTurn(this);
  }

  /** For the flush queue: sends what the handler has. */
  flush(): void {
    this.#isFlushRequested = false;
    if (this.#state === 'open') this.#send();
  }

  pause(): void {
    this.#pauseCount += 1;
    if (this.#pauseCount === 1 && this.#state === 'open') this.#webSocket.pause();
  }

  resume(): void {
    assert(this.#pauseCount > 0, 'a resume belongs to a pause');
    this.#pauseCount -= 1;
    if (this.#pauseCount === 0 && this.#state === 'open') this.#webSocket.resume();
  }

  async close(options: { timeoutMs?: number } = {}): Promise<void> {
    if (this.#state === 'created' || this.#state === 'open') {
      if (this.#state === 'open') this.#send();
      this.#state = 'closing';
      this.#webSocket.close(1000);
      // The peer's farewell comes after what it still has to say.
      this.#webSocket.resume();
      const timer = setTimeout(() => {
        this.#webSocket.terminate();
      }, options.timeoutMs ?? CLOSE_TIMEOUT_MS);
      void this.#closed.then(() => {
        clearTimeout(timer);
      });
    }
    await this.#closed;
  }

  destroy(error?: Error): void {
    if (this.#state === 'closed') return;
    this.#error ??= error;
    this.#state = 'closing';
    this.#webSocket.terminate();
  }

  /** All that the handler has to say, in as few messages as it fits and one write. */
  #send(): void {
    const messages = joined(this.#handler?.take() ?? []);
    const last = messages.length - 1;
    if (last < 0) return;
    this.#socket.cork();
    for (const [index, message] of messages.entries()) {
      const options = { binary: !this.#isText || !isUtf8(message) };
      if (index < last) this.#webSocket.send(message, options);
      else this.#webSocket.send(message, options, this.#written);
    }
    this.#socket.uncork();
    if (this.bufferedBytes > this.#settings.highWaterBytes) this.#isCongested = true;
  }

  readonly #written = (): void => {
    if (!this.#isCongested || this.bufferedBytes >= this.#settings.lowWaterBytes) return;
    this.#isCongested = false;
    if (this.#state === 'open') this.#handler?.drained();
  };

  readonly #strangerSent = (chunk: Buffer): void => {
    this.#strangerBytes += chunk.length;
    if (this.#strangerBytes <= STRANGER_BYTES_MAX) return;
    this.peerLoggedIn();
    this.destroy(
      new BrokerError('BATON_LIMIT', `More than ${STRANGER_BYTES_MAX} bytes came before a log-in`),
    );
  };

  #over(): void {
    this.#state = 'closed';
    this.#isCongested = false;
    this.#handler?.closed(this.#error);
  }
}

/** STOMP is text for people and browsers; whatever else there is, is not. */
function isBinaryOnly(subprotocol: string): boolean {
  return subprotocol !== '' && !subprotocol.endsWith('stomp');
}

/** Joins neighbours up to {@link MESSAGE_BYTES}. */
function joined(pieces: readonly Uint8Array[]): Uint8Array[] {
  const messages: Uint8Array[] = [];
  let group: Uint8Array[] = [];
  let groupBytes = 0;
  const endGroup = (): void => {
    const [first, ...others] = group;
    if (first !== undefined) messages.push(others.length === 0 ? first : Buffer.concat(group));
    group = [];
    groupBytes = 0;
  };
  for (const piece of pieces) {
    if (groupBytes + piece.length > MESSAGE_BYTES) endGroup();
    group.push(piece);
    groupBytes += piece.length;
  }
  endGroup();
  return messages;
}
