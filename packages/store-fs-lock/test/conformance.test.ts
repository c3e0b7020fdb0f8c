import { nodeRuntime } from '@batonmq/runtime/node';
import { SimDisk, simRandom } from '@batonmq/runtime/sim';
import { storeConformance } from '@batonmq/store-testkit';
import { test } from 'vitest';
import { fsLockStoreWith } from '../src/fs-lock-store.ts';
import type { FsLockStoreOptions } from '../src/options.ts';
import { SimLocks } from './fixtures/sim-locks.ts';

const MIB = 1 << 20;
const OPTIONS: FsLockStoreOptions = {
  directory: '/store/data',
  leaseDurationMs: 300,
  keepAliveIntervalMs: 30,
  pollIntervalMs: 5,
  journal: { segmentBytes: MIB },
};

/** The real clock, and a disk that forgets what was not synced. */
async function createPlace(seed: number, capacityBytes?: number) {
  const locks = new SimLocks();
  const runtime = nodeRuntime();
  const random = simRandom(seed);
  const disk = new SimDisk({
    clock: runtime.clock,
    random,
    ...(capacityBytes !== undefined && { capacityBytes }),
  });
  await disk.makeDirectory('/store');
  await disk.syncDirectory('/store');
  return {
    disk,
    locks,
    plugin: fsLockStoreWith(OPTIONS, locks),
    /** Read for each store that is opened: one that was open in a crash stays dead. */
    get components() {
      return { ...runtime, random, files: disk.process() };
    },
  };
}

let seed = 0;

storeConformance({
  test,
  capabilities: { isDurable: true, isShared: true },
  create: () => createPlace((seed += 1)),
  createSmall: () => createPlace((seed += 1), 8 * MIB),
  crash: ({ disk, locks }) => {
    disk.losePower(0);
    locks.crash();
  },
  // What an administrator does who believes that a lock file is stale.
  depose: ({ disk }) => disk.remove('/store/data/lock'),
});
