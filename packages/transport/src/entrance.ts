import type { Socket } from 'node:net';
import type { Server as TlsServer, TLSSocket } from 'node:tls';
import { BrokerError } from '@batonmq/model';
import { readFirstBytes } from './first-bytes.ts';
import type { ServeSettings } from './options.ts';
import type { Protocol } from './protocol.ts';
import { SocketConnection } from './socket-connection.ts';
import { hasUnknownCertificate, renewTlsServer, tlsServer, type TlsIdentity } from './tls.ts';
import { formatUri } from './uri.ts';
import { WebSocketUpgrades } from './web-socket-upgrades.ts';

/** Whom an entrance lets in. */
export interface Admission {
  /** Whether peers come under TLS: never, all of them, or as each of them likes. */
  readonly security: 'none' | 'required' | 'offered';
  /** What is spoken inside: one protocol, WebSocket alone, or anything, told by the first bytes. */
  readonly inside: Protocol | 'web-socket' | 'any';
}

/** A peer that has not reached a protocol yet. */
interface Waiting {
  readonly socket: Socket;
  readonly timer: NodeJS.Timeout;
  readonly left: () => void;
}

type RefusalCode = 'BATON_LIMIT' | 'BATON_PROTOCOL' | 'BATON_TIMEOUT' | 'BATON_UNAUTHORIZED';

/** What TLS begins with: a handshake record. */
const TLS = { name: 'TLS', recognises: (bytes: Uint8Array) => bytes[0] === 0x16 } as const;

/** A WebSocket begins as a GET request; another request on this port is none of ours. */
const HTTP = { name: 'WebSocket', recognises: beginsWithGet } as const;

/**
 * Where peers wait that have connected and not yet said what they speak. Their number and their time
 * are limited, because nobody knows them.
 *
 * ```text
 * accepted --(ssl: or 0x16)--> handshake --secured--+
 *     |                                             v
 *     +--------------------------------------> first bytes --GET--> upgrade --> handed to
 *                                                   |                           a protocol
 *                                                   +--recognised-------------------^
 * ```
 *
 * From each place a deadline, a fault of the peer or its end leads to `closed`.
 */
export class Entrance {
  readonly #admission: Admission;
  readonly #protocols: readonly Protocol[];
  readonly #settings: ServeSettings;
  readonly #refused: (reason: BrokerError) => void;
  readonly #tls: TlsServer | undefined;
  readonly #upgrades: WebSocketUpgrades;
  /** By the peer's address, because TLS puts a socket of its own over the one that was accepted. */
  readonly #waiting = new Map<string, Waiting>();

