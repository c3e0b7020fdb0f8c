import { expect, test } from 'vitest';
import { resolveJdbcLockOptions, type JdbcLockStoreOptions } from '../../options.ts';

const DATABASE = 'oracle://baton:secret@db1,db2:2484/messages.example';

test('a service on several hosts', () => {
  expect(resolveJdbcLockOptions({ database: DATABASE, tls: 'verified' }).location).toEqual({
    kind: 'oracle',
    hosts: [
      { host: 'db1', port: 1521 },
      { host: 'db2', port: 2484 },
    ],
    user: 'baton',
    password: 'secret',
    database: 'messages.example',
  });
});

test.each<[Partial<JdbcLockStoreOptions>, string]>([
  [{ tls: 'unverified' }, `'off' and 'verified' are allowed`],
  [{ tablePrefix: 'a'.repeat(19) }, '18 characters are allowed at most'],
  [{ database: 'oracle://baton@db)(PORT=1/messages' }, `the host 'db)(PORT=1'`],
  [{ database: 'oracle://baton@db/messages)(SID=x' }, `the service 'messages)(SID=x'`],
])('%j is refused', (options, reason) => {
  expect(() => resolveJdbcLockOptions({ database: DATABASE, ...options })).toThrow(reason);
});

test('what Oracle does not take, other databases do', () => {
  const database = 'postgres://baton@db/messages';
  const options = { database, tls: 'unverified', tablePrefix: 'a'.repeat(20) } as const;
  expect(resolveJdbcLockOptions(options).tablePrefix).toHaveLength(20);
});
