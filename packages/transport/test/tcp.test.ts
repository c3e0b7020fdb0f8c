import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readlinkSync } from 'node:fs';
import { connect, createServer, Socket, type AddressInfo } from 'node:net';
import { present } from '@batonmq/model';
import { afterEach, describe, expect, test, vi } from 'vitest';
import {
  dial,
  listen,
  type ConnectionHandler,
  type ListenOptions,
  type Listener,
  type TransportConnection,
} from '../src/index.ts';

/** A handler that remembers what it was told. */
class Peer implements ConnectionHandler {
  readonly connection: TransportConnection;
  readonly output: Uint8Array[] = [];
  readonly chunks: Uint8Array[] = [];
  receivedBytes = 0;
  drainedCount = 0;
  closedErrors: (Error | undefined)[] = [];

  constructor(connection: TransportConnection) {
    this.connection = connection;
    connection.start(this);
  }

  send(...pieces: (string | Uint8Array)[]): void {
    for (const piece of pieces) {
      this.output.push(typeof piece === 'string' ? Buffer.from(piece) : piece);
    }
    this.connection.requestFlush();
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString();
  }

  take(): readonly Uint8Array[] {
    return this.output.splice(0);
  }
  received(chunk: Uint8Array): void {
    this.chunks.push(chunk);
    this.receivedBytes += chunk.length;
  }
  drained(): void {
    this.drainedCount += 1;
  }
  closed(error?: Error): void {
    this.closedErrors.push(error);
  }
}

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  vi.restoreAllMocks();
});

async function listener(
  options: ListenOptions = {},
  query = '',
): Promise<{ listener: Listener; peers: Peer[] }> {
  const peers: Peer[] = [];
  const opened = await listen(
    `tcp://127.0.0.1:0${query}`,
    (connection) => {
      peers.push(new Peer(connection));
    },
    options,
  );
  cleanups.push(async () => {
    for (const peer of peers) peer.connection.destroy();
    await opened.close();
  });
  return { listener: opened, peers };
}

async function dialled(uri: string, options: Parameters<typeof dial>[1] = {}): Promise<Peer> {
  const peer = new Peer(await dial(uri, options));
  cleanups.push(() => {
    peer.connection.destroy();
  });
  return peer;
}

/** A connected pair: [the side that dialled, the side that accepted]. */
async function pair(options: ListenOptions = {}): Promise<[Peer, Peer]> {
  const { listener: target, peers } = await listener(options);
  const client = await dialled(target.uri);
  await until(() => peers.length === 1);
  return [client, only(peers)];
}

function only(peers: readonly Peer[]): Peer {
  expect(peers).toHaveLength(1);
  return present(peers[0], 'one peer');
}

async function until(condition: () => boolean): Promise<void> {
  await vi.waitUntil(condition, { timeout: 5000, interval: 1 });
}

describe('bytes', () => {
  test('arrive in order and in both directions', async () => {
    const [client, server] = await pair();
    client.send('a', 'b');
    client.send('c');
    server.send('x');
    await until(() => server.text === 'abc' && client.text === 'x');
  });

  test('that arrive before the handler is attached are not lost', async () => {
    const { listener: target, peers } = await listener();
    const raw = connect(Number(new URL(target.uri).port), '127.0.0.1');
    raw.end('early');
    await until(() => peers[0]?.closedErrors.length === 1);
    expect(only(peers).text).toBe('early');
    expect(only(peers).closedErrors).toEqual([undefined]);
  });

  test('of one turn leave in one system call, whatever number of flushes was asked for', async () => {
    const [client, server] = await pair();
    const one = vi.spyOn(Socket.prototype, '_write');
    const many = vi.spyOn(Socket.prototype as Socket & { _writev: () => void }, '_writev');
    for (const text of ['a', 'b', 'c']) client.send(text, text);
    await until(() => server.text === 'aabbcc');
    expect(many).toHaveBeenCalledTimes(1);
    expect(one).not.toHaveBeenCalled();
    expect(server.chunks).toHaveLength(1);
  });
});