  /** @throws `BATON_INVALID_OPTION` if the parts of `identity` do not go together. */
  constructor(
    admission: Admission,
    protocols: readonly Protocol[],
    settings: ServeSettings,
    identity: TlsIdentity | undefined,
    refused: (reason: BrokerError) => void,
  ) {
    this.#admission = admission;
    this.#protocols = protocols;
    this.#settings = settings;
    this.#refused = refused;
    this.#upgrades = new WebSocketUpgrades(protocols, settings, {
      upgraded: (socket, protocol, connection) => {
        this.#arrived(socket);
        socket.off('error', ignored);
        protocol.accept(connection);
      },
      refused: (socket, why) => {
        this.#report(socket, 'BATON_PROTOCOL', why);
      },
    });
    if (identity !== undefined && admission.security !== 'none') {
      this.#tls = this.#secured(identity);
    }
  }

  renewTls(identity: TlsIdentity): void {
    if (this.#tls !== undefined) renewTlsServer(this.#tls, identity);
  }

  /** Takes a socket that was just accepted. */
  admit(socket: Socket): void {
    const { security, inside } = this.#admission;
    if (security === 'none' && typeof inside === 'object') {
      inside.accept(new SocketConnection(socket, this.#settings));
      return;
    }
    socket.on('error', ignored);
    const { undetectedCountMax } = this.#settings;
    if (this.#waiting.size >= undetectedCountMax) {
      this.#refuse(socket, 'BATON_LIMIT', `${undetectedCountMax} peers wait here, the limit`);
      return;
    }
    this.#wait(socket);
    if (security === 'required') this.#tls?.emit('connection', socket);
    else this.#enter(socket, false);
  }

  /** Lets nobody in any more who has not said yet what it speaks. */
  close(): void {
    for (const { socket } of this.#waiting.values()) socket.destroy();
    this.#upgrades.close();
  }

  #secured(identity: TlsIdentity): TlsServer {
    const server = tlsServer(identity, this.#settings);
    server.on('secureConnection', (socket) => {
      if (this.#settings.wantClientAuth && hasUnknownCertificate(socket)) {
        this.#refuse(socket, 'BATON_UNAUTHORIZED', 'nobody trusted vouches for its certificate');
        return;
      }
      socket.on('error', ignored);
      this.#enter(socket, true);
    });
    server.on('tlsClientError', (error, socket) => {
      this.#refuse(socket, 'BATON_PROTOCOL', `the TLS handshake failed: ${error.message}`);
    });
    return server;
  }

  #enter(socket: Socket | TLSSocket, isSecure: boolean): void {
    const { inside } = this.#admission;
    if (inside === 'web-socket') this.#upgrades.admit(socket);
    else if (inside === 'any') this.#detect(socket, isSecure);
    else this.#handOver(socket, inside);
  }

  #detect(socket: Socket, isSecure: boolean): void {
    const tls = isSecure ? undefined : this.#tls;
    const spoken = [...this.#protocols, HTTP, ...(tls === undefined ? [] : [TLS])];
    readFirstBytes(socket, spoken, (spoke, firstBytes) => {
      if (spoke === 'none') {
        const shown = JSON.stringify(Buffer.from(firstBytes.subarray(0, 16)).toString('latin1'));
        const names = spoken.map(({ name }) => name).join(', ');
        this.#refuse(
          socket,
          'BATON_PROTOCOL',
          `nothing spoken here begins with ${shown}; spoken are ${names}`,
        );
      } else if (spoke === TLS) tls?.emit('connection', socket);
      else if ('accept' in spoke) this.#handOver(socket, spoke);
      else this.#upgrades.admit(socket);
    });
  }

  #handOver(socket: Socket | TLSSocket, protocol: Protocol): void {
    this.#arrived(socket);
    socket.off('error', ignored);
    protocol.accept(new SocketConnection(socket, this.#settings));
  }

  #wait(socket: Socket): void {
    const { protocolDetectionTimeOut } = this.#settings;
    const key = addressOf(socket);
    const timer = setTimeout(() => {
      this.#refuse(
        socket,
        'BATON_TIMEOUT',
        `it did not show within ${protocolDetectionTimeOut} ms what it speaks`,
      );
    }, protocolDetectionTimeOut);
    const left = (): void => {
      clearTimeout(timer);
      this.#waiting.delete(key);
    };
    socket.once('close', left);
    this.#waiting.set(key, { socket, timer, left });
  }

  /** It waits no longer, and nothing of the waiting stays with it. */
  #arrived(socket: Socket): void {
    const waiting = this.#waiting.get(addressOf(socket));
    waiting?.socket.off('close', waiting.left);
    waiting?.left();
  }

  #refuse(socket: Socket, code: RefusalCode, why: string): void {
    this.#report(socket, code, why);
    socket.destroy();
  }

  #report(socket: Socket, code: RefusalCode, why: string): void {
    this.#refused(new BrokerError(code, `${addressOf(socket)} was not let in: ${why}`));
  }
}

function addressOf(socket: Socket): string {
  return formatUri('tcp', socket.remoteAddress ?? 'unknown', socket.remotePort ?? 0);
}

function beginsWithGet(bytes: Uint8Array): boolean | undefined {
  const known = Buffer.from(bytes.subarray(0, 4)).toString('latin1');
  if (!'GET '.startsWith(known)) return false;
  return known.length === 4 ? true : undefined;
}

/** The end of a socket says all that its error would. */
function ignored(): void {}
