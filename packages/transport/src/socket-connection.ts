import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { assert } from '@batonmq/model';
import type { ConnectionHandler, TransportConnection } from './connection.ts';
import { flushAtEndOfTurn, type Flushable } from './flush-queue.ts';
import type { SocketSettings } from './options.ts';
import { certificateSubject } from './tls.ts';
import { formatUri } from './uri.ts';

/** How long an orderly close may take before the socket is cut. */
const CLOSE_TIMEOUT_MS = 1000;

/**
 * ```text
 * created --start--> open --close--> closing --+
 *    |                 |                       +--> closed
 *    +-----------------+--- destroy, or the peer, --^
 * ```
 */
type State = 'created' | 'open' | 'closing' | 'closed';

/** A connected socket, plain or under TLS. */
export class SocketConnection implements TransportConnection, Flushable {
  readonly remoteAddress: string;
  readonly localAddress: string;
  readonly certificateSubject: string | undefined;
  readonly #socket: Socket;
  readonly #settings: SocketSettings;
  readonly #closed: Promise<void>;
  #state: State = 'created';
  #handler: ConnectionHandler | undefined;
  #error: Error | undefined;
  #isFlushRequested = false;
  #isCongested = false;
  #pauseCount = 0;

  /** @param socket - Connected; under TLS with its handshake done. */
  constructor(socket: Socket, settings: SocketSettings) {
    this.#socket = socket;
    this.#settings = settings;
    const isSecure = socket instanceof TLSSocket;
    const scheme = isSecure ? 'ssl' : 'tcp';
    this.certificateSubject = isSecure ? certificateSubject(socket) : undefined;
    this.remoteAddress = formatUri(
      scheme,
      socket.remoteAddress ?? 'unknown',
      socket.remotePort ?? 0,
    );
    this.localAddress = formatUri(scheme, socket.localAddress ?? 'unknown', socket.localPort ?? 0);
    socket.on('error', (error: Error) => (this.#error ??= error));
    this.#closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.#over();
        resolve();
      });
    });
  }

  get bufferedBytes(): number {
    return this.#socket.writableLength;
  }

  get isCongested(): boolean {
    return this.#isCongested;
  }

  start(handler: ConnectionHandler): void {
    assert(this.#handler === undefined, 'a connection is started once');
    this.#handler = handler;
    // Closed before it was started, or lost between accept and now: `closed` is still owed.
    if (this.#state === 'closed') {
      setImmediate(() => {
        handler.closed(this.#error);
      });
      return;
    }
    if (this.#state === 'created') this.#state = 'open';
    this.#socket.on('data', (chunk: Buffer) => {
      if (this.#state === 'open') handler.received(chunk);
    });
    // Whoever told the protocol by the first bytes left the socket paused.
    if (this.#pauseCount > 0) this.#socket.pause();
    else this.#socket.resume();
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
    if (this.#pauseCount === 1 && this.#state === 'open') this.#socket.pause();
  }

  resume(): void {
    assert(this.#pauseCount > 0, 'a resume belongs to a pause');
    this.#pauseCount -= 1;
    if (this.#pauseCount === 0 && this.#state === 'open') this.#socket.resume();
  }

  async close(options: { timeoutMs?: number } = {}): Promise<void> {
    if (this.#state === 'created' || this.#state === 'open') {
      if (this.#state === 'open') this.#send();
      this.#state = 'closing';
      this.#socket.end();
      // What still arrives is dropped, but must be read: the peer's end comes after it.
      this.#socket.resume();
      const timer = setTimeout(() => this.#socket.destroy(), options.timeoutMs ?? CLOSE_TIMEOUT_MS);
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
    this.#socket.destroy();
  }

  /** One gathered write of everything the handler has to say. */
  #send(): void {
    const pieces = this.#handler?.take() ?? [];
    const last = pieces.length - 1;
    if (last < 0) return;
    if (last > 0) this.#socket.cork();
    for (const [index, piece] of pieces.entries()) {
      if (index < last) this.#socket.write(piece);
      else this.#socket.write(piece, this.#written);
    }
    if (last > 0) this.#socket.uncork();
    if (this.bufferedBytes > this.#settings.highWaterBytes) this.#isCongested = true;
  }

  readonly #written = (): void => {
    if (!this.#isCongested || this.bufferedBytes >= this.#settings.lowWaterBytes) return;
    this.#isCongested = false;
    if (this.#state === 'open') this.#handler?.drained();
  };

  #over(): void {
    this.#state = 'closed';
    this.#isCongested = false;
    this.#handler?.closed(this.#error);
  }
}
