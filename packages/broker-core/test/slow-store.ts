import type { Clock } from '@batonmq/runtime';
import type { Lease, Store, StorePlugin } from '@batonmq/store-spi';

/** `plugin` with a disk that takes `latencyMs` for each append and read; several may be on their way. */
export function slowStore(plugin: StorePlugin, clock: Clock, latencyMs: number): StorePlugin {
  return {
    ...plugin,
    create: (components) => slow(plugin.create(components), clock, latencyMs),
  };
}

function slow(store: Store, clock: Clock, latencyMs: number): Store {
  return {
    manifest: store.manifest,
    acquire: async (options) => withLatency(await store.acquire(options), clock, latencyMs),
    inspect: () => store.inspect(),
    close: () => store.close(),
  };
}

function withLatency(lease: Lease, clock: Clock, latencyMs: number): Lease {
  const pause = (): Promise<void> =>
    new Promise((resolve) => {
      clock.setTimer(latencyMs, resolve);
    });
  return {
    epoch: lease.epoch,
    lost: lease.lost,
    recover: (visitor) => lease.recover(visitor),
    append: async (batch) => {
      const outcome = lease.append(batch);
      outcome.catch(() => undefined);
      await pause();
      return outcome;
    },
    read: async (destination, from, limits) => {
      const page = await lease.read(destination, from, limits);
      await pause();
      return page;
    },
    release: () => lease.release(),
  };
}
