/**
 * The smallest honest store: messages in memory, several stores of one process in line for them.
 * Also the template for a store of your own: `docs/guides/write-a-store.md` walks through it.
 *
 * @example
 * ```ts
 * import { createMemorySpace, memoryStore } from '@batonmq/store-memory';
 *
 * const space = createMemorySpace();
 * const first = memoryStore({ space });
 * const second = memoryStore({ space }); // waits in line behind `first`
 * ```
 *
 * @packageDocumentation
 */
export { createMemorySpace, type MemorySpace } from './memory-space.ts';
export { memoryStore } from './memory-store.ts';
export { MEMORY_STORE_DEFAULTS, type MemoryStoreOptions } from './options.ts';
