import { BrokerError } from '@batonmq/model';
import { fsLockStore, resolveFsLockOptions } from '@batonmq/store-fs-lock';
import { MEMORY_STORE_DEFAULTS, memoryStore } from '@batonmq/store-memory';
import type { StorePlugin } from '@batonmq/store-spi';
import { entriesOf, nested, type Options } from '../config/option-section.ts';
import { sqlKind } from './sql-kind.ts';
import { HIDDEN, type StoreKind } from './store-kind.ts';

/**
 * A store and its options: a directory, memory or a database, with options as a query
 * (`file:/data?leaseDurationMs=5000&journal.segmentBytes=1048576`) or beside the `uri`. Those beside
 * it win.
 */
export type StoreChoice = string | ({ readonly uri: string } & Options);

/** Password of the store, where a command line or a file would show it to others. */
export const STORE_PASSWORD_VARIABLE = 'BATONMQ_STORE_PASSWORD';

/** Stores of this program by the scheme of their URI. */
const KINDS: Readonly<Record<string, StoreKind>> = {
  file: {
    make: (directory, options) => fsLockStore({ ...options, directory }),
    effective: (directory, options) => {
      const settings = resolveFsLockOptions({ ...options, directory });
      return Object.fromEntries(Object.entries(settings).filter(([name]) => name !== 'directory'));
    },
    uriOf: (directory) => `file:${directory}`,
    reserved: 'directory',
    credentials: [],
    texts: [],
  },
  memory: {
    make: (_, options) => memoryStore(options),
    effective: (_, options) => ({ ...MEMORY_STORE_DEFAULTS, ...options }),
    uriOf: (location) => `memory:${location}`,
    reserved: 'space',
    credentials: [],
    texts: [],
  },
  postgres: sqlKind('postgres'),
  postgresql: sqlKind('postgresql'),
  mysql: sqlKind('mysql'),
  mariadb: sqlKind('mariadb'),
  oracle: sqlKind('oracle'),
  sqlite: sqlKind('sqlite'),
};

const FORMS =
  'file:DIR (a directory, shared or not), memory: (nothing is kept), postgres://… or postgresql://…, ' +
  'mysql://… or mariadb://…, oracle://… (a database: //USER@HOST:PORT/DATABASE) or sqlite:FILE';

/**
 * The store that is chosen.
 *
 * @throws `BATON_UNSUPPORTED` for another scheme; `BATON_INVALID_OPTION` for what a store refuses.
 */
export function chooseStore(choice: StoreChoice): StorePlugin {
  const { kind, location, options } = read(choice);
  return kind.make(location, options);
}

/** The same after everything is loaded that it needs. @throws as {@link chooseStore}, and if a driver is missing. */
export async function loadStore(choice: StoreChoice): Promise<StorePlugin> {
  const { kind, location, options } = read(choice);
  await kind.load?.(location, options);
  return kind.make(location, options);
}

/**
 * The same choice with every option in force. What is secret is {@link HIDDEN} in it.
 *
 * @throws as {@link chooseStore}.
 */
export function effectiveStore(choice: StoreChoice): { readonly uri: string } & Options {
  const { kind, location, options } = read(choice);
  return { uri: kind.uriOf(location, options), ...kind.effective(location, options) };
}

/** The options that were given with the store. @throws as {@link chooseStore}. */
export function storeOptions(choice: StoreChoice): Options {
  return read(choice).options;
}

/** The choice with nothing but what says where the store is. @throws `BATON_UNSUPPORTED`. */
export function storeLocation({ uri, ...beside }: Exclude<StoreChoice, string>): StoreChoice {
  const { credentials } = kindOf(uri);
  const own = Object.entries(beside).filter(
    ([name, value]) => credentials.includes(name) && typeof value === 'string',
  );
  return { uri, ...Object.fromEntries(own) };
}

/**
 * The choice with the password of {@link STORE_PASSWORD_VARIABLE} in place of any other.
 *
 * @throws `BATON_INVALID_OPTION` if the store takes none.
 */