describe('back-pressure', () => {
  test('a peer that does not read makes the sender congested, and drains it when it reads on', async () => {
    const [client, server] = await pair();
    server.connection.pause();
    const block = Buffer.alloc(256 * 1024);
    let sentBytes = 0;
    while (!client.connection.isCongested) {
      client.send(block);
      sentBytes += block.length;
      await new Promise(setImmediate);
    }
    expect(client.connection.bufferedBytes).toBeGreaterThan(1024 * 1024);
    expect(client.drainedCount).toBe(0);
    server.connection.resume();
    await until(() => client.drainedCount === 1);
    expect(client.connection.isCongested).toBe(false);
    await until(() => server.receivedBytes === sentBytes);
    expect(client.drainedCount).toBe(1);
  });

  test('each pause needs its own resume', async () => {
    const [client, server] = await pair();
    server.connection.pause();
    server.connection.pause();
    client.send('held back');
    server.connection.resume();
    // A round trip on another connection proves that the loop polled after the bytes were sent.
    const [otherClient, otherServer] = await pair();
    otherClient.send('x');
    await until(() => otherServer.text === 'x');
    expect(server.text).toBe('');
    server.connection.resume();
    await until(() => server.text === 'held back');
  });
});

describe('the end', () => {
  test('close sends what was asked to be sent, then both sides learn of an orderly end once', async () => {
    const [client, server] = await pair();
    client.send('last words');
    await client.connection.close();
    await client.connection.close();
    await until(() => server.closedErrors.length === 1);
    expect(server.text).toBe('last words');
    expect(client.closedErrors).toEqual([undefined]);
    expect(server.closedErrors).toEqual([undefined]);
  });

  test('close cuts a peer that never reads after its time-out', async () => {
    const [client, server] = await pair();
    server.connection.pause();
    client.send(Buffer.alloc(64 * 1024 * 1024));
    await new Promise(setImmediate);
    await client.connection.close({ timeoutMs: 20 });
    expect(client.closedErrors).toHaveLength(1);
  });

  test('destroy drops what is buffered and reports its reason, never inside the call', async () => {
    const [client, server] = await pair();
    const reason = new Error('a frame was malformed');
    client.send('never sent');
    client.connection.destroy(reason);
    client.connection.destroy(new Error('second'));
    expect(client.closedErrors).toEqual([]);
    await until(() => client.closedErrors.length === 1 && server.closedErrors.length === 1);
    expect(client.closedErrors).toEqual([reason]);
    expect(server.text).toBe('');
  });

  test('a reset by the peer is an error, not an orderly end', async () => {
    const { listener: target, peers } = await listener();
    const raw = connect(Number(new URL(target.uri).port), '127.0.0.1');
    await until(() => peers.length === 1);
    raw.resetAndDestroy();
    await until(() => only(peers).closedErrors.length === 1);
    expect(only(peers).closedErrors[0]).toMatchObject({ code: 'ECONNRESET' });
  });

  test('a connection destroyed before it was started still owes its handler the end', async () => {
    const { listener: target } = await listener();
    const connection = await dial(target.uri);
    connection.destroy();
    const peer = new Peer(connection);
    await until(() => peer.closedErrors.length === 1);
  });

  test('a closed listener frees its port and leaves its connections alone', async () => {
    const [client, server] = await pair();
    const uri = client.connection.remoteAddress;
    const { listener: other } = await listener();
    await other.close();
    await expect(dial(other.uri)).rejects.toMatchObject({ code: 'BATON_DISCONNECTED' });
    const again = await listen(other.uri, () => undefined);
    expect(again.uri).toBe(other.uri);
    await again.close();
    expect(uri).toMatch(/^tcp:\/\/127\.0\.0\.1:\d+$/);
    client.send('still here');
    await until(() => server.text === 'still here');
  });
});

describe('limits', () => {
  test('a listener refuses connections beyond its maximum and says so', async () => {
    const reasons: string[] = [];
    const { listener: target, peers } = await listener(
      { refused: (reason) => reasons.push(`${reason.code} ${reason.message}`) },
      '?connectionCountMax=1',
    );
    await dialled(target.uri);
    const second = await dialled(target.uri);
    await until(() => second.closedErrors.length === 1);
    expect(peers).toHaveLength(1);
    expect(reasons).toEqual([
      expect.stringMatching(/^BATON_LIMIT .* has 1 connections, its limit/),
    ]);
  });

  test('a listener outlives running out of descriptors', async () => {
    const { listener: target, peers } = await listener();
    const port = Number(new URL(target.uri).port);
    const [unlucky, lucky] = [new Socket(), new Socket()];
    const shell = new Shell();
    const limit = `prlimit --pid ${process.pid} --nofile`;
    const usual = await shell.run(`${limit} -o SOFT --noheadings`);
    cleanups.push(async () => {
      await shell.run(`${limit}=${usual}: && echo`);
      for (const closable of [unlucky, lucky]) closable.destroy();
      shell.end();
    });
    await shell.run(`${limit}=${limitWithOneFreeDescriptor()}: && echo`);
    // The system completes the connection, then it is shed because it cannot be accepted.
    unlucky.connect(port, '127.0.0.1').on('error', () => undefined);
    await once(unlucky, 'close');
    expect(peers).toEqual([]);
    await shell.run(`${limit}=${usual}: && echo`);
    lucky.connect(port, '127.0.0.1');
    await until(() => peers.length === 1);
  });
});

