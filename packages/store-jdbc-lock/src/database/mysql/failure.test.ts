import { expect, test } from 'vitest';
import type { Failure } from '../session.ts';
import { NoHostError, UnusableHostError, ValueTooLargeError } from '../session-error.ts';
import { mysqlFailureOf } from './failure.ts';

/** As the driver makes them. */
function errorOf(
  properties: { readonly errno?: number; readonly code?: string },
  message = '',
): Error {
  return Object.assign(new Error(message), properties);
}

test.each<[what: string, error: unknown, Failure]>([
  ['a deadlock, or what Galera does not certify', errorOf({ errno: 1213 }), 'retry'],
  ['a wait for a lock that is too long', errorOf({ errno: 1205 }), 'retry'],
  ['what group replication does not certify', errorOf({ errno: 3101 }), 'retry'],
  ['a Galera node without a part in the cluster', errorOf({ errno: 1047 }), 'disconnected'],
  ['a commit that nobody knows the end of', errorOf({ errno: 1180 }), 'disconnected'],
  ['a primary that became a replica', errorOf({ errno: 1290 }), 'disconnected'],
  ['a server that shuts down', errorOf({ errno: 1053 }), 'disconnected'],
  ['a session that was silent for too long', errorOf({ errno: 4031 }), 'disconnected'],
  ['a server with too many sessions', errorOf({ errno: 1040 }), 'disconnected'],
  ['a connection that ends', errorOf({ code: 'PROTOCOL_CONNECTION_LOST' }), 'disconnected'],
  ['a host that is not there', errorOf({ errno: -111, code: 'ECONNREFUSED' }), 'disconnected'],
  ['a host that takes no writes', new UnusableHostError(), 'disconnected'],
  [
    'a handshake that is cut off',
    errorOf({ code: 'HANDSHAKE_SSL_ERROR' }, 'Client network socket disconnected before …'),
    'disconnected',
  ],
  ['a certificate that is not right', errorOf({ code: 'HANDSHAKE_SSL_ERROR' }), 'fatal'],
  ['a table that is full', errorOf({ errno: 1114 }), 'full'],
  ['a disk that is full', errorOf({ errno: 1021 }), 'full'],
  ['an engine without room', errorOf({ errno: 1030 }, 'Got error 28 "No space left"'), 'full'],
  ['an engine with other troubles', errorOf({ errno: 1030 }, 'Got error 122 "Internal"'), 'fatal'],
  ['a value that fits into no packet', new ValueTooLargeError(), 'full'],
  ['a wrong password', errorOf({ errno: 1045 }), 'fatal'],
  ['a table that is not there', errorOf({ errno: 1146 }), 'fatal'],
  ['anything else', new TypeError(), 'fatal'],
  ['no host, of which one may be there later', noHost(1045, 1053), 'disconnected'],
  ['no host, whatever happens', noHost(1045, 1045), 'fatal'],
])('%s', (_what, error, failure) => {
  expect(mysqlFailureOf(error)).toBe(failure);
});

function noHost(...numbers: readonly number[]): NoHostError {
  return new NoHostError(
    '',
    numbers.map((errno) => errorOf({ errno })),
  );
}
