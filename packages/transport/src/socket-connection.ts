import type { Socket } from 'node:net';
import type { SocketSettings } from './options.ts';
import { StreamConnection } from './stream-connection.ts';

/** A connected socket, plain or under TLS. */
export class SocketConnection extends StreamConnection {
  readonly #socket: Socket;

  /** @param socket - Connected; under TLS with its handshake done. */
  constructor(socket: Socket, settings: SocketSettings) {
    super(socket, { plain: 'tcp', secure: 'ssl' }, settings);
    this.#socket = socket;
    socket.on('error', (error: Error) => {
      this.failed(error);
    });
    socket.once('close', () => {
      this.over();
    });
  }

  get bufferedBytes(): number {
    return this.#socket.writableLength;
  }

  protected listen(received: (chunk: Uint8Array) => void): void {
    this.#socket.on('data', received);
  }

  protected startReading(): void {
    this.#socket.resume();
  }

  protected stopReading(): void {
    this.#socket.pause();
  }

  protected write(pieces: readonly Uint8Array[], written: () => void): void {
    const last = pieces.length - 1;
    if (last > 0) this.#socket.cork();
    for (const [index, piece] of pieces.entries()) {
      if (index < last) this.#socket.write(piece);
      else this.#socket.write(piece, written);
    }
    if (last > 0) this.#socket.uncork();
  }

  protected end(): void {
    this.#socket.end();
  }

  protected cut(): void {
    this.#socket.destroy();
  }
}
