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
  #onTheWay = new Set<string>();
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

  /** A commit is on its way; {@link settled} follows. If `isStored`, its outcome joins the open write group. */
  begin(key: string, isStored: boolean): void {
    this.#onTheWay.add(key);
    if (!isStored) return;
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

  settled(key: string, isCommitted: boolean, isStored: boolean): void {
    this.#onTheWay.delete(key);
    if (isCommitted) this.#committed.set(key, { isStored });
  }

  /** `open` while a commit is on its way: it may still end either way. */
  of(key: string): 'committed' | 'open' | 'unknown' {
    if (this.#committed.has(key)) return 'committed';
    return this.#onTheWay.has(key) ? 'open' : 'unknown';
  }
}
