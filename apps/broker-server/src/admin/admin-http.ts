import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { BrokerError } from '@batonmq/model';
import type { ServerStatus } from '../status.ts';

/** The HTTP interface for operators and their load balancers; read only. */
export interface AdminHttp {
  /** `http://127.0.0.1:8161`. */
  readonly uri: string;
  close(): Promise<void>;
}

/** A request that takes longer than this to arrive is dropped, milliseconds. */
const REQUEST_TIMEOUT_MS = 5_000;

/**
 * Serves, on `HOST:PORT`:
 * - `/health`: 200 while the process works, active or not;
 * - `/ready`: 200 on the active broker, 503 on any other, so that a load balancer finds the active one;
 * - `/status`: everything as JSON.
 *
 * @throws `BATON_INVALID_OPTION` if the address cannot be listened on.
 */
export async function serveAdmin(
  address: string,
  status: () => Promise<ServerStatus>,
): Promise<AdminHttp> {
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
    const path = (request.url ?? '').split('?')[0] ?? '';
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      answer(response, 405, { error: 'This interface only answers GET and HEAD' });
      return;
    }
    route(path, status).then(
      ([code, body]) => {
        answer(response, code, body);
      },
      (error: unknown) => {
        answer(response, 500, { error: String(error) });
      },
    );
  });
  await listening(server, address);
  const { address: host, port } = server.address() as AddressInfo;
  return {
    uri: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    close: () => closed(server),
  };
}

async function route(
  path: string,
  status: () => Promise<ServerStatus>,
): Promise<[code: number, body: object]> {
  switch (path) {
    case '/health':
      return [200, { status: 'up' }];
    case '/ready': {
      const { role } = await status();
      return [role === 'active' ? 200 : 503, { role }];
    }
    case '/status':
      return [200, await status()];
    default:
      return [404, { error: `There is no ${path}; there are /health, /ready and /status` }];
  }
}

function answer(response: ServerResponse, code: number, body: object): void {
  response.writeHead(code, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(`${JSON.stringify(body, undefined, 2)}\n`);
}

function listening(server: Server, address: string): Promise<void> {
  const split = address.lastIndexOf(':');
  const host = address.slice(0, split).replace(/^\[|\]$/g, '');
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      reject(
        new BrokerError(
          'BATON_INVALID_OPTION',
          `--admin ${address}: ${error.message}. Choose another address, or --admin off`,
          { cause: error },
        ),
      );
    });
    server.listen({ host, port: Number(address.slice(split + 1)) }, resolve);
  });
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
    server.closeAllConnections();
  });
}
