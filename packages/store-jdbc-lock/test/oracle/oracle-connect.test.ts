import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import oracledb from 'oracledb';
import { afterEach, describe, expect, test } from 'vitest';
import { loadDriver } from '../../src/database/driver.ts';
import { connectDescriptor, connectToOracle } from '../../src/database/oracle/connect.ts';
import { oracleFailure } from '../../src/database/oracle/failure.ts';
import { oracleDatabase } from '../../src/database/oracle/oracle-database.ts';
import type { ServerOptions } from '../../src/database/server-options.ts';
import { tablesWith } from '../../src/schema/tables.ts';
import { RecordedServer } from './recorded-server.ts';

const TIMEOUT_MS = 300;
const servers: Server[] = [];
const sockets: Socket[] = [];

function optionsFor(...ports: readonly number[]): ServerOptions {
  return {
    hosts: ports.map((port) => ({ host: '127.0.0.1', port })),
    user: 'baton',
    password: 'secret',
    database: 'messages.example',
    connectTimeoutMs: TIMEOUT_MS,
    leaseDurationMs: 1_000,
    tables: tablesWith('baton_'),
  };
}

/** A port where whoever connects meets `onSocket`. */
async function listening(onSocket: (socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    onSocket(socket);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

async function closedPort(): Promise<number> {
  const port = await listening(() => undefined);
  await new Promise((resolve) => servers.pop()?.close(resolve));
  return port;
}

async function errorOf(work: Promise<unknown>): Promise<Error> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof Error) return error;
  throw new Error('it did not fail');
}

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) server.close();
});

describe('over the real driver', () => {
  test('a host where nobody listens can be tried again', async () => {
    const error = await errorOf(oracleDatabase(optionsFor(await closedPort())).connect('work'));
    expect(error.message).toContain('ECONNREFUSED');
    expect(oracleFailure(error)).toBe('disconnected');
  });

  test.each<[string, (socket: Socket) => void]>([
    ['hangs up', (socket) => socket.destroy()],
    ['answers with something else', (socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n')],
    ['answers nothing', () => undefined],
    [
      'answers with a packet of no kind',
      (socket) => socket.write(Buffer.from([0, 8, 0, 0, 99, 0, 0, 0])),
    ],
  ])('a host that %s can be tried again, within the timeout', async (_, onSocket) => {
    const error = await errorOf(
      oracleDatabase(optionsFor(await listening(onSocket))).connect('lock'),
    );
    expect(oracleFailure(error)).toBe('disconnected');
  });

  test('every host is tried, and the error says what became of each', async () => {
    const ports = [await closedPort(), await listening((socket) => socket.destroy())];
    const error = await errorOf(oracleDatabase(optionsFor(...ports)).connect('work'));
    expect(oracleFailure(error)).toBe('disconnected');
    for (const port of ports) expect(error.message).toContain(`127.0.0.1:${port}`);
    expect(error.message).not.toContain('secret');
  });
});

describe('a server', () => {
  const server = (role: string): RecordedServer =>
    new RecordedServer((sql) =>
      sql.includes('sys_context')
        ? { columns: [{ name: 'ROLE', dbType: oracledb.DB_TYPE_VARCHAR }], rows: [[role]] }
        : {},
    );

  test('is set up, and may take long only for work', async () => {
    const primary = server('PRIMARY');
    await connectToOracle(primary.driver, optionsFor(1), 'lock');
    expect(primary.callTimeout).toBe(1_000);
    await connectToOracle(primary.driver, optionsFor(1), 'work');
    expect(primary.callTimeout).toBe(60_000);
    expect(primary.texts.slice(0, 5)).toEqual([
      'alter session set nls_comp = binary',
      'alter session set nls_sort = binary',
      'alter session set commit_logging = immediate',
      'alter session set commit_wait = wait',
      `select sys_context('USERENV', 'DATABASE_ROLE') as role from dual`,
    ]);
  });

  test.each(['PHYSICAL STANDBY', 'LOGICAL STANDBY', 'SNAPSHOT STANDBY'])(
    'that is a %s is passed over',
    async (role) => {
      const standby = server(role);
      let isClosed = false;
      standby.socket.on('close', () => {
        isClosed = true;
      });
      const error = await errorOf(connectToOracle(standby.driver, optionsFor(1), 'work'));
      expect(error.message).toContain(role);
      expect(oracleFailure(error)).toBe('disconnected');
      expect(isClosed).toBe(true);
    },
  );

  test('is named as in tnsnames.ora, encrypted if it is to be', () => {
    const host = { host: 'db', port: 2484 };
    expect(connectDescriptor(host, optionsFor())).toBe(
      '(DESCRIPTION=(CONNECT_TIMEOUT=1)(ADDRESS=(PROTOCOL=TCP)(HOST=db)(PORT=2484))(CONNECT_DATA=(SERVICE_NAME=messages.example)))',
    );
    expect(connectDescriptor(host, { ...optionsFor(), tls: { isVerified: true } })).toContain(
      '(PROTOCOL=TCPS)',
    );
  });
});

test('a driver that is not installed is an error with the command that installs it', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'oracle-driver-'));
  try {
    const module = join(directory, 'loads-the-driver.mjs');
    await writeFile(module, `import 'oracledb';\n`);
    const load = () => import(/* @vite-ignore */ module) as Promise<unknown>;
    await expect(loadDriver('oracledb', load)).rejects.toMatchObject({
      code: 'BATON_INVALID_OPTION',
      message: expect.stringContaining('npm install oracledb') as string,
    });
  } finally {
    await rm(directory, { recursive: true });
  }
});
