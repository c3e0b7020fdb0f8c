import { storeContentSuite } from './store-content-suite.ts';
import { storeCrashSuite } from './store-crash-suite.ts';
import { storeLeaseSuite } from './store-lease-suite.ts';
import { storeReopenSuite } from './store-reopen-suite.ts';
import type { StorePlace, StoreSuiteOptions } from './suite-options.ts';

/**
 * Registers everything the contract promises, as far as the capabilities go: contents, leases, reopening
 * and crashes. A store that passes can carry a broker.
 */
export function storeConformance<Place extends StorePlace>(
  options: StoreSuiteOptions<Place>,
): void {
  storeContentSuite(options);
  storeLeaseSuite(options);
  storeReopenSuite(options);
  storeCrashSuite(options);
}