/** The limit binds the numbers of descriptors, not their count: one hole is left, for the dialling socket. */
function limitWithOneFreeDescriptor(): number {
  let holes = 0;
  for (let descriptor = 0; ; descriptor += 1) {
    if (!existsLink(`/proc/self/fd/${descriptor}`)) holes += 1;
    if (holes === 2) return descriptor;
  }
}

function existsLink(path: string): boolean {
  try {
    readlinkSync(path);
    return true;
  } catch {
    return false;
  }
}

/** A shell started while there are descriptors; each command must print one line. */
class Shell {
  readonly #process = spawn('sh', { stdio: ['pipe', 'pipe', 'inherit'] });

  async run(command: string): Promise<string> {
    const line = once(this.#process.stdout, 'data');
    this.#process.stdin.write(`${command}\n`);
    return String((await line)[0]).trim();
  }

  end(): void {
    this.#process.stdin.end();
  }
}

describe('dial', () => {
  test('fails as disconnected where nobody listens', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    await expect(dial(`tcp://127.0.0.1:${port}`)).rejects.toMatchObject({
      code: 'BATON_DISCONNECTED',
      cause: { code: 'ECONNREFUSED' },
    });
  });

  test('is ended by its signal, before and while it connects', async () => {
    const { listener: target } = await listener();
    await expect(dial(target.uri, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      name: 'AbortError',
      code: 'BATON_ABORTED',
    });
    const controller = new AbortController();
    const attempt = dial(target.uri, { signal: controller.signal });
    controller.abort();
    await expect(attempt).rejects.toMatchObject({ code: 'BATON_ABORTED' });
  });

  test('times out on a host that drops its packets', async () => {
    // No such host is at hand on every machine: the connect request is kept from leaving.
    const silenced = vi.spyOn(Socket.prototype, 'connect').mockReturnThis();
    const attempt = dial('tcp://127.0.0.1:61616', { timeoutMs: 20 });
    await expect(attempt).rejects.toMatchObject({ code: 'BATON_TIMEOUT' });
    expect(silenced).toHaveBeenCalled();
  });
});

describe('URIs', () => {
  test.each([
    ['udp://127.0.0.1:61617', 'BATON_UNSUPPORTED', /allowed is tcp, ssl, ws, wss/],
    ['127.0.0.1:61616', 'BATON_INVALID_URI', /no URI|port|host/],
    ['tcp://127.0.0.1', 'BATON_INVALID_URI', /port is missing/],
    ['tcp://127.0.0.1:99999', 'BATON_INVALID_URI', /no URI/],
    ['tcp://u:p@127.0.0.1:1', 'BATON_INVALID_URI', /user/],
    ['tcp://127.0.0.1:1/path', 'BATON_INVALID_URI', /path/],
    ['tcp://127.0.0.1:0', 'BATON_INVALID_URI', /port 0/],
    ['tcp://127.0.0.1:1?soTimeout=1', 'BATON_INVALID_OPTION', /soTimeout is unknown/],
    ['tcp://127.0.0.1:1?timeoutMs=', 'BATON_INVALID_OPTION', /timeoutMs is NaN/],
    ['tcp://127.0.0.1:1?highWaterBytes=2000', 'BATON_INVALID_OPTION', /lowWaterBytes/],
  ])('%s is refused: %s', async (uri, code, text) => {
    await expect(dial(uri)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(text) as string,
    });
  });

  test('every problem of the options is reported at once', async () => {
    const attempt = listen('tcp://127.0.0.1:0?a=1&backlogCount=0', () => undefined, {
      connectionCountMax: -1,
    });
    await expect(attempt).rejects.toMatchObject({
      message: expect.stringMatching(/connectionCountMax.*a is unknown.*backlogCount/) as string,
    });
  });

  test('IPv6 addresses keep their brackets', async () => {
    const opened = await listen('tcp://[::1]:0', () => undefined);
    expect(opened.uri).toMatch(/^tcp:\/\/\[::1\]:\d+$/);
    await opened.close();
  });
});
