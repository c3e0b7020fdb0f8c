import { expect, test } from 'vitest';
import { SqliteError, sqliteFailure, type SqliteCode } from './sqlite-error.ts';

test.each<[SqliteCode, string, string]>([
  ['SQLITE_BUSY', 'retry', 'another process'],
  ['SQLITE_BUSY_SNAPSHOT', 'retry', 'another process'],
  ['SQLITE_FULL', 'full', 'no room left'],
  ['SQLITE_IOERR_SHMSIZE', 'full', 'no room left'],
  ['SQLITE_TOOBIG', 'full', 'no value as large'],
  ['SQLITE_IOERR_FSYNC', 'fatal', 'could not be read or written'],
  ['SQLITE_READONLY_DBMOVED', 'fatal', 'cannot be written to'],
  ['SQLITE_CORRUPT', 'fatal', 'is damaged'],
  ['SQLITE_CONSTRAINT_PRIMARYKEY', 'fatal', 'failed'],
  ['SESSION_ENDED', 'disconnected', 'no longer open'],
])('%s is a failure of kind %s, and says what is wrong where', (code, failure, meaning) => {
  const error = new SqliteError('/data/messages.db', code, 'as SQLite says');
  expect(sqliteFailure(error)).toBe(failure);
  expect(error.message).toContain('/data/messages.db');
  expect(error.message).toContain(meaning);
  expect(error.message).toContain('as SQLite says');
});

test('what is no error of SQLite is not tried again', () => {
  expect(sqliteFailure(new TypeError('a mistake'))).toBe('fatal');
});
