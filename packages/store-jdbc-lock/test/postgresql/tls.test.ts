import {
  postgresQuery,
  startPostgres,
  temporaryDirectory,
  testCertificates,
} from '@batonmq/services';
import { chmod, chown, copyFile, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { ServerTls } from '../../src/database/server-tls.ts';
import { databaseOn, rowsOf } from './postgresql-place.ts';

test('a connection is encrypted, and made only with the server that is wanted', async () => {
  await using certificates = await testCertificates();
  await using directory = await temporaryDirectory();
  await using server = await startPostgres({ directory: directory.path });
  const data = join(directory.path, 'data');
  const { uid, gid } = await stat(data);
  const { certificate, key } = certificates.server;
  for (const [from, name] of [
    [certificate, 'server.crt'],
    [key, 'server.key'],
  ] as const) {
    await copyFile(from, join(data, name));
    await chown(join(data, name), uid, gid);
    await chmod(join(data, name), 0o600);
  }
  await postgresQuery(server, 'alter system set ssl = on');
  await postgresQuery(server, 'select pg_reload_conf()');
  while ((await postgresQuery(server, 'show ssl')) !== 'on');

  const databaseWith = (tls: ServerTls | undefined) => databaseOn([server.port], { tls });
  const isEncrypted = async (tls: ServerTls | undefined) => {
    const session = await databaseWith(tls).connect('work');
    const sql = 'select ssl::int as is_encrypted from pg_stat_ssl where pid = pg_backend_pid()';
    const [row] = await rowsOf(session, sql);
    session.destroy();
    return row?.['is_encrypted'] === 1;
  };
  const ca = await readFile(certificates.ca, 'utf8');
  expect(await isEncrypted({ isVerified: true, ca })).toBe(true);
  expect(await isEncrypted({ isVerified: false })).toBe(true);
  expect(await isEncrypted(undefined)).toBe(false);
  const unknown = databaseWith({ isVerified: true });
  const error: unknown = await unknown.connect('work').catch((reason: unknown) => reason);
  expect(unknown.failureOf(error)).toBe('fatal');
});
