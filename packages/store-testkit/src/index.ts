/**
 * The store contract as suites that any implementation can run, in any runner.
 *
 * @example
 * ```ts
 * import { storeConformance } from '@batonmq/store-testkit';
 * import { test } from 'node:test';
 * import { createMemorySpace, memoryStore } from '@batonmq/store-memory';
 *
 * storeConformance({
 *   test,
 *   capabilities: { isDurable: false, isShared: true },
 *   create: () => {
 *     const space = createMemorySpace();
 *     return { space, plugin: memoryStore({ space }) };
 *   },
 *   depose: ({ space }) => space.depose('unaware'),
 * });
 * ```
 *
 * @packageDocumentation
 */
export {
  storeBenchmark,
  type StoreBenchmarkOptions,
  type StoreBenchmarkResult,
} from './store-benchmark.ts';
export { storeConformance } from './store-conformance.ts';
export { storeContentSuite } from './store-content-suite.ts';
export { storeCrashSuite } from './store-crash-suite.ts';
export { storeLeaseSuite } from './store-lease-suite.ts';
export { storeReopenSuite } from './store-reopen-suite.ts';
export type { StorePlace, StoreSuiteOptions } from './suite-options.ts';
