import { temporaryDirectory, type TemporaryDirectory } from '@batonmq/services';
import BetterSqlite3 from 'better-sqlite3';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Database } from '../../src/database/database.ts';
import type { Session } from '../../src/database/session.ts';
import { sqliteDatabase } from '../../src/database/sqlite/sqlite-database.ts';
import { buildPackage } from '../fixtures/build-package.ts';
import { A, added, bytes, message } from '../fixtures/records.ts';
import { TableWriter } from '../fixtures/table-writer.ts';

const MIB = 1 << 20;

let directory: TemporaryDirectory;
const sessions: Session[] = [];

beforeAll(buildPackage);

beforeEach(async () => {
  directory = await temporaryDirectory();
});

afterEach(async () => {
  for (const session of sessions.splice(0)) {
    session.destroy();
    await session.ended;
  }
  await directory[Symbol.asyncDispose]();
});

function pathOf(name: string): string {
  return join(directory.path, name);
}

async function connect(database: Database): Promise<Session> {
  const session = await database.connect('work');
  sessions.push(session);
  return session;
}

async function newWriter(): Promise<TableWriter> {
  const database = sqliteDatabase(pathOf('messages.db'));
  return TableWriter.create(database, await connect(database));
}

async function errorOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (error: unknown) => error,
  );
}

test('a commit is answered when it is on the disk, in a log that readers do not wait for', async () => {
  const session = await connect(sqliteDatabase(pathOf('messages.db')));
  const valueOf = async (pragma: string) =>
    Object.values((await session.run({ sql: `pragma ${pragma}`, values: [] })).rows[0] ?? {})[0];
  const FULL = 2;
  expect(await valueOf('synchronous')).toBe(FULL);
  expect(await valueOf('journal_mode')).toBe('wal');
});

test('the file is left as one when all sessions have ended', async () => {
  const writer = await newWriter();
  await writer.write([added(A, 'queue://A')]);
  expect(existsSync(pathOf('messages.db-wal'))).toBe(true);
  writer.session.destroy();
  await writer.session.ended;
  expect(existsSync(pathOf('messages.db-wal'))).toBe(false);
});

test.each([
  ['in a directory that is missing', 'missing/messages.db', 'its directory must exist'],
  ['that is a directory', 'directory', 'cannot be opened or made'],
  ['of something else', 'text', 'is not an SQLite database'],
])('a file %s is an error that says so', async (_, name, meaning) => {
  await mkdir(pathOf('directory'));
  await writeFile(pathOf('text'), 'no database, and longer than the head of one. '.repeat(100));
  const database = sqliteDatabase(pathOf(name));
  const error = await errorOf(database.connect('work'));
  expect(error).toMatchObject({ message: expect.stringContaining(meaning) as string });
  expect((error as Error).message).toContain(pathOf(name));
  expect(database.failureOf(error)).toBe('fatal');
});

test('a write without room changes nothing, and one with room goes on', async () => {
  const writer = await newWriter();
  await writer.write([added(A, 'queue://A')]);
  await writer.session.run({ sql: 'pragma max_page_count = 300', values: [] });
  const fence = { epoch: TableWriter.EPOCH, batch: writer.batch + 1 };
  const error = await errorOf(writer.tryWrite(fence, [message(A, 1, new Uint8Array(2 * MIB))]));
  expect(writer.database.failureOf(error)).toBe('full');
  expect(await writer.contents()).toEqual(writer.expected);
  await writer.write([message(A, 2, bytes('small'))]);
  expect(await writer.contents()).toEqual(writer.expected);
});

test('a write waits while another process writes, and this process goes on meanwhile', async () => {
  const writer = await newWriter();
  await writer.write([added(A, 'queue://A')]);
  const other = new BetterSqlite3(pathOf('messages.db'));
  other.exec('begin immediate');
  let isDone = false;
  const writing = writer.write([message(A, 1, bytes('x'))]).then(() => {
    isDone = true;
  });
  for (let turn = 0; turn < 20; turn += 1) await new Promise((next) => setTimeout(next, 10));
  expect(isDone).toBe(false);
  other.exec('commit');
  await writing;
  expect(await writer.contents()).toEqual(writer.expected);
  other.close();
});

test('a write that waited too long for another process may be tried again', async () => {
  const writer = await newWriter();
  await writer.write([added(A, 'queue://A')]);
  const other = new BetterSqlite3(pathOf('messages.db'));
  other.exec('begin immediate');
  const fence = { epoch: TableWriter.EPOCH, batch: writer.batch + 1 };
  const error = await errorOf(writer.tryWrite(fence, [message(A, 1, bytes('x'))]));
  expect(writer.database.failureOf(error)).toBe('retry');
  other.close();
  await writer.write([message(A, 1, bytes('x'))]);
  expect(await writer.contents()).toEqual(writer.expected);
});
