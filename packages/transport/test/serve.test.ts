import type { Socket } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { checkListenUri, serve, type Listener, type ServeOptions } from '../src/index.ts';
import { EchoProtocol, ended, rawSocket, received } from './peers.ts';

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Served {
  readonly listener: Listener;
  readonly apple: EchoProtocol;
  readonly pear: EchoProtocol;
  readonly refusals: string[];
}

async function served(uri = 'tcp://127.0.0.1:0', options: ServeOptions = {}): Promise<Served> {
  const apple = new EchoProtocol('apple', 'APPLE');
  const pear = new EchoProtocol('pear', 'PEAR\n');
  const refusals: string[] = [];
  const listener = await serve(uri, [apple, pear], {
    refused: (reason) => refusals.push(`${reason.code} ${reason.message}`),
    ...options,
  });
  cleanups.push(async () => {
    for (const { connection } of [...apple.peers, ...pear.peers]) connection.destroy();
    await listener.close();
  });
  return { listener, apple, pear, refusals };
}

async function socketTo(listener: Listener): Promise<Socket> {
  const socket = await rawSocket(listener.uri);
  cleanups.push(() => {
    socket.destroy();
  });
  return socket;
}

async function until(condition: () => boolean): Promise<void> {
  await vi.waitUntil(condition, { timeout: 5000, interval: 1 });
}

describe('one port for several protocols', () => {
  test('each peer reaches the protocol it begins with, and no byte is lost or doubled', async () => {
    const { listener, apple, pear } = await served();
    const [first, second] = [await socketTo(listener), await socketTo(listener)];
    const [fromFirst, fromSecond] = [received(first), received(second)];
    first.write('APPLE pie');
    second.write('PEAR\ntree');
    await until(() => fromFirst() === 'APPLE pie' && fromSecond() === 'PEAR\ntree');
    first.write(' and more');
    await until(() => fromFirst() === 'APPLE pie and more');
    expect(apple.peers).toHaveLength(1);
    expect(pear.peers).toHaveLength(1);
  });

  test('a peer that sends byte by byte is recognised when its bytes suffice', async () => {
    const { listener, pear } = await served();
    const socket = await socketTo(listener);
    socket.setNoDelay(true);
    for (const letter of 'PEAR\n') {
      expect(pear.peers).toEqual([]);
      socket.write(letter);
      await new Promise(setImmediate);
    }
    socket.write('x');
    await until(() => pear.peers[0]?.text === 'PEAR\nx');
  });

  test('what follows the first bytes at once arrives after them', async () => {
    const { listener, apple } = await served();
    const socket = await socketTo(listener);
    const rest = Buffer.alloc(1024 * 1024, 'x');
    socket.write('APPLE');
    socket.write(rest);
    await until(() => apple.peers[0]?.text.length === 5 + rest.length);
    expect(apple.peers[0]?.text).toBe(`APPLE${rest.toString()}`);
  });

  test('a peer that says all and goes at once is heard', async () => {
    const { listener, apple } = await served();
    const socket = await socketTo(listener);
    socket.end('APPLE');
    await until(() => apple.peers[0]?.closedErrors.length === 1);
    expect(apple.peers[0]?.text).toBe('APPLE');
  });

  test('the scheme of one protocol serves it alone and waits for no first byte', async () => {
    const { listener, apple, pear } = await served('apple://127.0.0.1:0');
    expect(listener.uri).toMatch(/^apple:\/\/127\.0\.0\.1:\d+$/);
    const socket = await rawSocket(listener.uri.replace('apple', 'tcp'));
    await until(() => apple.peers.length === 1);
    socket.end('PEAR\n');
    await until(() => apple.peers[0]?.text === 'PEAR\n');
    expect(pear.peers).toEqual([]);
  });
});

describe('peers that nobody knows', () => {
  test('garbage is closed at once and named in the reason', async () => {
    const { listener, refusals } = await served();
    const socket = await socketTo(listener);
    socket.write('\u0000\u0001QUINCE');
    await ended(socket);
    expect(refusals).toEqual([
      expect.stringMatching(
        /^BATON_PROTOCOL tcp:\/\/127.* nothing spoken here begins with "\\u0000\\u0001QUINCE"; spoken are apple, pear, WebSocket$/,
      ),
    ]);
  });

  test('a thousand that say nothing are closed by the deadline', async () => {
    const { listener, refusals } = await served('tcp://127.0.0.1:0?protocolDetectionTimeOut=300');
    const closes: Promise<unknown>[] = [];
    for (let count = 0; count < 1000; count += 1) {
      const socket = await socketTo(listener);
      closes.push(ended(socket));
    }
    await Promise.all(closes);
    expect(refusals).toHaveLength(1000);
    expect(refusals[0]).toMatch(/^BATON_TIMEOUT .* within 300 ms/);
  });

  test('one that says half a word is closed by the deadline too, whatever it trickles', async () => {
    const { listener, refusals } = await served('auto://127.0.0.1:0', {
      protocolDetectionTimeOut: 50,
    });
    const socket = await socketTo(listener);
    socket.write('APP');
    await ended(socket);
    expect(refusals).toHaveLength(1);
  });

  test('beyond their limit the next one is refused, and those that are known do not count', async () => {
    const { listener, apple, refusals } = await served('tcp://127.0.0.1:0?undetectedCountMax=1');
    const known = await socketTo(listener);
    known.write('APPLE');
    await until(() => apple.peers.length === 1);
    const waiting = await socketTo(listener);
    const second = await socketTo(listener);
    await ended(second);
    expect(refusals).toEqual([expect.stringMatching(/^BATON_LIMIT .* 1 peers wait here/)]);
    waiting.write('APPLE');
    await until(() => apple.peers.length === 2);
  });

  test('one that goes without a word leaves room and is no news', async () => {
    const { listener, apple, refusals } = await served('tcp://127.0.0.1:0?undetectedCountMax=1');
    const first = await socketTo(listener);
    first.end();
    await ended(first);
    const second = await socketTo(listener);
    second.write('APPLE');
    await until(() => apple.peers.length === 1);
    expect(refusals).toEqual([]);
  });

  test('closing the listener closes those that have not said what they speak', async () => {
    const { listener } = await served();
    const socket = await socketTo(listener);
    await new Promise(setImmediate);
    await listener.close();
    await ended(socket);
  });
});

describe('listen URIs', () => {
  test.each([
    ['quince://127.0.0.1:1', 'BATON_UNSUPPORTED', /allowed is tcp, auto, ssl.*apple, apple\+ssl/],
    ['tcp://127.0.0.1:1?undetectedCountMax=0', 'BATON_INVALID_OPTION', /undetectedCountMax is 0/],
  ])('%s is refused: %s', (uri, code, text) => {
    expect(() => {
      checkListenUri(uri, ['apple']);
    }).toThrow(expect.objectContaining({ code, message: expect.stringMatching(text) as string }));
  });
});
