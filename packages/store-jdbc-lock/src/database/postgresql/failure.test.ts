import { expect, test } from 'vitest';
import { ConnectionLostError, NoHostError } from '../session-error.ts';
import { postgresqlFailure } from './failure.ts';

function errorOf(code: string): Error {
  return Object.assign(new Error('the message is in the language of the server'), { code });
}

test.each([
  ['40001', 'retry', 'serialization_failure'],
  ['40P01', 'retry', 'deadlock_detected'],
  ['55P03', 'retry', 'lock_not_available'],
  ['57014', 'retry', 'query_canceled'],
  ['08006', 'disconnected', 'connection_failure'],
  ['57P01', 'disconnected', 'admin_shutdown'],
  ['57P02', 'disconnected', 'crash_shutdown'],
  ['57P03', 'disconnected', 'cannot_connect_now'],
  ['57P05', 'disconnected', 'idle_session_timeout'],
  ['25P03', 'disconnected', 'idle_in_transaction_session_timeout'],
  ['25006', 'disconnected', 'read_only_sql_transaction'],
  ['53300', 'disconnected', 'too_many_connections'],
  ['53100', 'full', 'disk_full'],
  ['54000', 'full', 'program_limit_exceeded'],
  ['23505', 'fatal', 'unique_violation'],
  ['28P01', 'fatal', 'invalid_password'],
  ['42P01', 'fatal', 'undefined_table'],
  ['58030', 'fatal', 'io_error'],
])('%s means %s (%s)', (code, failure) => {
  expect(postgresqlFailure(errorOf(code))).toBe(failure);
});

test('what the system says of a connection may be over in a moment', () => {
  for (const code of ['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND']) {
    expect(postgresqlFailure(errorOf(code))).toBe('disconnected');
  }
});

test('of several hosts one that may come back is enough', () => {
  const wrongPassword = errorOf('28P01');
  const lost = new ConnectionLostError('gone');
  expect(postgresqlFailure(new NoHostError('none', [wrongPassword, lost]))).toBe('disconnected');
  expect(postgresqlFailure(new NoHostError('none', [wrongPassword, wrongPassword]))).toBe('fatal');
});

test('what is no error of the driver is fatal', () => {
  expect(postgresqlFailure(new TypeError('a mistake'))).toBe('fatal');
  expect(postgresqlFailure('text')).toBe('fatal');
});
