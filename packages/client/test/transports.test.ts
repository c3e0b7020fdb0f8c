import { readFile } from 'node:fs/promises';
import { createMemorySpace, type MemorySpace } from '@batonmq/store-memory';
import {
  certificateText,
  freePorts,
  testCertificates,
  type TestCertificates,
} from '@batonmq/services';
import type { TlsIdentity } from '@batonmq/transport';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect, type ConnectOptions } from '../src/index.ts';
import { TestBroker } from './test-broker.ts';

let files: TestCertificates;
let identity: TlsIdentity;
beforeAll(async () => {
  files = await testCertificates();
  identity = {
    ...(await certificateText(files.server)),
    ca: await readFile(files.ca, 'utf8'),
  };
});
afterAll(() => files[Symbol.asyncDispose]());

interface Serving extends AsyncDisposable {
  readonly port: number;
}

async function broker(
  options: { needClientAuth?: boolean; port?: number; space?: MemorySpace } = {},
): Promise<Serving & { vanish(): Promise<void>; readonly listening: Promise<void> }> {
  const { port = (await freePorts(1))[0] ?? 0, space = createMemorySpace(), ...auth } = options;
  const served = new TestBroker(space, `at-${port}`, port, { tls: identity, ...auth });
  await served.start();
  return {
    port,
    listening: served.listening,
    vanish: () => served.vanish(),
    [Symbol.asyncDispose]: () => served[Symbol.asyncDispose](),
  };
}

/** Sends a message through `uri` and receives it again. */
async function roundTrip(uri: string, options: ConnectOptions = {}): Promise<void> {
  await using connection = await connect(uri, { connectTimeoutMs: 5_000, ...options });
  const producer = await connection.createProducer('queue://round');
  const text = `through ${uri.split('?')[0] ?? ''}`;
  await producer.send(text);
  const consumer = await connection.createConsumer('queue://round');
  const message = await consumer.receive({ timeoutMs: 5_000 });
  expect(message?.text).toBe(text);
}

describe('a connection', () => {
  test.each(['ssl', 'wss'])('over %s: trusts the authority that the URI names', async (scheme) => {
    await using served = await broker();
    await served.listening;
    await roundTrip(`${scheme}://127.0.0.1:${served.port}?ca=${files.ca}`);
  });

  test('over ws: works on the port of all others', async () => {
    await using served = await broker();
    await served.listening;
    await roundTrip(`ws://127.0.0.1:${served.port}`);
    await roundTrip(`ws://127.0.0.1:${served.port}/behind/a/proxy`);
  });

  test('shows its certificate, from files or as text', async () => {
    await using served = await broker({ needClientAuth: true });
    await served.listening;
    const { certificate, key } = files.client;
    const uri = `ssl://localhost:${served.port}`;
    await roundTrip(`${uri}?ca=${files.ca}&cert=${certificate}&key=${key}`);
    const tls = { ...(await certificateText(files.client)), ca: identity.ca ?? '' };
    await roundTrip(uri, { tls });
    await expect(connect(`${uri}?ca=${files.ca}`)).rejects.toMatchObject({
      code: 'BATON_DISCONNECTED',
    });
  });

  test('is refused where nobody trusted vouches for the broker', async () => {
    await using served = await broker();
    await served.listening;
    await expect(connect(`ssl://127.0.0.1:${served.port}`)).rejects.toMatchObject({
      code: 'BATON_DISCONNECTED',
      message: expect.stringMatching(/certificate/) as string,
    });
  });

  test('checks the name of the broker unless told otherwise', async () => {
    await using served = await broker();
    await served.listening;
    const uri = `ssl://127.0.0.1:${served.port}?ca=${files.ca}`;
    await roundTrip(`${uri}&servername=localhost`);
    await expect(connect(`${uri}&servername=other.example`)).rejects.toMatchObject({
      code: 'BATON_DISCONNECTED',
    });
    await roundTrip(`${uri}&servername=other.example&verifyHostName=false`);
    await roundTrip(`${uri}&servername=other.example&socket.verifyHostName=false`);
  });

  test('names the file that it cannot read', async () => {
    await expect(connect('ssl://127.0.0.1:1?ca=/nowhere/ca.pem')).rejects.toMatchObject({
      message: expect.stringMatching(/"ca" cannot be read.*nowhere/) as string,
    });
  });

  test.each(['ssl', 'wss'])('over failover: and %s: goes on at the next broker', async (scheme) => {
    const space = createMemorySpace();
    const [first = 0, second = 0] = await freePorts(2);
    const active = await broker({ port: first, space });
    await active.listening;
    await using standby = await broker({ port: second, space });
    const uris = [first, second].map((port) => `${scheme}://127.0.0.1:${port}`).join();
    await using connection = await connect(`failover:(${uris})?nested.ca=${files.ca}`);
    const producer = await connection.createProducer('queue://kept');
    await producer.send('before');
    await active.vanish();
    await standby.listening;
    await producer.send('after');
    const consumer = await connection.createConsumer('queue://kept');
    const texts = [await consumer.receive(), await consumer.receive()].map((one) => one?.text);
    expect(texts).toEqual(['before', 'after']);
  });
});

test('TLS options are for transports with TLS', async () => {
  await expect(connect('tcp://127.0.0.1:1?ca=/ca.pem')).rejects.toMatchObject({
    code: 'BATON_INVALID_OPTION',
  });
});
