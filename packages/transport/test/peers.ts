import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { ConnectionHandler, Protocol, TransportConnection } from '../src/index.ts';

/** A handler that remembers what it was told, and answers each chunk with itself if asked to. */
export class RecordingPeer implements ConnectionHandler {
  readonly connection: TransportConnection;
  readonly chunks: Uint8Array[] = [];
  readonly closedErrors: (Error | undefined)[] = [];
  readonly #output: Uint8Array[] = [];
  readonly #isEchoing: boolean;

  constructor(connection: TransportConnection, isEchoing = false) {
    this.connection = connection;
    this.#isEchoing = isEchoing;
    connection.start(this);
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString();
  }

  send(...pieces: (string | Uint8Array)[]): void {
    for (const piece of pieces) {
      this.#output.push(typeof piece === 'string' ? Buffer.from(piece) : piece);
    }
    this.connection.requestFlush();
  }

  take(): readonly Uint8Array[] {
    return this.#output.splice(0);
  }
  received(chunk: Uint8Array): void {
    this.chunks.push(chunk);
    if (this.#isEchoing) this.send(chunk);
  }
  drained(): void {
    // Nothing is held back.
  }
  closed(error?: Error): void {
    this.closedErrors.push(error);
  }
}

/** A protocol whose peers begin with a word, and which answers with what it gets. */
export class EchoProtocol implements Protocol {
  readonly name: string;
  readonly subprotocols: readonly string[];
  readonly peers: RecordingPeer[] = [];
  readonly #word: Buffer;

  constructor(name: string, word: string, subprotocols: readonly string[] = []) {
    this.name = name;
    this.#word = Buffer.from(word);
    this.subprotocols = subprotocols;
  }

  recognises(firstBytes: Uint8Array): boolean | undefined {
    const known = Buffer.from(firstBytes.subarray(0, this.#word.length));
    if (!this.#word.subarray(0, known.length).equals(known)) return false;
    return known.length < this.#word.length ? undefined : true;
  }

  accept(connection: TransportConnection): void {
    this.peers.push(new RecordingPeer(connection, true));
  }
}

/** A plain socket to a listener, connected. */
export async function rawSocket(uri: string): Promise<Socket> {
  const { hostname, port } = new URL(uri);
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  socket.on('error', () => undefined);
  return socket;
}

/** Everything a socket gets to read, as text that grows. */
export function received(socket: Socket): () => string {
  let text = '';
  socket.on('data', (chunk) => (text += chunk.toString()));
  return () => text;
}

/** Resolves when the socket is closed, with or without an error. */
export function ended(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once('close', () => {
      resolve();
    });
    socket.resume();
  });
}
