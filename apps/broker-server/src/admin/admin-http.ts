import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  printable,
  type EffectivePolicy,
  type PreparedTransactionStatus,
  type RedriveOptions,
  type RedriveResult,
  type Resolution,
  type Role,
} from '@batonmq/broker-core';
import { BrokerError, isBrokerError, parseDestination, type Destination } from '@batonmq/model';
import type { ServerStatus } from '../status.ts';
import { openAccess, type AdminAccess } from './admin-access.ts';
import { listingOf, resolutionIn } from './transactions.ts';

/** The HTTP interface for operators and their load balancers. */
export interface AdminHttp {
  /** `http://127.0.0.1:8161`. */
  readonly uri: string;
  close(): Promise<void>;
}

/** A request that changes something. */
export interface AdminCommand {
  /** None where there are no users. */
  readonly userName: string | undefined;
  readonly remoteAddress: string;
  /** `POST /redrive?destination=…` */
  readonly command: string;
}

/** What the interface shows and does; all of it is the server's. */
export interface AdminSubject {
  role(): Role;
  status(): Promise<ServerStatus>;
  policy(destination: Destination): EffectivePolicy;
  redrive(deadLetterQueue: Destination, options: RedriveOptions): Promise<RedriveResult>;
  preparedTransactions(): readonly PreparedTransactionStatus[];
  resolvePrepared(transactionKey: string, verdict: Resolution): Promise<void>;
  /** Somebody who may is about to change something. */
  commanded(command: AdminCommand): void;
}

/** A request that takes longer than this to arrive is dropped, milliseconds. */
const REQUEST_TIMEOUT_MS = 5_000;

/** For load balancers, which have no user. */
const OPEN_PATHS = ['/health', '/ready'];

/** Lower case, as Node.js gives names of headers. */
export const COMMAND_HEADER = 'batonmq-command';

type Answer = readonly [code: number, body: object];

/**
 * Serves, on `HOST:PORT`:
 * - `/health`: 200 while the process works, active or not;
 * - `/ready`: 200 on the active broker, 503 on any other, so that a load balancer finds the active one;
 * - `/status`: everything as JSON;
 * - `/policy?destination=queue://A`: every policy in force for a destination, and which entry says so;
 * - `/transactions`: the prepared XA transactions;
 * - `POST /resolve?transaction=XID:…&verdict=commit` or `rollback`: decides one of those in place of its transaction
 *   manager. Needs the header `batonmq-command: resolve`;
 * - `POST /redrive?destination=queue://ActiveMQ.DLQ`: moves its dead letters back, with `limit=N`, `selector=…` and
 *   any number of `id=ID:…` if given, and tells how many went where. Needs the header `batonmq-command: redrive`, which no page in a browser can send here.
 *
 * All but the first two ask `access` first.
 *
 * @throws `BATON_INVALID_OPTION` if the address cannot be listened on.
 */
export async function serveAdmin(
  address: string,
  subject: AdminSubject,
  access: AdminAccess = openAccess,
): Promise<AdminHttp> {
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
    respond(request, subject, access).then(
      ([code, body]) => {
        answer(response, code, body);
      },
      (error: unknown) => {
        answer(response, ...failed(error));
      },
    );
  });
  await listening(server, address);
  const { address: host, port } = server.address() as AddressInfo;
  return {
    uri: uriOf(host, port),
    close: () => closed(server),
  };
}

function uriOf(host: string, port: number): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

async function respond(
  request: IncomingMessage,
  subject: AdminSubject,
  access: AdminAccess,
): Promise<Answer> {
  const target = request.url ?? '/';
  if (!URL.canParse(target, 'http://localhost')) return [400, { error: 'The path is no path' }];
  const url = new URL(target, 'http://localhost');
  if (!OPEN_PATHS.includes(url.pathname)) {
    const { method = 'GET', headers, socket } = request;
    const remoteAddress = uriOf(socket.remoteAddress ?? '', socket.remotePort ?? 0);
    const isCommand = method !== 'GET' && method !== 'HEAD';
    const userName = await access.check(headers.authorization, remoteAddress, isCommand);
    const command = `${method} ${printable(target)}`;
    if (isCommand) subject.commanded({ userName, remoteAddress, command });
  }
  return route(request, url, subject);
}

async function route(request: IncomingMessage, url: URL, subject: AdminSubject): Promise<Answer> {
  if (url.pathname === '/redrive') return redrive(request, url, subject);
  if (url.pathname === '/resolve') return resolve(request, url, subject);
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return [405, { error: `${url.pathname} only answers GET and HEAD` }];
  }
  switch (url.pathname) {
    case '/health':
      return [200, { status: 'up' }];
    case '/ready': {
      const role = subject.role();
      return [role === 'active' ? 200 : 503, { role }];
    }
    case '/status':
      return [200, await subject.status()];
    case '/policy':
      return [200, subject.policy(destinationIn(url))];
    case '/transactions':
      return [200, { transactions: subject.preparedTransactions().map(listingOf) }];
    default:
      return [
        404,
        {
          error: `There is no ${url.pathname}; there are /health, /ready, /status, /policy, /transactions, /redrive and /resolve`,
        },
      ];
  }
}

async function redrive(request: IncomingMessage, url: URL, subject: AdminSubject): Promise<Answer> {
  if (!isCommand(request, 'redrive')) return notCommanded('redrive');
  const limit = url.searchParams.get('limit');
  const selector = url.searchParams.get('selector') ?? undefined;
  const ids = url.searchParams.getAll('id');
  const options = {
    selector,
    limit: limit === null ? undefined : Number(limit),
    ids: ids.length === 0 ? undefined : ids,
  };
  return [200, await subject.redrive(destinationIn(url), options)];
}

async function resolve(request: IncomingMessage, url: URL, subject: AdminSubject): Promise<Answer> {
  if (!isCommand(request, 'resolve')) return notCommanded('resolve');
  const { transaction, verdict } = resolutionIn(url);
  await subject.resolvePrepared(transaction, verdict);
  return [200, { transaction, verdict }];
}

function isCommand({ method, headers }: IncomingMessage, command: string): boolean {
  return method === 'POST' && headers[COMMAND_HEADER] === command;
}

function notCommanded(command: string): Answer {
  return [
    405,
    { error: `/${command} only answers POST with the header ${COMMAND_HEADER}: ${command}` },
  ];
}

function destinationIn(url: URL): Destination {
  const name = url.searchParams.get('destination');
  if (name !== null && name !== '') return parseDestination(name);
  throw new BrokerError(
    'BATON_INVALID_ARGUMENT',
    `${url.pathname} needs a destination: ${url.pathname}?destination=queue://A`,
  );
}

/** What the caller got wrong is theirs to know; of the rest only that it failed. */
function failed(error: unknown): Answer {
  if (isBrokerError(error)) {
    const { status } = error.details;
    if (typeof status === 'number') return [status, { error: error.message, code: error.code }];
    const code = error.kind === 'invalid' ? 400 : 503;
    return [code, { error: error.message, code: error.code }];
  }
  return [500, { error: String(error) }];
}

function answer(response: ServerResponse, code: number, body: object): void {
  response.writeHead(code, {
    'content-type': 'application/json',
    'cache-control': 'no-store',
    ...(code === 401 && { 'www-authenticate': 'Basic realm="batonmq", charset="UTF-8"' }),
  });
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
