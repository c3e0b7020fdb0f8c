import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { Socket } from 'node:net';
import { present } from '@batonmq/model';
import { certificateText, testCertificates } from '@batonmq/services';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { WebSocket, type ClientOptions } from 'ws';
import { dial, serve, type ServedListener, type ServeOptions } from '../src/index.ts';
import { EchoProtocol, ended, rawSocket, received, RecordingPeer } from './peers.ts';

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  vi.restoreAllMocks();
});

interface Served {
  readonly listener: ServedListener;
  readonly apple: EchoProtocol;
  readonly stomp: EchoProtocol;
  readonly refusals: string[];
  readonly address: string;
}

async function served(scheme = 'ws', options: ServeOptions = {}): Promise<Served> {
  const apple = new EchoProtocol('apple', 'APPLE', ['apple']);
  const stomp = new EchoProtocol('stomp', 'CONNECT', ['v12.stomp', 'v11.stomp', '']);
  const refusals: string[] = [];
  const listener = await serve(`${scheme}://127.0.0.1:0`, [apple, stomp], {
    refused: (reason) => refusals.push(`${reason.code} ${reason.message}`),
    ...options,
  });
  cleanups.push(async () => {
    for (const { connection } of [...apple.peers, ...stomp.peers]) connection.destroy();
    await listener.close();
  });
  return { listener, apple, stomp, refusals, address: listener.uri.replace(/^.*\/\//, '') };
}

/** Somebody else's WebSocket, open. */
async function opened(
  address: string,
  subprotocols: string[] = ['v12.stomp'],
  options: ClientOptions = {},
): Promise<WebSocket> {
  const webSocket = new WebSocket(`ws://${address}/`, subprotocols, options);
  cleanups.push(() => {
    webSocket.terminate();
  });
  await once(webSocket, 'open');
  return webSocket;
}

/** The status that an upgrade is answered with, and the text that says why. */
async function refusedWith(
  address: string,
  subprotocols: string[],
  options: ClientOptions = {},
): Promise<string> {
  const webSocket = new WebSocket(`ws://${address}/`, subprotocols, options);
  return new Promise((resolve) => {
    webSocket.on('error', () => undefined);
    webSocket.on('unexpected-response', (_request, response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => {
        resolve(`${response.statusCode} ${text}`);
        webSocket.terminate();
      });
    });
  });
}

async function closeCode(webSocket: WebSocket): Promise<number> {
  return new Promise((resolve) => {
    webSocket.once('close', resolve);
  });
}

async function until(condition: () => boolean): Promise<void> {
  await vi.waitUntil(condition, { timeout: 5000, interval: 1 });
}

describe('an upgrade', () => {
  test.each(['ws', 'tcp'])('works on a %s: port, by the offered sub-protocol', async (scheme) => {
    const { apple, stomp, address } = await served(scheme);
    const first = await opened(address, ['apple']);
    const second = await opened(address, ['v10.stomp', 'v11.stomp']);
    expect([first.protocol, second.protocol]).toEqual(['apple', 'v11.stomp']);
    expect(apple.peers[0]?.connection.subprotocol).toBe('apple');
    expect(stomp.peers[0]?.connection.subprotocol).toBe('v11.stomp');
    expect(stomp.peers[0]?.connection.remoteAddress).toMatch(/^ws:\/\/127\.0\.0\.1:\d+$/);
  });

  test('takes the best sub-protocol, not the first offered', async () => {
    const { address } = await served();
    expect((await opened(address, ['v11.stomp', 'v12.stomp'])).protocol).toBe('v12.stomp');
  });

  test('without a sub-protocol reaches the protocol that is for such peers', async () => {
    const { stomp, address } = await served();
    expect((await opened(address, [])).protocol).toBe('');
    expect(stomp.peers).toHaveLength(1);
  });

  test('to unknown sub-protocols is refused with the known ones', async () => {
    const { address, refusals } = await served();
    expect(await refusedWith(address, ['mqtt'])).toMatch(
      /^400 .*mqtt; known are apple, v12\.stomp, v11\.stomp/,
    );
    expect(refusals).toEqual([expect.stringMatching(/^BATON_PROTOCOL/)]);
  });

  test('that never ends is closed by the deadline', async () => {
    const { address, refusals } = await served('tcp', { protocolDetectionTimeOut: 100 });
    const socket = await rawSocket(`tcp://${address}`);
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n');
    await ended(socket);
    expect(refusals).toEqual([expect.stringMatching(/^BATON_TIMEOUT/)]);
  });

  test('with endless headers is refused', async () => {
    const { address, refusals } = await served();
    const socket = await rawSocket(`tcp://${address}`);
    const answer = received(socket);
    socket.write(`GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n`);
    await ended(socket);
    expect(answer()).toMatch(/^HTTP\/1\.1 431 /);
    expect(refusals).toHaveLength(1);
  });

  test.each([
    ['GET / HTTP/1.1\r\nHost: x\r\n\r\n', /^HTTP\/1\.1 426 .*upgrade: websocket/is],
    ['GET / NONSENSE\r\n\r\n', /^HTTP\/1\.1 400 /],
    [
      'GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Protocol: apple\r\n\r\n',
      /^HTTP\/1\.1 400 /,
    ],
  ])('that is none is answered and closed: %j', async (request, answerIs) => {
    const { address, apple } = await served('tcp');
    const socket = await rawSocket(`tcp://${address}`);
    const answer = received(socket);
    socket.write(request);
    await ended(socket);
    expect(answer()).toMatch(answerIs);
    expect(apple.peers).toEqual([]);
  });
});

describe('origins', () => {
  test.each([
    [undefined, 'https://evil.example', false],
    [undefined, 'http://localhost:8080', true],
    [undefined, 'http://localhost.evil.example', false],
    ['https://app.example', 'https://app.example', true],
    ['https://app.example', 'http://localhost', false],
    ['https://app.example,https://b.example', 'https://B.example', true],
    ['*', 'https://evil.example', true],
  ])('with allowedOrigins %s a page of %s is let in: %s', async (allowed, origin, isLetIn) => {
    const { address } = await served(
      'ws',
      allowed === undefined ? {} : { allowedOrigins: allowed },
    );
    if (isLetIn) await opened(address, ['apple'], { origin });
    else expect(await refusedWith(address, ['apple'], { origin })).toMatch(/^403 .*allowedOrigins/);
  });

  test('must be written as browsers write them', async () => {
    await expect(served('ws', { allowedOrigins: 'app.example/x' })).rejects.toMatchObject({
      code: 'BATON_INVALID_OPTION',
    });
  });
});

describe('messages', () => {
  test('arrive as one stream, text or binary, whole or in fragments', async () => {
    const { stomp, address } = await served();
    const webSocket = await opened(address);
    webSocket.send('one ');
    webSocket.send(Buffer.from('two '), { binary: true });
    webSocket.send('th', { fin: false });
    webSocket.send('r', { fin: false });
    webSocket.send('ee', { fin: true });
    await until(() => stomp.peers[0]?.text === 'one two three');
  });

  test('go out as text where they are text, and as binary where they are not', async () => {
    const { stomp, address } = await served();
    const webSocket = await opened(address);
    const messages: [string, boolean][] = [];
    webSocket.on('message', (data: Buffer, isBinary) => {
      messages.push([data.toString('latin1'), isBinary]);
    });
    const peer = present(stomp.peers[0], 'the peer at the listener');
    peer.send('MESSAGE\n\n', 'grüß\0');
    await until(() => messages.length === 1);
    peer.send(Buffer.from([0xff, 0x00]));
    await until(() => messages.length === 2);
    expect(messages).toEqual([
      [Buffer.from('MESSAGE\n\ngrüß\0').toString('latin1'), false],
      ['\u00ff\0', true],
    ]);
  });

  test('of one turn leave in one write, however many they are', async () => {
    const { stomp, address } = await served();
    const webSocket = await opened(address);
    let count = 0;
    webSocket.on('message', () => (count += 1));
    const peer = present(stomp.peers[0], 'the peer at the listener');
    const many = vi.spyOn(Socket.prototype as Socket & { _writev: () => void }, '_writev');
    const piece = Buffer.alloc(20_000, 'x');
    peer.send(piece, piece, piece);
    await until(() => count === 3);
    expect(many).toHaveBeenCalledTimes(1);
  });

  test('longer than the limit close the connection with code 1009', async () => {
    const { stomp, address } = await served('ws', { webSocketMessageBytesMax: 2048 });
    const webSocket = await opened(address);
    webSocket.send('x'.repeat(2049));
    expect(await closeCode(webSocket)).toBe(1009);
    await until(() => stomp.peers[0]?.closedErrors.length === 1);
    expect(stomp.peers[0]?.text).toBe('');
    expect(stomp.peers[0]?.closedErrors[0]?.message).toMatch(/payload/i);
  });

  test('of a peer that has not logged in are limited, whether it ends them or not', async () => {
    const { stomp, address } = await served();
    const webSocket = await opened(address);
    webSocket.send('x'.repeat(70_000), { fin: false });
    await until(() => stomp.peers[0]?.closedErrors.length === 1);
    expect(stomp.peers[0]?.closedErrors[0]).toMatchObject({ code: 'BATON_LIMIT' });
  });

  test('are no longer limited to little once it has logged in', async () => {
    const { stomp, address } = await served();
    const webSocket = await opened(address);
    stomp.peers[0]?.connection.peerLoggedIn?.();
    webSocket.send('x'.repeat(200_000));
    await until(() => stomp.peers[0]?.text.length === 200_000);
  });

  test('that are no WebSocket frames end the connection with an error', async () => {
    const { stomp, address } = await served();
    const socket = await rawSocket(`tcp://${address}`);
    const answer = received(socket);
    socket.write(
      'GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: v12.stomp\r\n\r\n',
    );
    await until(() => answer().startsWith('HTTP/1.1 101'));
    // An unmasked frame: clients must mask theirs (RFC 6455, 5.1).
    socket.write(Buffer.from([0x81, 0x01, 0x41]));
    await ended(socket);
    await until(() => stomp.peers[0]?.closedErrors.length === 1);
    expect(stomp.peers[0]?.closedErrors[0]).toBeInstanceOf(Error);
  });
});

describe('the end', () => {
  test('says what is left, then good-bye, and both sides learn of it once', async () => {
    const { stomp, address } = await served();
    const webSocket = await opened(address);
    let text = '';
    webSocket.on('message', (data: Buffer) => (text += data.toString()));
    const peer = present(stomp.peers[0], 'the peer at the listener');
    peer.send('last words');
    const code = closeCode(webSocket);
    await peer.connection.close();
    expect(await code).toBe(1000);
    expect(text).toBe('last words');
    expect(peer.closedErrors).toEqual([undefined]);
  });

  test('of a peer that answers no ping comes by itself', async () => {
    const { stomp, address } = await served('ws', { webSocketPingIntervalMs: 30 });
    const silent = await opened(address, ['v12.stomp'], { autoPong: false });
    const lively = await opened(address, ['v11.stomp']);
    await closeCode(silent);
    const [first, second] = stomp.peers;
    await until(() => first?.closedErrors.length === 1);
    expect(lively.readyState).toBe(WebSocket.OPEN);
    expect(second?.closedErrors).toEqual([]);
  });

  test('does not come to one that could not answer because nothing is read from it', async () => {
    const { stomp, address } = await served('ws', { webSocketPingIntervalMs: 20 });
    const webSocket = await opened(address);
    const peer = present(stomp.peers[0], 'the peer at the listener');
    peer.connection.pause();
    const pings = vi.fn();
    webSocket.on('ping', pings);
    const other = await opened(address);
    let otherPings = 0;
    other.on('ping', () => (otherPings += 1));
    await until(() => otherPings >= 4);
    expect(peer.closedErrors).toEqual([]);
    peer.connection.resume();
    webSocket.send('still here');
    await until(() => peer.text === 'still here');
  });
});

describe('back-pressure', () => {
  test('a peer that does not read makes the sender congested, and drains it when it reads on', async () => {
    const { stomp, address } = await served();
    const webSocket = await opened(address);
    const peer = present(stomp.peers[0], 'the peer at the listener');
    webSocket.pause();
    const drained = vi.spyOn(peer, 'drained');
    while (!peer.connection.isCongested) {
      peer.send(Buffer.alloc(256 * 1024));
      await new Promise(setImmediate);
    }
    expect(drained).not.toHaveBeenCalled();
    webSocket.resume();
    await until(() => drained.mock.calls.length === 1);
    expect(peer.connection.isCongested).toBe(false);
  });
});

describe('our own dialler', () => {
  test('speaks binary over ws: to a protocol that is no text', async () => {
    const { apple, address } = await served('tcp');
    const peer = new RecordingPeer(await dial(`ws://${address}`, { subprotocols: ['apple'] }));
    expect(peer.connection.subprotocol).toBe('apple');
    const bytes = Buffer.from([0xff, 0x00, 0x80]);
    peer.send(bytes, bytes);
    await until(() => Buffer.concat(peer.chunks).length === 6);
    expect(Buffer.concat(peer.chunks)).toEqual(Buffer.concat([bytes, bytes]));
    await peer.connection.close();
    await until(() => apple.peers[0]?.closedErrors.length === 1);
    expect(apple.peers[0]?.closedErrors).toEqual([undefined]);
  });

  test('loses no byte that arrives before it is started', async () => {
    const { apple, address } = await served('tcp');
    const dialled = dial(`ws://${address}/some/path`, { subprotocols: ['apple'] });
    await until(() => apple.peers.length === 1);
    apple.peers[0]?.send('early');
    const peer = new RecordingPeer(await dialled);
    await until(() => peer.text === 'early');
    peer.connection.destroy();
  });

  test('speaks wss: and proves who it is', async () => {
    await using files = await testCertificates();
    const ca = await readFile(files.ca, 'utf8');
    const tls = { ...(await certificateText(files.server)), ca };
    const { apple, address } = await served('wss', { tls, wantClientAuth: true });
    const client = { ...(await certificateText(files.client)), ca };
    const peer = new RecordingPeer(
      await dial(`wss://${address}`, { subprotocols: ['apple'], tls: client }),
    );
    expect(peer.connection.remoteAddress).toBe(`wss://${address}`);
    peer.send('over TLS');
    await until(() => peer.text === 'over TLS');
    expect(apple.peers[0]?.connection.certificateSubject).toMatch(/^CN=order service/);
    peer.connection.destroy();
  });

  test('reports a refused upgrade, and a listener that does not answer', async () => {
    const { address } = await served();
    await expect(dial(`ws://${address}`, { subprotocols: ['mqtt'] })).rejects.toMatchObject({
      code: 'BATON_DISCONNECTED',
      message: expect.stringMatching(/400/) as string,
    });
    const silent = await serve('apple://127.0.0.1:0', [
      {
        name: 'apple',
        recognises: () => true,
        accept: (connection) => {
          new RecordingPeer(connection);
        },
      },
    ]);
    cleanups.push(() => silent.close());
    const uri = silent.uri.replace('apple', 'ws');
    await expect(dial(uri, { timeoutMs: 50 })).rejects.toMatchObject({ code: 'BATON_TIMEOUT' });
  });
});
