/**
 * A store in a SQL database that several brokers share: tables, a lease row, an epoch.
 *
 * @example
 * ```ts
 * import { nodeRuntime } from '@batonmq/runtime/node';
 * import { openStore } from '@batonmq/store-spi';
 * import { jdbcLockStore } from '@batonmq/store-jdbc-lock';
 *
 * const database = 'postgres://baton:secret@127.0.0.1:5432/messages';
 * const store = openStore(jdbcLockStore({ database }), nodeRuntime());
 * const lease = await store.acquire({ owner: 'broker-a' });
 * console.log('active with epoch', lease.epoch);
 * await store.close();
 * ```
 *
 * @packageDocumentation
 */
export { checkDriver } from './database/check-driver.ts';
export { jdbcLockStore } from './jdbc-lock-store.ts';
export { locationName } from './location.ts';
export type {
  Credentials,
  DatabaseHost,
  DatabaseLocation,
  FileLocation,
  ServerLocation,
} from './location.ts';
export type { DatabaseKind } from './database/database.ts';
export {
  JDBC_LOCK_STORE_DEFAULTS,
  resolveJdbcLockOptions,
  type JdbcLockStoreOptions,
  type JdbcLockStoreSettings,
} from './options.ts';
