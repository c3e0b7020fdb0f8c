import { expect, test } from 'vitest';
import { NoHostError } from '../session-error.ts';
import { oracleFailure } from './failure.ts';

function withCode(code: string): Error {
  return Object.assign(new Error(code), { code });
}

test.each([
  // The instance stops, is not there, or is a standby now.
  ['ORA-01089', 'disconnected'],
  ['ORA-12514', 'disconnected'],
  ['ORA-16000', 'disconnected'],
  // The driver waited long enough: nobody knows what became of it.
  ['NJS-123', 'disconnected'],
  ['NJS-500', 'disconnected'],
  // Deadlock, serialisation, a lock that was not to be waited for.
  ['ORA-00060', 'retry'],
  ['ORA-08177', 'retry'],
  ['ORA-00054', 'retry'],
  // The archiver is stuck, a quota or a tablespace is used up.
  ['ORA-00257', 'full'],
  ['ORA-01536', 'full'],
  ['ORA-01691', 'full'],
  // No such table, that row is there already, wrong password, certificate of another host.
  ['ORA-00942', 'fatal'],
  ['ORA-00001', 'fatal'],
  ['ORA-01017', 'fatal'],
  ['NJS-508', 'fatal'],
])('%s is %s', (code, failure) => {
  expect(oracleFailure(withCode(code))).toBe(failure);
});

test('of several hosts one that may come back is enough to wait for', () => {
  const refused = withCode('ORA-01017');
  expect(oracleFailure(new NoHostError('', [refused, withCode('NJS-503')]))).toBe('disconnected');
  expect(oracleFailure(new NoHostError('', [refused, refused]))).toBe('fatal');
});

test('what is no error of the driver is fatal', () => {
  expect(oracleFailure(new TypeError('undefined is not a function'))).toBe('fatal');
  expect(oracleFailure(undefined)).toBe('fatal');
});
