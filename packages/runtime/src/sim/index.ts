/**
 * A simulated outside world: virtual time, a seeded generator, and a disk that loses what was not
 * synced. The same seed gives the same run.
 *
 * @example
 * ```ts
 * import { SimClock, SimDisk, simRandom } from '@batonmq/runtime/sim';
 *
 * const clock = new SimClock();
 * const disk = new SimDisk({ clock, random: simRandom(1) });
 * await clock.run(disk.makeDirectory('/data'));
 * const file = disk.openSync('/data/a', 'create');
 * file.writeSync(Buffer.from('gone'), 0);
 * disk.losePower(0);
 * console.log(disk.statusSync('/data/a')); // undefined: neither the bytes nor the name were synced
 * ```
 *
 * @packageDocumentation
 */
import type { RuntimeComponents } from '../components.ts';
import { silentLogger } from '../logger.ts';
import { SimClock } from './clock.ts';
import { SimDisk } from './disk.ts';
import { simRandom, type SimRandom } from './random.ts';

export { SimClock, SimDisk, simRandom, type SimRandom };
export { SECTOR_BYTES, type SimDiskOptions, type SimFault, type SimOperation } from './disk.ts';

/** Simulated components of one machine. */
export interface SimRuntime extends RuntimeComponents {
  readonly clock: SimClock;
  readonly random: SimRandom;
  readonly files: SimDisk;
}

/** A machine made from a seed. Logs nothing. */
export function simRuntime(seed: number): SimRuntime {
  const random = simRandom(seed);
  const clock = new SimClock();
  const files = new SimDisk({ clock, random: random.fork() });
  return { clock, random, files, logger: silentLogger };
}
