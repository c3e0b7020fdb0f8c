import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls';
import {
  certificateText,
  CLIENT_SUBJECT,
  ManagedProcess,
  testCertificates,
  type CertificateText,
  type TestCertificates,
} from '@batonmq/services';
import { present } from '@batonmq/model';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import {
  dial,
  serve,
  type DialOptions,
  type ServedListener,
  type ServeOptions,
  type TlsIdentity,
} from '../src/index.ts';
import { EchoProtocol, ended, rawSocket, received, RecordingPeer } from './peers.ts';

let files: TestCertificates;
let ca: string;
let identity: TlsIdentity;
let client: CertificateText;
let stranger: CertificateText;

beforeAll(async () => {
  files = await testCertificates();
  ca = await readFile(files.ca, 'utf8');
  identity = { ...(await certificateText(files.server)), ca };
  client = await certificateText(files.client);
  stranger = await certificateText(files.stranger);
});
afterAll(() => files[Symbol.asyncDispose]());

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  vi.restoreAllMocks();
});

interface Served {
  readonly listener: ServedListener;
  readonly apple: EchoProtocol;
  readonly pear: EchoProtocol;
  readonly refusals: string[];
  /** `127.0.0.1:port`. */
  readonly address: string;
}

async function served(scheme = 'ssl', query = '', options: ServeOptions = {}): Promise<Served> {
  const apple = new EchoProtocol('apple', 'APPLE');
  const pear = new EchoProtocol('pear', 'PEAR');
  const refusals: string[] = [];
  const listener = await serve(`${scheme}://127.0.0.1:0${query}`, [apple, pear], {
    refused: (reason) => refusals.push(`${reason.code} ${reason.message}`),
    tls: identity,
    ...options,
  });
  cleanups.push(async () => {
    for (const { connection } of [...apple.peers, ...pear.peers]) connection.destroy();
    await listener.close();
  });
  return { listener, apple, pear, refusals, address: listener.uri.replace(/^.*\/\//, '') };
}

/** Our dialler, which sends `text` and waits until it comes back. */
async function echoed(
  uri: string,
  text: string,
  options: DialOptions = {},
): Promise<RecordingPeer> {
  const peer = new RecordingPeer(await dial(uri, { tls: { ca }, ...options }));
  cleanups.push(() => {
    peer.connection.destroy();
  });
  peer.send(text);
  await until(() => peer.text === text);
  return peer;
}

function tlsTo(address: string, options: ConnectionOptions = {}): TLSSocket {
  const port = Number(address.split(':')[1]);
  const socket = connectTls({ host: '127.0.0.1', port, ca, ...options });
  socket.on('error', () => undefined);
  cleanups.push(() => {
    socket.destroy();
  });
  return socket;
}

async function until(condition: () => boolean): Promise<void> {
  await vi.waitUntil(condition, { timeout: 5000, interval: 1 });
}

describe('a port', () => {
  test('for TLS tells the protocols inside apart', async () => {
    const { apple, pear, address } = await served('ssl');
    const peer = await echoed(`ssl://${address}`, 'APPLE pie');
    expect(peer.connection.remoteAddress).toBe(`ssl://${address}`);
    await echoed(`ssl://${address}`, 'PEAR tree');
    expect(apple.peers[0]?.text).toBe('APPLE pie');
    expect(pear.peers[0]?.connection.remoteAddress).toMatch(/^ssl:/);
  });

  test('for everything serves plain and TLS peers side by side', async () => {
    const { apple, address } = await served('tcp');
    await echoed(`tcp://${address}`, 'APPLE one');
    await echoed(`ssl://${address}`, 'APPLE two');
    expect(apple.peers.map((peer) => peer.connection.remoteAddress)).toEqual([
      expect.stringMatching(/^tcp:/),
      expect.stringMatching(/^ssl:/),
    ]);
  });

  test('for one protocol under TLS asks nothing more', async () => {
    const { apple, address } = await served('apple+ssl');
    await echoed(`ssl://${address}`, 'quince');
    expect(apple.peers).toHaveLength(1);
  });

  test('for TLS alone closes a plain peer', async () => {
    const { address, refusals } = await served('ssl');
    const socket = await rawSocket(`tcp://${address}`);
    socket.write('APPLE');
    await ended(socket);
    expect(refusals).toEqual([expect.stringMatching(/^BATON_PROTOCOL .*TLS handshake failed/)]);
  });

  test('whose TLS peer speaks nothing known closes it', async () => {
    const { address, refusals } = await served('tcp');
    const socket = tlsTo(address);
    socket.write('QUINCE');
    await ended(socket);
    expect(refusals).toEqual([expect.stringMatching(/^BATON_PROTOCOL .* begins with "QUINCE"/)]);
  });

  test('takes a handshake that arrives byte by byte on a port for everything', async () => {
    const { apple, address } = await served('tcp');
    const raw = await rawSocket(`tcp://${address}`);
    const socket = connectTls({ socket: slowly(raw), ca, servername: 'localhost' });
    cleanups.push(() => {
      socket.destroy();
      raw.destroy();
    });
    const text = received(socket);
    socket.write('APPLE');
    await until(() => text() === 'APPLE');
    expect(apple.peers).toHaveLength(1);
  });

  test('for TLS without a certificate cannot be opened', async () => {
    const attempt = serve('ssl://127.0.0.1:0', [], {});
    await expect(attempt).rejects.toMatchObject({
      code: 'BATON_INVALID_OPTION',
      message: expect.stringMatching(/needs a TLS certificate/) as string,
    });
  });

  test('whose key is not that of its certificate cannot be opened', async () => {
    const tls = { ...identity, key: client.key };
    await expect(serve('ssl://127.0.0.1:0', [], { tls })).rejects.toMatchObject({
      code: 'BATON_INVALID_OPTION',
      message: expect.stringMatching(/key/i) as string,
    });
  });

  test('speaks no version below the least that is set', async () => {
    const { address, refusals } = await served('ssl', '', {
      tls: { ...identity, minVersion: 'TLSv1.3' },
    });
    const socket = tlsTo(address, { maxVersion: 'TLSv1.2' });
    await ended(socket);
    expect(refusals).toEqual([expect.stringMatching(/handshake failed/)]);
  });
});

describe('peers that never finish', () => {
  test('a handshake that stops half-way is closed by the deadline', async () => {
    const { address, refusals } = await served('ssl', '?protocolDetectionTimeOut=100');
    const socket = await rawSocket(`tcp://${address}`);
    socket.write(Buffer.from([0x16, 3, 1, 2, 0, 1]));
    await ended(socket);
    expect(refusals).toEqual([expect.stringMatching(/^BATON_TIMEOUT .* within 100 ms/)]);
  });

  test('handshakes count among those that wait, and finished ones leave room', async () => {
    const { address, refusals, apple } = await served('ssl', '?undetectedCountMax=1');
    await echoed(`ssl://${address}`, 'APPLE');
    const slow = await rawSocket(`tcp://${address}`);
    slow.write(Buffer.from([0x16]));
    const second = await rawSocket(`tcp://${address}`);
    await ended(second);
    expect(refusals).toEqual([expect.stringMatching(/^BATON_LIMIT/)]);
    slow.destroy();
    await until(() => apple.peers.length === 1);
    await vi.waitFor(() => echoed(`ssl://${address}`, 'APPLE'));
  });

  test('a peer that is silent after its handshake is closed by the same deadline', async () => {
    const { address, refusals } = await served('ssl', '?protocolDetectionTimeOut=200');
    const socket = tlsTo(address);
    await once(socket, 'secureConnect');
    await ended(socket);
    expect(refusals).toEqual([expect.stringMatching(/^BATON_TIMEOUT/)]);
  });
});

describe('certificates of clients', () => {
  test('name their owner as RFC 4514 does', async () => {
    const { apple, address } = await served('ssl', '?needClientAuth=true');
    await echoed(`ssl://${address}`, 'APPLE', { tls: { ca, ...client } });
    expect(apple.peers[0]?.connection.certificateSubject).toBe(CLIENT_SUBJECT);
  });

  test.each(['needClientAuth=true', 'transport.needClientAuth=true'])(
    'are demanded with %s: a peer without one is not let in',
    async (option) => {
      const { apple, address, refusals } = await served('ssl', `?${option}`);
      const socket = tlsTo(address);
      await ended(socket);
      expect(apple.peers).toEqual([]);
      expect(refusals).toEqual([expect.stringMatching(/handshake failed.*certificate/)]);
    },
  );

  test('are optional where they are wanted', async () => {
    const { apple, address } = await served('ssl', '?wantClientAuth=true');
    await echoed(`ssl://${address}`, 'APPLE');
    await echoed(`ssl://${address}`, 'APPLE', { tls: { ca, ...client } });
    expect(apple.peers.map(({ connection }) => connection.certificateSubject)).toEqual([
      undefined,
      CLIENT_SUBJECT,
    ]);
  });

  test.each(['needClientAuth', 'wantClientAuth'])(
    'that nobody trusted vouches for are refused with %s',
    async (option) => {
      const { apple, address, refusals } = await served('ssl', `?${option}=true`);
      const socket = tlsTo(address, { cert: stranger.certificate, key: stranger.key });
      await ended(socket);
      expect(apple.peers).toEqual([]);
      expect(refusals).toHaveLength(1);
    },
  );

  test('cannot be demanded where plain peers are let in', async () => {
    await expect(served('tcp', '?needClientAuth=true')).rejects.toMatchObject({
      code: 'BATON_INVALID_OPTION',
    });
  });
});

describe('a renewed certificate', () => {
  test('is shown to new peers, and the old ones stay', async () => {
    const { listener, address } = await served('ssl');
    const old = await echoed(`ssl://${address}`, 'APPLE');
    const issued = await files.issue('renewed', 'DNS:renewed.example');
    listener.renewTls({ ...(await certificateText(issued)), ca });
    await expect(dial(`ssl://${address}`, { tls: { ca } })).rejects.toMatchObject({
      code: 'BATON_DISCONNECTED',
    });
    await echoed(`ssl://${address}`, 'APPLE', { tls: { ca, serverName: 'renewed.example' } });
    old.send('!');
    await until(() => old.text === 'APPLE!');
  });

  test('that is wrong changes nothing', async () => {
    const { listener, address } = await served('ssl');
    expect(() => {
      listener.renewTls({ ...identity, certificate: 'none' });
    }).toThrow(expect.objectContaining({ code: 'BATON_INVALID_OPTION' }));
    await echoed(`ssl://${address}`, 'APPLE');
  });
});

describe('dialling', () => {
  test('fails where no trusted authority vouches for the listener', async () => {
    const { address } = await served('ssl');
    await expect(dial(`ssl://${address}`)).rejects.toMatchObject({
      code: 'BATON_DISCONNECTED',
      message: expect.stringMatching(/certificate/) as string,
    });
  });

  test('checks the host name unless told otherwise', async () => {
    const issued = await files.issue('elsewhere', 'DNS:elsewhere.example');
    const tls = { ...(await certificateText(issued)), ca };
    const { address } = await served('ssl', '', { tls });
    await expect(dial(`ssl://${address}`, { tls: { ca } })).rejects.toMatchObject({
      message: expect.stringMatching(/does not match|altnames/) as string,
    });
    await echoed(`ssl://${address}`, 'APPLE', { tls: { ca, verifyHostName: false } });
  });

  test('gives up a listener that accepts and shakes no hands', async () => {
    const { address } = await served('apple');
    const attempt = dial(`ssl://${address}`, { timeoutMs: 100, tls: { ca } });
    await expect(attempt).rejects.toMatchObject({
      code: expect.stringMatching(/^BATON_(TIMEOUT|DISCONNECTED)$/) as string,
    });
  });

  test('with a key that is none is a mistake of the caller', async () => {
    const attempt = dial('ssl://127.0.0.1:1', { tls: { certificate: 'x', key: 'y' } });
    await expect(attempt).rejects.toMatchObject({ code: 'BATON_INVALID_OPTION' });
  });
});

test('all output of a turn leaves in one write under TLS too', async () => {
  const { apple, address } = await served('ssl');
  const peer = await echoed(`ssl://${address}`, 'APPLE');
  const server = present(apple.peers[0], 'the peer at the listener');
  const many = vi.spyOn(Socket.prototype as Socket & { _writev: () => void }, '_writev');
  for (const text of ['a', 'b', 'c']) server.send(text, text);
  await until(() => peer.text === 'APPLEaabbcc');
  expect(many).toHaveBeenCalledTimes(1);
});

test('openssl s_client gets through', async () => {
  const { apple, address } = await served('tcp');
  await using child = new ManagedProcess('sh', [
    '-c',
    `printf 'APPLE hello' | openssl s_client -connect ${address} -CAfile ${files.ca} -verify_return_error -quiet -no_ign_eof`,
  ]);
  await child.exited;
  expect(apple.peers[0]?.text).toBe('APPLE hello');
});

/** A stream over `raw` whose writes leave byte by byte. */
function slowly(raw: Socket): Duplex {
  raw.setNoDelay(true);
  const stream = new Duplex({
    read: () => raw.resume(),
    write: (chunk: Uint8Array, _encoding, done) => {
      void trickle(raw, chunk).then(() => {
        done();
      });
    },
  });
  raw.on('data', (chunk) => stream.push(chunk));
  return stream;
}

async function trickle(raw: Socket, chunk: Uint8Array): Promise<void> {
  for (const byte of chunk) {
    raw.write(Buffer.from([byte]));
    await new Promise(setImmediate);
  }
}
