import type { Socket } from 'node:net';
import { BrokerError } from '@batonmq/model';
import { readFirstBytes } from './first-bytes.ts';
import type { ServeSettings } from './options.ts';
import type { Protocol } from './protocol.ts';
import { SocketConnection } from './socket-connection.ts';
import { formatUri } from './uri.ts';

/**
 * Where peers wait that have connected and not yet said what they speak. Their number and their time
 * are limited, because nobody knows them.
 *
 * ```text
 * accepted --first bytes--> handed to a protocol
 *     |
 *     +-- deadline, nobody recognises them, too many wait, the peer goes --> closed
 * ```
 */
export class Entrance {
  readonly #scheme: string;
  readonly #protocols: readonly Protocol[];
  readonly #settings: ServeSettings;
  readonly #refused: (reason: BrokerError) => void;
  readonly #waiting = new Map<Socket, NodeJS.Timeout>();

  constructor(
    scheme: string,
    protocols: readonly Protocol[],
    settings: ServeSettings,
    refused: (reason: BrokerError) => void,
  ) {
    this.#scheme = scheme;
    this.#protocols = protocols;
    this.#settings = settings;
    this.#refused = refused;
  }

  /** Takes a socket that was just accepted. */
  admit(socket: Socket): void {
    const [only, ...others] = this.#protocols;
    if (only !== undefined && others.length === 0) {
      this.#handOver(socket, only);
      return;
    }
    const { protocolDetectionTimeOut, undetectedCountMax } = this.#settings;
    socket.on('error', ignored);
    if (this.#waiting.size >= undetectedCountMax) {
      this.#refuse(socket, 'BATON_LIMIT', `${undetectedCountMax} peers wait here, the limit`);
      return;
    }
    const timer = setTimeout(() => {
      this.#refuse(
        socket,
        'BATON_TIMEOUT',
        `it did not say within ${protocolDetectionTimeOut} ms what it speaks`,
      );
    }, protocolDetectionTimeOut);
    this.#waiting.set(socket, timer);
    socket.once('close', this.#left);
    readFirstBytes(socket, this.#protocols, (protocol, firstBytes) => {
      if (protocol === 'none') {
        const shown = Buffer.from(firstBytes.subarray(0, 16)).toString('latin1');
        this.#refuse(
          socket,
          'BATON_PROTOCOL',
          `no protocol here begins with ${JSON.stringify(shown)}; spoken are ${this.#names()}`,
        );
        return;
      }
      this.#forget(socket);
      socket.off('close', this.#left);
      socket.off('error', ignored);
      this.#handOver(socket, protocol);
    });
  }

  /** Lets nobody in any more who has not said yet what it speaks. */
  close(): void {
    for (const socket of [...this.#waiting.keys()]) {
      this.#forget(socket);
      socket.destroy();
    }
  }

  #handOver(socket: Socket, protocol: Protocol): void {
    protocol.accept(new SocketConnection(socket, this.#scheme, this.#settings));
  }

  #refuse(
    socket: Socket,
    code: 'BATON_LIMIT' | 'BATON_PROTOCOL' | 'BATON_TIMEOUT',
    why: string,
  ): void {
    const peer = formatUri(this.#scheme, socket.remoteAddress ?? 'unknown', socket.remotePort ?? 0);
    this.#forget(socket);
    socket.destroy();
    this.#refused(new BrokerError(code, `${peer} was not let in: ${why}`));
  }

  #forget(socket: Socket): void {
    clearTimeout(this.#waiting.get(socket));
    this.#waiting.delete(socket);
  }

  #names(): string {
    return this.#protocols.map(({ name }) => name).join(', ');
  }

  readonly #left: (this: Socket) => void = (() => {
    const forget = (socket: Socket): void => {
      this.#forget(socket);
    };
    return function (this: Socket): void {
      forget(this);
    };
  })();
}

/** The end of a socket says all that its error would. */
function ignored(): void {}
