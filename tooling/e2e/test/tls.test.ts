import { copyFile, writeFile } from 'node:fs/promises';
import { connect, type PeerCertificate } from 'node:tls';
import { fileURLToPath } from 'node:url';
import {
  compileJava,
  freePort,
  javaKeyStore,
  javaTrustStore,
  runBatonMq,
  runJava,
  startBatonMq,
  testCertificates,
  type BatonMq,
  type TestCertificates,
} from '@batonmq/services';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const SOURCE = fileURLToPath(new URL('../java/JmsTls.java', import.meta.url));
const PASSWORD = 'secret';

let files: TestCertificates;
let broker: BatonMq;
let tlsPort: number;
let needingPort: number;
let certificate: string;
let key: string;
let trust: string;

beforeAll(async () => {
  files = await testCertificates();
  trust = await javaTrustStore(files, PASSWORD);
  [tlsPort, needingPort] = [await freePort(), await freePort()];
  certificate = `${files.directory}/used.pem`;
  key = `${files.directory}/used.key`;
  await copyFile(files.server.certificate, certificate);
  await copyFile(files.server.key, key);
  const config = `${files.directory}/batonmq.yaml`;
  await writeFile(config, JSON.stringify({ tls: { certificate, key, ca: files.ca } }));
  broker = await startBatonMq({
    name: 'tls',
    store: 'memory:',
    config,
    alsoListen: [
      `ssl://127.0.0.1:${tlsPort}`,
      `ssl://127.0.0.1:${needingPort}?transport.needClientAuth=true`,
    ],
  });
  await broker.becomes('active');
});
afterAll(async () => {
  await broker[Symbol.asyncDispose]();
  await files[Symbol.asyncDispose]();
});

describe('the Java client', () => {
  /** What it says to each URI. */
  async function said(uris: readonly string[], properties: readonly string[]): Promise<string[]> {
    const lines: string[] = [];
    await using run = runJava(await compileJava(SOURCE), uris, {
      javaArgs: [
        `-Djavax.net.ssl.trustStore=${trust}`,
        `-Djavax.net.ssl.trustStorePassword=${PASSWORD}`,
        ...properties,
      ],
      onLine: (line) => {
        if (/^(ok|failed) /.test(line)) lines.push(line);
      },
    });
    await run.exited;
    return lines;
  }

  test('connects over ssl:, alone and with failover:, and over tcp: to the same broker', async () => {
    const uris = [
      `ssl://127.0.0.1:${tlsPort}`,
      `ssl://localhost:${broker.port}`,
      `failover:(ssl://127.0.0.1:${tlsPort})`,
      `tcp://127.0.0.1:${broker.port}`,
    ];
    expect(await said(uris, [])).toEqual(uris.map((uri) => `ok ${uri}`));
  });

  test('is let in with its certificate where one is needed, and not without', async () => {
    const uri = `ssl://127.0.0.1:${needingPort}`;
    const keys = await javaKeyStore(files, files.client, PASSWORD);
    const properties = [
      `-Djavax.net.ssl.keyStore=${keys}`,
      `-Djavax.net.ssl.keyStorePassword=${PASSWORD}`,
    ];
    expect(await said([uri], properties)).toEqual([`ok ${uri}`]);
    expect(await said([uri], [])).toEqual([expect.stringMatching(/^failed ssl:/)]);
  });
});

test('the program’s own commands get through under TLS and over WebSocket', async () => {
  const tls = `ca=${files.ca}&cert=${files.client.certificate}&key=${files.client.key}`;
  const uris = [
    `ssl://127.0.0.1:${needingPort}?${tls}`,
    `wss://127.0.0.1:${tlsPort}?ca=${files.ca}`,
    `ws://127.0.0.1:${broker.port}`,
  ];
  for (const uri of uris) {
    await using produce = runBatonMq(['produce', '--url', uri, '--count', '3']);
    await produce.succeeded();
  }
});

test('a renewed certificate is shown within its ten seconds, and its clients stay', async () => {
  const issued = await files.issue('renewed', 'DNS:localhost,IP:127.0.0.1');
  const old = connect({ host: '127.0.0.1', port: tlsPort, rejectUnauthorized: false });
  await copyFile(issued.key, key);
  await copyFile(issued.certificate, certificate);
  await expect.poll(() => shownName(tlsPort), { timeout: 20_000, interval: 200 }).toBe('renewed');
  expect(old.destroyed).toBe(false);
  old.destroy();
});

/** The common name of the certificate that a port shows. */
async function shownName(port: number): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false });
  await new Promise((resolve) => socket.once('secureConnect', resolve));
  const shown: PeerCertificate = socket.getPeerCertificate();
  socket.destroy();
  return String(shown.subject.CN);
}
