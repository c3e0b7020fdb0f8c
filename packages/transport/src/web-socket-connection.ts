import { isUtf8 } from 'node:buffer';
import type { Socket } from 'node:net';
import { BrokerError } from '@batonmq/model';
import type { RawData, WebSocket } from 'ws';
import type { SocketSettings } from './options.ts';
import { StreamConnection } from './stream-connection.ts';

/**
 * Bytes of output that go out as one message, unless a single piece is longer. Many clients refuse
 * messages above 64 KiB unless they are told otherwise.
 */
const MESSAGE_BYTES = 32 * 1024;

/** Bytes taken from a peer that has not logged in: it could hold back the end of a message for ever. */
const STRANGER_BYTES_MAX = 64 * 1024;

/**
 * A WebSocket as a stream of bytes: messages are joined as they come, text or binary. Output goes out
 * as text where it is UTF-8 and the peer speaks a text protocol, else as binary.
 */
export class WebSocketConnection extends StreamConnection {
  readonly subprotocol: string;
  readonly #webSocket: WebSocket;
  readonly #socket: Socket;
  readonly #isText: boolean;
  #strangerBytes = 0;

  /**
   * @param webSocket - Open, in the turn in which it was opened.
   * @param socket - What is under it.
   */
  constructor(webSocket: WebSocket, socket: Socket, settings: SocketSettings) {
    super(socket, { plain: 'ws', secure: 'wss' }, settings);
    this.#webSocket = webSocket;
    this.#socket = socket;
    this.subprotocol = webSocket.protocol;
    this.#isText = !isBinaryOnly(webSocket.protocol);
    // Nothing is delivered before `start`.
    webSocket.pause();
    webSocket.on('error', (error) => {
      this.failed(error);
    });
    webSocket.once('close', () => {
      this.over();
    });
  }

  get bufferedBytes(): number {
    return this.#webSocket.bufferedAmount;
  }

  /** Takes no more than {@link STRANGER_BYTES_MAX} until `peerLoggedIn`. */
  limitStranger(): void {
    this.#socket.on('data', this.#strangerSent);
  }

  peerLoggedIn(): void {
    this.#socket.off('data', this.#strangerSent);
  }

  protected listen(received: (chunk: Uint8Array) => void): void {
    this.#webSocket.on('message', (data: RawData) => {
      received(data as Buffer);
    });
  }

  protected startReading(): void {
    this.#webSocket.resume();
  }

  protected stopReading(): void {
    this.#webSocket.pause();
  }

  /** In as few messages as it fits. */
  protected write(pieces: readonly Uint8Array[], written: () => void): void {
    const messages = joined(pieces);
    const last = messages.length - 1;
    this.#socket.cork();
    for (const [index, message] of messages.entries()) {
      const options = { binary: !this.#isText || !isUtf8(message) };
      if (index < last) this.#webSocket.send(message, options);
      else this.#webSocket.send(message, options, written);
    }
    this.#socket.uncork();
  }

  /** The peer's farewell comes after what it still has to say. */
  protected end(): void {
    this.#webSocket.close(1000);
  }

  protected cut(): void {
    this.#webSocket.terminate();
  }

  readonly #strangerSent = (chunk: Buffer): void => {
    this.#strangerBytes += chunk.length;
    if (this.#strangerBytes <= STRANGER_BYTES_MAX) return;
    this.peerLoggedIn();
    this.destroy(
      new BrokerError('BATON_LIMIT', `More than ${STRANGER_BYTES_MAX} bytes came before a log-in`),
    );
  };
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
