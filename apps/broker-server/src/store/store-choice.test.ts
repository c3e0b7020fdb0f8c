import { isBrokerError } from '@batonmq/model';
import { expect, test } from 'vitest';
import {
  chooseStore,
  effectiveStore,
  hasPassword,
  storeUri,
  withPassword,
  type StoreChoice,
} from './store-choice.ts';
import { HIDDEN } from './store-kind.ts';

/** Every character that means something somewhere on the way. */
const AWKWARD = 'p+ä%40 ?/#:@&=s';
const ENCODED = encodeURIComponent(AWKWARD);

function refusal(choice: StoreChoice): string {
  try {
    chooseStore(choice);
  } catch (error) {
    if (isBrokerError(error)) return `${error.code} ${error.message}`;
    throw error;
  }
  return 'taken';
}

test.each([
  ['postgres://mq@db/orders', 'postgresql://mq@db:5432/orders'],
  ['postgresql://mq@db:5433/orders', 'postgresql://mq@db:5433/orders'],
  ['postgres://mq@a:1,b/orders', 'postgresql://mq@a:1,b:5432/orders'],
  ['mysql://mq@db/orders', 'mysql://mq@db:3306/orders'],
  ['mariadb://mq@[::1]/orders', 'mysql://mq@[::1]:3306/orders'],
  ['oracle://mq@db/orders', 'oracle://mq@db:1521/orders'],
  ['sqlite:orders.db', 'sqlite:orders.db'],
  ['sqlite:///var/orders.db', 'sqlite:/var/orders.db'],
])('%s is a store, and means %s', (uri, meaning) => {
  expect(chooseStore(uri).manifest.name).toBe('@batonmq/store-jdbc-lock');
  expect(effectiveStore(uri).uri).toBe(meaning);
  expect(effectiveStore(meaning)).toEqual(effectiveStore(uri));
});

test('options of a database may stand in the query or beside the uri', () => {
  const wanted = {
    uri: 'postgresql://mq@db:5432/orders',
    tls: 'verified',
    tlsCaFile: '/etc/ca+1@home.pem',
    tablePrefix: 'eu_',
    leaseDurationMs: 5000,
  };
  const query = 'tls=verified&tlsCaFile=/etc/ca+1%40home.pem&tablePrefix=eu_&leaseDurationMs=5000';
  expect(effectiveStore(`postgres://mq@db/orders?${query}`)).toMatchObject(wanted);
  expect(effectiveStore({ ...wanted, uri: 'postgres://mq@db/orders' })).toMatchObject(wanted);
});

test('an unknown scheme is refused with all that are known', () => {
  const refused = refusal('jdbc:postgresql://db/orders');
  for (const form of ['file:', 'memory:', 'postgres:', 'postgresql:', 'mysql:', 'mariadb:'])
    expect(refused).toContain(form);
  expect(refused).toMatch(/^BATON_UNSUPPORTED .*oracle:.*sqlite:.* not 'jdbc:'$/);
});

test.each<[string, StoreChoice]>([
  ['in the URI', `postgres://mq:${ENCODED}@db/orders`],
  ['in the query', `postgres://mq@db/orders?password=${ENCODED}`],
  ['beside it', { uri: 'postgres://mq@db/orders', password: AWKWARD }],
  ['as digits', 'postgres://mq@db/orders?password=0123'],
  ['with a question mark as it is', 'postgres://mq:p?a@db/orders'],
])('a password %s is part of no text that is shown', (_, choice) => {
  expect(hasPassword(choice)).toBe(true);
  expect(effectiveStore(choice)['password']).toBe(HIDDEN);
  expect(storeUri(choice)).toBe('postgresql://mq@db:5432/orders');
  expect(JSON.stringify(effectiveStore(choice))).not.toMatch(/0123|p\+|p%2B|p\?a/);
});

test.each([
  'postgress://mq:secret@db/orders',
  'mq:secret@db/orders',
  'mq/secret@db',
  'postgres://mq:sec/ret@db/orders',
  'postgres://mq:p?sec/ret@db/orders',
  'postgres://mq:sec@ret@db/orders',
  'postgres://mq:sec%ret@db/orders',
  'postgres://mq:secret@db',
  'postgres://mq:secret@db:99999/orders',
  'postgres://mq:secret@db/orders?colour=red',
  'postgres://mq:secret@db/orders?database=x',
  'sqlite:orders.db?password=secret',
])('the refusal of %s repeats no password', (uri) => {
  expect(refusal(uri)).toMatch(/^BATON_(UNSUPPORTED|INVALID_OPTION) /);
  expect(refusal(uri)).not.toMatch(/sec\b|ret\b/);
});

test('a password that a file has without quotes is no number, and is not repeated', () => {
  const refused = refusal({ uri: 'postgres://mq@db/orders', password: 1234 });
  expect(refused).toMatch(/'password' must be text$/);
});

test('a password given apart takes the place of any other', () => {
  const choice = withPassword('postgres://mq:old@db/orders', 'new');
  expect(choice).toEqual({ uri: 'postgres://mq:old@db/orders', password: 'new' });
  for (const without of ['file', 'sqlite']) {
    expect(() => withPassword(`${without}:data`, 'new')).toThrow(`'${without}:' takes no password`);
  }
});
