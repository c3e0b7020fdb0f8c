import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** Which way bytes go. */
export type Direction = 'to-broker' | 'to-client';

/**
 * A TCP proxy that cuts both sides of its first connection once a number of bytes went one way;
 * later connections go through untouched.
 */
export class CuttingProxy implements AsyncDisposable {
  /** Bytes of the first connection, each way. */
  readonly passed: Record<Direction, number> = { 'to-broker': 0, 'to-client': 0 };
  connectionCount = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
  }

  get uri(): string {
    return `tcp://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  static async start(
    targetPort: number,
    cut?: { readonly direction: Direction; readonly afterBytes: number },
  ): Promise<CuttingProxy> {
    const server = createServer();
    const proxy = new CuttingProxy(server);
    server.on('connection', (client) => {
      const isFirst = proxy.connectionCount++ === 0;
      const broker = connect(targetPort, '127.0.0.1');
      const forward = (from: Socket, to: Socket, direction: Direction): void => {
        proxy.#sockets.add(from);
        from.setNoDelay(true);
        from.on('error', () => undefined);
        from.on('close', () => {
          proxy.#sockets.delete(from);
          to.destroy();
        });
        from.on('data', (chunk) => {
          const left =
            isFirst && cut?.direction === direction
              ? cut.afterBytes - proxy.passed[direction]
              : Infinity;
          if (isFirst) proxy.passed[direction] += chunk.length;
          if (left > chunk.length) to.write(chunk);
          else {
            // The bytes before the cut do arrive.
            to.end(chunk.subarray(0, left));
            from.destroy();
          }
        });
      };
      forward(client, broker, 'to-broker');
      forward(broker, client, 'to-client');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
