import type { WriteQueue } from '../write-queue.ts';

const SPACE = 'transaction';

/**
 * Which transactions were committed, for clients whose connection broke before they learned it. Kept
 * in the store, in the batch of the commit itself; the oldest is forgotten for the newest.
 */
export class CommitOutcomes {
  readonly #writes: WriteQueue;
  readonly #countMax: number;
  /** Commits in order, each with whether the store has it. */
  #committed = new Map<string, { readonly isStored: boolean }>();
  #recovered: { readonly key: string; readonly order: number }[] = [];
  #order = 0;

  constructor(writes: WriteQueue, countMax: number) {
    this.#writes = writes;
    this.#countMax = countMax;
  }

  /** Stores recover state in no particular order; {@link endRecovery} sorts it. */
  recovered(space: string, key: string, value: Uint8Array): void {
    if (space !== SPACE || value.length < 8) return;
    const order = Buffer.from(value).readDoubleBE(0);
    this.#recovered.push({ key, order });
  }

  endRecovery(): void {
    this.#recovered.sort((one, other) => one.order - other.order);
    for (const { key, order } of this.#recovered) {
      this.#committed.set(key, { isStored: true });
      this.#order = order;
    }
    this.#recovered = [];
  }

  /** Adds the outcome to the open write group; {@link confirm} follows when that is durable. */
  add(key: string): void {
    this.#order += 1;
    const value = Buffer.alloc(8);
    value.writeDoubleBE(this.#order);
    this.#writes.add({ type: 'state-put', space: SPACE, key, value });
    if (this.#committed.size < this.#countMax) return;
    for (const [oldest, { isStored }] of this.#committed) {
      this.#committed.delete(oldest);
      if (isStored) this.#writes.add({ type: 'state-removed', space: SPACE, key: oldest });
      return;
    }
  }

  confirm(key: string, isStored: boolean): void {
    this.#committed.set(key, { isStored });
  }

  isCommitted(key: string): boolean {
    return this.#committed.has(key);
  }
}
