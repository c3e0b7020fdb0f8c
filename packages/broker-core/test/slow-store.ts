import type { Clock } from '@batonmq/runtime';
import type { Lease, Store, StorePlugin } from '@batonmq/store-spi';

/** How long the disk takes; several appends and reads may be on their way. */
export interface Latency {
  readonly appendMs: number;
  readonly readMs: number;
  /** Whether a batch takes effect at the end of that time, so that a kill before loses it, and not at its beginning. */
  readonly isLate?: boolean;
}

/** `plugin` with a disk that takes its time. */
export function slowStore(plugin: StorePlugin, clock: Clock, latency: Latency): StorePlugin {
  return {
    ...plugin,
    create: (components) => slow(plugin.create(components), clock, latency),
  };
}

function slow(store: Store, clock: Clock, latency: Latency): Store {
  return {
    manifest: store.manifest,
    acquire: async (options) => withLatency(await store.acquire(options), clock, latency),
    inspect: () => store.inspect(),
    close: () => store.close(),
  };
}

function withLatency(
  lease: Lease,
  clock: Clock,
  { appendMs, readMs, isLate = false }: Latency,
): Lease {
  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      clock.setTimer(ms, resolve);
    });
  let last: Promise<unknown> = Promise.resolve();
  return {
    epoch: lease.epoch,
    lost: lease.lost,
    recover: (visitor) => lease.recover(visitor),
    append: async (batch) => {
      if (isLate) {
        const before = last;
        const late = Promise.all([before, pause(appendMs)]).then(() => lease.append(batch));
        last = late.catch(() => undefined);
        return late;
      }
      const outcome = lease.append(batch);
      outcome.catch(() => undefined);
      await pause(appendMs);
      return outcome;
    },
    read: async (destination, from, limits) => {
      const page = await lease.read(destination, from, limits);
      if (readMs > 0) await pause(readMs);
      return page;
    },
    release: () => lease.release(),
  };
}
