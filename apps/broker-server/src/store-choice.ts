import { BrokerError } from '@batonmq/model';
import { fsLockStore } from '@batonmq/store-fs-lock';
import { memoryStore } from '@batonmq/store-memory';
import type { StorePlugin } from '@batonmq/store-spi';

/** Stores of this program by the scheme of their URI; each reads the rest of the URI by itself. */
const STORES: Readonly<Record<string, (rest: string) => StorePlugin>> = {
  file: (rest) => {
    const [directory, options] = directoryOf(rest);
    return fsLockStore({ directory, ...options });
  },
  memory: () => memoryStore(),
};

/**
 * The store that a URI names: `file:DIR` with options as a query (`file:/data?leaseDurationMs=5000`),
 * or `memory:`.
 *
 * @throws `BATON_UNSUPPORTED` for another scheme; `BATON_INVALID_OPTION` for what a store refuses.
 */
export function chooseStore(uri: string): StorePlugin {
  const scheme = uri.slice(0, uri.indexOf(':'));
  const make = Object.hasOwn(STORES, scheme) ? STORES[scheme] : undefined;
  if (make !== undefined) return make(uri.slice(scheme.length + 1));
  throw new BrokerError(
    'BATON_UNSUPPORTED',
    `A store must be file:DIR (a directory, shared or not) or memory: (nothing is kept), not '${uri}'`,
  );
}

/** The directory of a `file:` URI, or undefined for other stores. */
export function storeDirectory(uri: string): string | undefined {
  return uri.startsWith('file:') ? directoryOf(uri.slice('file:'.length))[0] : undefined;
}

/** Reads `DIR?name=value`; numbers become numbers. The leading slashes of `file:///x` are those of a URI. */
function directoryOf(rest: string): [string, Record<string, string | number>] {
  const [path = '', query = ''] = rest.split('?');
  const options = [...new URLSearchParams(query)].map(
    ([name, value]) => [name, /^\d+$/.test(value) ? Number(value) : value] as const,
  );
  return [path.replace(/^\/\/(?=\/)/, ''), Object.fromEntries(options)];
}
