/**
 * A store in a directory that several brokers share: a journal, a kernel lock, an epoch.
 *
 * @example
 * ```ts
 * import { nodeRuntime } from '@batonmq/runtime/node';
 * import { openStore } from '@batonmq/store-spi';
 * import { fsLockStore } from '@batonmq/store-fs-lock';
 *
 * const store = openStore(fsLockStore({ directory: './data' }), nodeRuntime());
 * const lease = await store.acquire({ owner: 'broker-a' });
 * console.log('active with epoch', lease.epoch);
 * await store.close();
 * ```
 *
 * @packageDocumentation
 */
export { fsLockStore } from './fs-lock-store.ts';
export { inspectDirectory, verifyDirectory, type DirectoryInspection } from './inspect.ts';
export type { LockRecord, LockState } from './lock-record.ts';
export {
  FS_LOCK_STORE_DEFAULTS,
  resolveFsLockOptions,
  type FsLockStoreOptions,
  type FsLockStoreSettings,
} from './options.ts';
