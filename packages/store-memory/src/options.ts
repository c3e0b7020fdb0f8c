import { BrokerError } from '@batonmq/model';
import { SharedSpace, type MemorySpace } from './memory-space.ts';

export interface MemoryStoreOptions {
  /**
   * The memory that is written to. Stores given the same one wait in line for it.
   *
   * @defaultValue a space of its own
   */
  readonly space?: MemorySpace;
  /**
   * Payload bytes kept, from 1 up; beyond them an append that adds messages rejects with
   * `BATON_STORE_FULL`.
   *
   * @defaultValue 1 GiB
   */
  readonly messageBytesMax?: number;
}

export interface MemoryStoreSettings {
  readonly space: SharedSpace;
  readonly messageBytesMax: number;
}

export const MEMORY_STORE_DEFAULTS = Object.freeze({ messageBytesMax: 2 ** 30 });

/** Completes the options, or throws `BATON_INVALID_OPTION` with everything that is wrong with them. */
export function resolveMemoryStoreOptions(input: MemoryStoreOptions = {}): MemoryStoreSettings {
  const { space = new SharedSpace(), messageBytesMax = MEMORY_STORE_DEFAULTS.messageBytesMax } =
    input;

  const problems: string[] = [];
  for (const name of Object.keys(input)) {
    if (name !== 'space' && name !== 'messageBytesMax') problems.push(`no option "${name}" exists`);
  }
  if (!Number.isSafeInteger(messageBytesMax) || messageBytesMax < 1) {
    problems.push(`messageBytesMax is a whole number from 1 up, not ${messageBytesMax}`);
  }
  if (!(space instanceof SharedSpace)) problems.push('space comes from createMemorySpace()');
  else if (problems.length === 0) return Object.freeze({ space, messageBytesMax });
  throw new BrokerError('BATON_INVALID_OPTION', `memoryStore: ${problems.join('; ')}`);
}
