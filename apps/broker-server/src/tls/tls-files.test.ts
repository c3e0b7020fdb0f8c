import { copyFile, writeFile } from 'node:fs/promises';
import { silentLogger, type Logger } from '@batonmq/runtime';
import { SimClock } from '@batonmq/runtime/sim';
import { testCertificates, type TestCertificates } from '@batonmq/services';
import type { TlsIdentity } from '@batonmq/transport';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { TlsFiles } from './tls-files.ts';
import { resolveTlsOptions, tlsProblem } from './tls-options.ts';

let files: TestCertificates;
let certificate: string;
let key: string;
beforeAll(async () => {
  files = await testCertificates();
  certificate = `${files.directory}/used.pem`;
  key = `${files.directory}/used.key`;
});
afterAll(() => files[Symbol.asyncDispose]());
beforeEach(async () => {
  await copyFile(files.server.certificate, certificate);
  await copyFile(files.server.key, key);
});

function watched(clock: SimClock, logger: Logger = silentLogger): TlsIdentity[] {
  const renewals: TlsIdentity[] = [];
  new TlsFiles({ certificate, key }, clock, logger).watch((identity) => renewals.push(identity));
  return renewals;
}

test('files that change together are in use ten seconds later', async () => {
  const clock = new SimClock();
  const renewals = watched(clock);
  await clock.runUntilIdle(30_000);
  expect(renewals).toEqual([]);
  await copyFile(files.client.certificate, certificate);
  await copyFile(files.client.key, key);
  await clock.runUntilIdle(10_000);
  expect(renewals).toHaveLength(1);
  await clock.runUntilIdle(30_000);
  expect(renewals).toHaveLength(1);
});

test('a certificate that came without its key is not used until the key is there', async () => {
  const clock = new SimClock();
  const warnings: string[] = [];
  const renewals = watched(clock, {
    ...silentLogger,
    log: (level, message) => warnings.push(`${level} ${message}`),
  });
  await copyFile(files.client.certificate, certificate);
  await clock.runUntilIdle(10_000);
  expect(renewals).toEqual([]);
  expect(warnings).toEqual([expect.stringMatching(/^warn .*the old ones stay/)]);
  await copyFile(files.client.key, key);
  await clock.runUntilIdle(10_000);
  expect(renewals).toHaveLength(1);
});

test.each([
  ['a file that is not there', 'none.pem', /tls\.certificate: .*ENOENT/],
  ['a file that is no certificate', 'text.pem', /cannot be used/],
])('%s is a mistake at the start', async (_what, name, message) => {
  await writeFile(`${files.directory}/text.pem`, 'no certificate');
  const options = { certificate: `${files.directory}/${name}`, key };
  expect(() => new TlsFiles(options, new SimClock(), silentLogger)).toThrow(
    expect.objectContaining({
      code: 'BATON_INVALID_OPTION',
      message: expect.stringMatching(message) as string,
    }),
  );
});

test('options are judged one by one and together', () => {
  expect(() =>
    resolveTlsOptions({ clientCertificates: 'always', minVersion: 'SSLv3', x: 1 } as never),
  ).toThrow(/clientCertificates is always; none or wanted.*minVersion is SSLv3.*x is unknown/);
  expect(tlsProblem({ certificate: 'a' })).toMatch(/both/);
  expect(tlsProblem({ certificate: 'a', key: 'b' })).toBeUndefined();
  expect(tlsProblem({})).toBeUndefined();
});
