import { createServer, STATUS_CODES, type IncomingMessage, type Server } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { assert } from '@batonmq/model';
import { WebSocketServer } from 'ws';
import type { TransportConnection } from './connection.ts';
import type { ServeSettings } from './options.ts';
import type { Protocol } from './protocol.ts';
import { WebSocketConnection } from './web-socket-connection.ts';
import { WebSocketPings } from './web-socket-pings.ts';

/** Bytes of the largest request for an upgrade; browsers with many cookies stay below 8 KiB. */
const REQUEST_BYTES_MAX = 16 * 1024;

/** Who hears of the outcome. */
export interface UpgradeOutcome {
  upgraded(socket: Socket, protocol: Protocol, connection: TransportConnection): void;
  /** The peer has its answer and is being disconnected. */
  refused(socket: Socket, why: string): void;
}

interface Choice {
  readonly protocol: Protocol;
  readonly subprotocol: string;
}

/** Answers HTTP: a request for a WebSocket with one, anything else with how to ask. */
export class WebSocketUpgrades {
  readonly #http: Server;
  readonly #webSockets: WebSocketServer;
  readonly #choices: readonly Choice[];
  readonly #settings: ServeSettings;
  readonly #outcome: UpgradeOutcome;
  readonly #allowedOrigins: readonly string[];
  readonly #pings: WebSocketPings;

  constructor(protocols: readonly Protocol[], settings: ServeSettings, outcome: UpgradeOutcome) {
    this.#settings = settings;
    this.#outcome = outcome;
    this.#allowedOrigins = settings.allowedOrigins.toLowerCase().split(',');
    this.#pings = new WebSocketPings(settings.webSocketPingIntervalMs);
    this.#choices = protocols.flatMap((protocol) =>
      (protocol.subprotocols ?? []).map((subprotocol) => ({ protocol, subprotocol })),
    );
    this.#webSockets = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      maxPayload: settings.webSocketMessageBytesMax,
      perMessageDeflate: settings.isDeflateOffered,
      handleProtocols: (offered) => this.#choose(offered)?.subprotocol ?? false,
    });
    this.#http = createServer({ maxHeaderSize: REQUEST_BYTES_MAX }, (request, response) => {
      const text = 'This port speaks WebSocket, not plain HTTP.';
      response.writeHead(426, { connection: 'close, upgrade', upgrade: 'websocket' });
      response.end(`${text}\n`);
      outcome.refused(request.socket, 'it sent a plain HTTP request');
    });
    this.#http.on('upgrade', (request, socket, head) => {
      this.#upgrade(request, socketOf(socket), head);
    });
    this.#http.on('clientError', (error: NodeJS.ErrnoException, socket) => {
      const status = error.code === 'HPE_HEADER_OVERFLOW' ? 431 : 400;
      this.#refuse(socketOf(socket), status, `its HTTP request is malformed: ${error.message}`);
    });
  }

  /** Takes a socket that begins, or must begin, with a request. */
  admit(socket: Socket): void {
    this.#http.emit('connection', socket);
    socket.resume();
  }

  close(): void {
    this.#webSockets.close();
  }

  #upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    const { origin } = request.headers;
    if (origin !== undefined && !this.#isAllowed(origin.toLowerCase())) {
      const why = `pages of ${origin} may not connect here; allowedOrigins says who may`;
      this.#refuse(socket, 403, why);
      return;
    }
    const offered = request.headers['sec-websocket-protocol']?.split(',') ?? [''];
    const choice = this.#choose(new Set(offered.map((name) => name.trim())));
    if (choice === undefined) {
      const known = this.#choices.map(({ subprotocol }) => subprotocol).filter(Boolean);
      const why = `none of its sub-protocols is known: ${offered.join()}; known are ${known.join(', ')}`;
      this.#refuse(socket, 400, why);
      return;
    }
    this.#webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      this.#pings.watch(webSocket);
      const connection = new WebSocketConnection(webSocket, socket, this.#settings);
      connection.limitStranger();
      this.#outcome.upgraded(socket, choice.protocol, connection);
    });
  }

  #choose(offered: ReadonlySet<string>): Choice | undefined {
    return this.#choices.find(({ subprotocol }) => offered.has(subprotocol));
  }

  #isAllowed(origin: string): boolean {
    return this.#allowedOrigins.some(
      (allowed) =>
        allowed === '*' || allowed === origin || (allowed === 'loopback' && isLoopback(origin)),
    );
  }

  #refuse(socket: Socket, status: number, why: string): void {
    this.#outcome.refused(socket, why);
    const text = `${why}\n`;
    const head = [
      `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
      'Connection: close',
      'Content-Type: text/plain; charset=utf-8',
      `Content-Length: ${Buffer.byteLength(text)}`,
    ];
    if (socket.writable) socket.end(`${head.join('\r\n')}\r\n\r\n${text}`);
    else socket.destroy();
  }
}

/** What was given to the HTTP server comes back from it. */
function socketOf(stream: Duplex): Socket {
  assert(stream instanceof Socket, 'HTTP runs on sockets alone');
  return stream;
}

function isLoopback(origin: string): boolean {
  return /^https?:\/\/(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?::\d+)?$/.test(origin);
}
