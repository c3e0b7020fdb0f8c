import { describe, expect, test } from 'vitest';
import { locationName, parseLocation } from './location.ts';
import { JDBC_LOCK_STORE_DEFAULTS, resolveJdbcLockOptions } from './options.ts';

const DATABASE = 'postgres://baton:secret@db1,db2:6432/messages';

describe('options of the store', () => {
  test('only the database has to be given', () => {
    expect(resolveJdbcLockOptions({ database: DATABASE })).toEqual({
      ...JDBC_LOCK_STORE_DEFAULTS,
      tlsCaFile: undefined,
      location: {
        kind: 'postgresql',
        hosts: [
          { host: 'db1', port: 5432 },
          { host: 'db2', port: 6432 },
        ],
        user: 'baton',
        password: 'secret',
        database: 'messages',
      },
    });
  });

  test('an option given as undefined is one not given', () => {
    const { leaseDurationMs } = resolveJdbcLockOptions({
      database: DATABASE,
      // As callers without the exact types of this repository may do.
      ...({ leaseDurationMs: undefined } as object),
    });
    expect(leaseDurationMs).toBe(10_000);
  });

  test('everything that is wrong is named at once', () => {
    const options = {
      database: 'redis://somewhere/0',
      leaseDurationMs: 10,
      tls: 'maybe',
      tablePrefix: 'Order By',
      colour: 'red',
    };
    const message = /database.*leaseDurationMs|leaseDurationMs.*database/s;
    const resolve = () => resolveJdbcLockOptions(options as never);
    expect(resolve).toThrow(message);
    for (const name of ['colour', 'tls', 'tablePrefix', '300 to 600000', 'sqlite:FILE']) {
      expect(resolve).toThrow(name);
    }
  });

  test.each([
    [{ keepAliveIntervalMs: 4_000 }, 'more than a third'],
    [{ pollIntervalMs: 4_000 }, 'more than a third'],
    [{ tlsCaFile: '/ca.pem' }, `'tlsCaFile' has a meaning only`],
    [{ tablePrefix: 'a'.repeat(21) }, `'tablePrefix'`],
  ])('%j is refused', (options, reason) => {
    expect(() => resolveJdbcLockOptions({ database: DATABASE, ...options })).toThrow(reason);
  });

  test('a password is in no message', () => {
    const database = 'postgres://baton:s3cr3t@db1:70000/messages';
    let message = '';
    try {
      resolveJdbcLockOptions({ database, leaseDurationMs: 1 });
    } catch (error) {
      message = String(error);
    }
    expect(message).toContain('65535');
    expect(message).not.toContain('s3cr3t');
  });
});

describe('where the database is', () => {
  test.each([
    [
      'mysql://u:p@h/d',
      {
        kind: 'mysql',
        hosts: [{ host: 'h', port: 3306 }],
        user: 'u',
        password: 'p',
        database: 'd',
      },
    ],
    [
      'mariadb://u@h:1/d',
      {
        kind: 'mysql',
        hosts: [{ host: 'h', port: 1 }],
        user: 'u',
        password: undefined,
        database: 'd',
      },
    ],
    [
      'oracle://u:p@h/s.example',
      {
        kind: 'oracle',
        hosts: [{ host: 'h', port: 1521 }],
        user: 'u',
        password: 'p',
        database: 's.example',
      },
    ],
    [
      'postgresql://u%40x:p%2F%3A@[::1]:5/d%20e',
      {
        kind: 'postgresql',
        hosts: [{ host: '::1', port: 5 }],
        user: 'u@x',
        password: 'p/:',
        database: 'd e',
      },
    ],
    ['sqlite:data/x.db', { kind: 'sqlite', file: 'data/x.db' }],
    ['sqlite:///var/x.db', { kind: 'sqlite', file: '/var/x.db' }],
  ] as const)('%s', (url, location) => {
    expect(parseLocation(url, {})).toEqual(location);
  });

  test.each([
    'postgres:/u@h/d',
    'postgres://u@h/',
    'postgres://h/d',
    'postgres://u@/d',
    'postgres://u@h:0/d',
    'postgres://u@h/d?sslmode=require',
    'postgres://u:%zz@h/d',
    'sqlite:',
    'sqlite::memory:',
    'file:x',
  ])('%s is refused', (url) => {
    expect(() => parseLocation(url, {})).toThrow(`'database'`);
  });

  test('user and password may stand beside the URL', () => {
    expect(parseLocation('postgres://h/d', { user: 'u', password: 'p' })).toMatchObject({
      user: 'u',
      password: 'p',
    });
  });

  test('its name for operators has no password', () => {
    expect(locationName(parseLocation(DATABASE, {}))).toBe(
      'postgresql://baton@db1:5432,db2:6432/messages',
    );
  });
});
