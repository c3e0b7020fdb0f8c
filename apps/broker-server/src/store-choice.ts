import { BrokerError } from '@batonmq/model';
import { fsLockStore, resolveFsLockOptions } from '@batonmq/store-fs-lock';
import { MEMORY_STORE_DEFAULTS, memoryStore } from '@batonmq/store-memory';
import type { StorePlugin } from '@batonmq/store-spi';
import { entriesOf, nested, type Options } from './config/option-section.ts';

/**
 * A store and its options: `file:DIR` or `memory:`, with options as a query
 * (`file:/data?leaseDurationMs=5000&journal.segmentBytes=1048576`) or beside the `uri`. Those beside
 * it win.
 */
export type StoreChoice = string | ({ readonly uri: string } & Options);

/** A kind of store: how it is made, and all of its options with what is in force. */
interface StoreKind {
  make(location: string, options: Options): StorePlugin;
  effective(location: string, options: Options): Options;
  /** An option of the package that is not one here. */
  readonly reserved: string;
}

/** Stores of this program by the scheme of their URI. */
const KINDS: Readonly<Record<string, StoreKind>> = {
  file: {
    make: (directory, options) => fsLockStore({ ...options, directory }),
    effective: (directory, options) => {
      const settings = resolveFsLockOptions({ ...options, directory });
      return Object.fromEntries(Object.entries(settings).filter(([name]) => name !== 'directory'));
    },
    reserved: 'directory',
  },
  memory: {
    make: (_, options) => memoryStore(options),
    effective: (_, options) => ({ ...MEMORY_STORE_DEFAULTS, ...options }),
    reserved: 'space',
  },
};

/**
 * The store that is chosen.
 *
 * @throws `BATON_UNSUPPORTED` for another scheme; `BATON_INVALID_OPTION` for what a store refuses.
 */
export function chooseStore(choice: StoreChoice): StorePlugin {
  const { kind, location, options } = read(choice);
  return kind.make(location, options);
}

/** The same choice with every option in force. @throws as {@link chooseStore}. */
export function effectiveStore(choice: StoreChoice): { readonly uri: string } & Options {
  const { kind, uri, location, options } = read(choice);
  return { uri, ...kind.effective(location, options) };
}

/** The options that were given with the store. @throws as {@link chooseStore}. */
export function storeOptions(choice: StoreChoice): Options {
  return read(choice).options;
}

/** The choice in one line, as `--store` takes it. */
export function storeUri(choice: StoreChoice): string {
  if (typeof choice === 'string') return choice;
  const { uri, ...options } = choice;
  const query = entriesOf(options).map(
    ([path, value]) => `${path.join('.')}=${encodeURIComponent(String(value))}`,
  );
  if (query.length === 0) return uri;
  return `${uri}${uri.includes('?') ? '&' : '?'}${query.join('&')}`;
}

/** The directory of a `file:` URI, or undefined for other stores. */
export function storeDirectory(uri: string): string | undefined {
  return uri.startsWith('file:') ? read(uri).location : undefined;
}

interface ReadChoice {
  readonly kind: StoreKind;
  /** Without a query. */
  readonly uri: string;
  /** What comes after the scheme. The leading slashes of `file:///x` are those of a URI. */
  readonly location: string;
  readonly options: Options;
}

function read(choice: StoreChoice): ReadChoice {
  const { uri: whole, ...beside } = typeof choice === 'string' ? { uri: choice } : choice;
  const [uri = '', query = ''] = whole.split('?');
  const scheme = uri.slice(0, uri.indexOf(':'));
  const kind = Object.hasOwn(KINDS, scheme) ? KINDS[scheme] : undefined;
  if (kind === undefined) {
    throw new BrokerError(
      'BATON_UNSUPPORTED',
      `A store must be file:DIR (a directory, shared or not) or memory: (nothing is kept), not '${whole}'`,
    );
  }
  const location = uri.slice(scheme.length + 1).replace(/^\/\/(?=\/)/, '');
  const options = nested([...queryEntries(query), ...entriesOf(beside)]);
  if (Object.hasOwn(options, kind.reserved)) {
    throw new BrokerError('BATON_INVALID_OPTION', `${kind.reserved} is not an option of a store`);
  }
  return { kind, uri, location, options };
}

/** Numbers become numbers; a dot leads into a section. */
function queryEntries(query: string): [path: string[], value: string | number][] {
  return [...new URLSearchParams(query)].map(([name, value]) => [
    name.split('.'),
    /^\d+$/.test(value) ? Number(value) : value,
  ]);
}
