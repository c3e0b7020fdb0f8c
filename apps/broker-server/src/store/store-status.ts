import type { Clock } from '@batonmq/runtime';
import type { Store, StoreInspection } from '@batonmq/store-spi';

/** A status is asked for with less patience than a database that is away may need. */
const INSPECTION_MS = 3_000;

/** What is known of the store of a running broker. */
export type StoreStatus = Partial<StoreInspection> & {
  /** Without its password. */
  readonly uri: string;
  /** Why nothing more is known. */
  readonly problem?: string;
};

/** While a store does not answer, the rest of the status is worth most. */
export async function storeStatus(
  uri: string,
  store: Pick<Store, 'inspect'>,
  clock: Clock,
): Promise<StoreStatus> {
  let cancel = (): void => undefined;
  const late = new Promise<never>((_, reject) => {
    cancel = clock.setTimer(INSPECTION_MS, () => {
      reject(new Error(`the store has not answered for ${INSPECTION_MS} ms`));
    });
  });
  try {
    return { uri, ...(await Promise.race([store.inspect(), late])) };
  } catch (error) {
    return { uri, problem: error instanceof Error ? error.message : String(error) };
  } finally {
    cancel();
  }
}
