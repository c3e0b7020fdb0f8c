import type { Random } from '../random.ts';

/** Randomness that is the same for the same seed. Never for secrets. */
export interface SimRandom extends Random {
  readonly seed: number;
  /** A whole number in [0, bound). */
  below(bound: number): number;
  /** True with this probability. */
  chance(probability: number): boolean;
  /** A generator of its own, so that one consumer more does not change what the others get. */
  fork(): SimRandom;
}

/** Seeded generator (splitmix32: one addition and three mixing steps a number). */
export function simRandom(seed: number): SimRandom {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  };
  const bytes = (count: number): Uint8Array =>
    Uint8Array.from({ length: count }, () => next() & 0xff);
  const float = (): number => next() / 2 ** 32;
  return {
    seed,
    float,
    bytes,
    uuid: () => uuidOf(bytes(16)),
    below: (bound: number) => Math.floor(float() * bound),
    chance: (probability: number) => float() < probability,
    fork: () => simRandom(next()),
  };
}

function uuidOf(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
}
