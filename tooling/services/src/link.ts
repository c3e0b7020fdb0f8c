import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface LinkOptions {
  /** Where the server listens on the loopback interface. */
  readonly port: number;
}

/**
 * The network between clients and a server of the loopback interface. What it has passed on when it
 * is cut still arrives, as far as the sockets' buffers held it.
 */
export interface Link extends AsyncDisposable {
  /** Where clients connect to. */
  readonly port: number;
  /**
   * As a pulled cable: no byte moves, no side is told, no end or reset of a connection is seen by
   * the other side. A new connection is made but stays without an answer.
   */
  cut(): void;
  /** Everything that waited moves again, ends and resets too, and connections made meanwhile work. */
  heal(): void;
  /** Ends each connection with a reset to both sides; new ones are made as before. */
  reset(): void;
}

/** Starts a link to a server, which need not run yet. */
export async function startLink({ port: serverPort }: LinkOptions): Promise<Link> {
  const connections = new Set<LinkedConnection>();
  let isCut = false;
  const listener = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) => {
    const connection = new LinkedConnection(client, serverPort, () => {
      connections.delete(connection);
    });
    connections.add(connection);
    if (!isCut) connection.move();
  });
  await new Promise<void>((resolve, reject) => {
    listener.once('error', reject);
    listener.listen(0, '127.0.0.1', resolve);
  });
  const reset = (): void => {
    for (const connection of connections) connection.reset();
  };
  return {
    port: (listener.address() as AddressInfo).port,
    cut: () => {
      isCut = true;
      for (const connection of connections) connection.hold();
    },
    heal: () => {
      isCut = false;
      for (const connection of connections) connection.move();
    },
    reset,
    [Symbol.asyncDispose]: async () => {
      reset();
      await new Promise((resolve) => listener.close(resolve));
    },
  };
}

/** A client's connection and the one made for it to the server. */
class LinkedConnection {
  readonly #client: Socket;
  readonly #serverPort: number;
  readonly #onEnd: () => void;
  /** Missing until bytes may move for the first time. */
  #server: Socket | undefined;
  #isHeld = true;
  /** One side has been reset; the other is not told while the connection is held. */
  #isBroken = false;

  /** `client` is paused. */
  constructor(client: Socket, serverPort: number, onEnd: () => void) {
    this.#client = client;
    this.#serverPort = serverPort;
    this.#onEnd = onEnd;
    this.#watch(client);
  }

  hold(): void {
    this.#isHeld = true;
    this.#client.pause();
    this.#server?.pause();
  }

  move(): void {
    this.#isHeld = false;
    if (this.#isBroken) {
      this.reset();
      return;
    }
    const server = this.#server ?? this.#reachServer();
    if (!server.writableNeedDrain) this.#client.resume();
    if (!this.#client.writableNeedDrain) server.resume();
  }

  reset(): void {
    this.#client.resetAndDestroy();
    this.#server?.resetAndDestroy();
    this.#onEnd();
  }

  #reachServer(): Socket {
    const server = connect({ port: this.#serverPort, host: '127.0.0.1', allowHalfOpen: true });
    this.#server = server;
    this.#watch(server);
    this.#forward(this.#client, server);
    this.#forward(server, this.#client);
    return server;
  }

  #watch(socket: Socket): void {
    socket.setNoDelay(true);
    socket.on('error', () => {
      this.#isBroken = true;
      if (!this.#isHeld) this.reset();
    });
  }

  #forward(from: Socket, to: Socket): void {
    from.on('data', (chunk) => {
      if (!to.write(chunk)) from.pause();
    });
    to.on('drain', () => {
      if (!this.#isHeld) from.resume();
    });
    from.on('end', () => to.end());
    from.on('close', () => {
      if (to.destroyed) this.#onEnd();
    });
  }
}
