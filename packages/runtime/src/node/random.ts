import { randomBytes, randomUUID } from 'node:crypto';
import type { Random } from '../random.ts';

/** Node's generators: a fast one for floats, a cryptographic one for bytes and ids. */
export function nodeRandom(): Random {
  return {
    float: () => Math.random(),
    bytes: (count: number) => new Uint8Array(randomBytes(count)),
    uuid: () => randomUUID(),
  };
}