export function withPassword(choice: StoreChoice, password: string): StoreChoice {
  const { uri, ...beside } = typeof choice === 'string' ? { uri: choice } : choice;
  if (!kindOf(uri).credentials.includes('password')) {
    const problem = `${STORE_PASSWORD_VARIABLE} is set, but a store '${schemeOf(uri)}:' takes no password`;
    throw new BrokerError('BATON_INVALID_OPTION', problem);
  }
  return { uri, ...beside, password };
}

/** @throws as {@link chooseStore}. */
export function hasPassword(choice: StoreChoice): boolean {
  return effectiveStore(choice)['password'] === HIDDEN;
}

/** The choice in one line, as `--store` takes it, without its password. */
export function storeUri(choice: StoreChoice): string {
  const { kind, location, options } = read(choice);
  const query = entriesOf(options)
    .filter(([[name = '']]) => !kind.credentials.includes(name))
    .map(([path, value]) => `${path.join('.')}=${encodeURIComponent(String(value))}`);
  const uri = kind.uriOf(location, options);
  return query.length === 0 ? uri : `${uri}?${query.join('&')}`;
}

/** Whether it is meant as the URI of a store, known or not, and not as a path. */
export function isStoreUri(text: string): boolean {
  return text.includes('://') || Object.hasOwn(KINDS, schemeOf(text));
}

/** The directory of a `file:` URI, or undefined for other stores. */
export function storeDirectory(uri: string): string | undefined {
  return uri.startsWith('file:') ? read(uri).location : undefined;
}

/** The file of an SQLite database, or undefined for other stores. */
export function storeFile(uri: string): string | undefined {
  return uri.startsWith('sqlite:') ? read(uri).location : undefined;
}

interface ReadChoice {
  readonly kind: StoreKind;
  /** What comes after the scheme, without a query. The leading slashes of `file:///x` are those of a URI. */
  readonly location: string;
  readonly options: Options;
}

function read(choice: StoreChoice): ReadChoice {
  const { uri: whole, ...beside } = typeof choice === 'string' ? { uri: choice } : choice;
  const kind = kindOf(whole);
  const { uri, query } = splitUri(whole);
  const location = uri.slice(schemeOf(uri).length + 1).replace(/^\/\/(?=\/)/, '');
  const options = nested([...queryEntries(query, kind), ...entriesOf(beside)]);
  if (Object.hasOwn(options, kind.reserved)) {
    throw new BrokerError('BATON_INVALID_OPTION', `${kind.reserved} is not an option of a store`);
  }
  return { kind, location, options };
}

/** Of what is not understood nothing but the scheme is repeated: the rest may hold a password. */
function kindOf(uri: string): StoreKind {
  const scheme = schemeOf(uri);
  const kind = Object.hasOwn(KINDS, scheme) ? KINDS[scheme] : undefined;
  if (kind !== undefined) return kind;
  const found = scheme === '' ? 'a text without a scheme' : `'${scheme}:'`;
  throw new BrokerError('BATON_UNSUPPORTED', `A store must be ${FORMS}, not ${found}`);
}

function schemeOf(uri: string): string {
  return uri.slice(0, Math.max(0, uri.indexOf(':')));
}

/** A question mark in a password begins no query. */
function splitUri(whole: string): { readonly uri: string; readonly query: string } {
  const credentials = /^\w+:\/\/[^@/]*@/.exec(whole)?.[0] ?? '';
  const mark = whole.indexOf('?', credentials.length);
  if (mark === -1) return { uri: whole, query: '' };
  const query = whole.slice(mark + 1);
  if (query.includes('@')) {
    throw new BrokerError(
      'BATON_INVALID_OPTION',
      'An @ in the options of a store is written %40; so are / and ? in a password, as %2F and %3F',
    );
  }
  return { uri: whole.slice(0, mark), query };
}

/** Numbers become numbers; a dot leads into a section. */
function queryEntries(
  query: string,
  { texts }: StoreKind,
): [path: string[], value: string | number][] {
  // It is no form: a plus is a plus.
  const parameters = new URLSearchParams(query.replaceAll('+', '%2B'));
  return [...parameters].map(([name, value]) => [
    name.split('.'),
    /^\d+$/.test(value) && !texts.includes(name) ? Number(value) : value,
  ]);
}
