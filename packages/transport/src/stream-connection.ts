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

/** What all connections have in common, whatever bytes travel in: their life, their flushes, and when they are congested. */
export abstract class StreamConnection implements TransportConnection, Flushable {
  readonly remoteAddress: string;
  readonly localAddress: string;
  readonly certificateSubject: string | undefined;
  readonly #settings: SocketSettings;
  readonly #closed: Promise<void>;
  #resolveClosed: () => void = () => undefined;
  #state: State = 'created';
  #handler: ConnectionHandler | undefined;
  #error: Error | undefined;
  #isFlushRequested = false;
  #isCongested = false;
  #pauseCount = 0;

  /** @param socket - Connected; under TLS with its handshake done. */
  constructor(
    socket: Socket,
    schemes: { readonly plain: string; readonly secure: string },
    settings: SocketSettings,
  ) {
    this.#settings = settings;
    const isSecure = socket instanceof TLSSocket;
    const scheme = isSecure ? schemes.secure : schemes.plain;
    this.certificateSubject = isSecure ? certificateSubject(socket) : undefined;
    this.remoteAddress = formatUri(
      scheme,
      socket.remoteAddress ?? 'unknown',
      socket.remotePort ?? 0,
    );
    this.localAddress = formatUri(scheme, socket.localAddress ?? 'unknown', socket.localPort ?? 0);
    this.#closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
  }

  abstract get bufferedBytes(): number;

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
    this.listen((chunk) => {
      if (this.#state === 'open') handler.received(chunk);
    });
    // Whoever told the protocol by the first bytes left the socket paused.
    if (this.#pauseCount > 0) this.stopReading();
    else this.startReading();
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
    if (this.#pauseCount === 1 && this.#state === 'open') this.stopReading();
  }

  resume(): void {
    assert(this.#pauseCount > 0, 'a resume belongs to a pause');
    this.#pauseCount -= 1;
    if (this.#pauseCount === 0 && this.#state === 'open') this.startReading();
  }

  async close(options: { timeoutMs?: number } = {}): Promise<void> {
    if (this.#state === 'created' || this.#state === 'open') {
      if (this.#state === 'open') this.#send();
      this.#state = 'closing';
      this.end();
      // What still arrives is dropped, but must be read: the peer's end comes after it.
      this.startReading();
      const timer = setTimeout(() => {
        this.cut();
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
    this.cut();
  }

  /** The first bytes, and all after them, go to `received`. Called once. */
  protected abstract listen(received: (chunk: Uint8Array) => void): void;
  protected abstract startReading(): void;
  protected abstract stopReading(): void;
  /** One gathered write of one piece or more; `written` is called when the kernel has the last. */
  protected abstract write(pieces: readonly Uint8Array[], written: () => void): void;
  /** Says that nothing more will be sent. */
  protected abstract end(): void;
  /** Closes at once. */
  protected abstract cut(): void;

  protected failed(error: Error): void {
    this.#error ??= error;
  }

  /** It is closed, whoever closed it. */
  protected over(): void {
    this.#state = 'closed';
    this.#isCongested = false;
    this.#handler?.closed(this.#error);
    this.#resolveClosed();
  }

  #send(): void {
    const pieces = this.#handler?.take() ?? [];
    if (pieces.length === 0) return;
    this.write(pieces, this.#written);
    if (this.bufferedBytes > this.#settings.highWaterBytes) this.#isCongested = true;
  }

  readonly #written = (): void => {
    if (!this.#isCongested || this.bufferedBytes >= this.#settings.lowWaterBytes) return;
    this.#isCongested = false;
    if (this.#state === 'open') this.#handler?.drained();
  };
}
