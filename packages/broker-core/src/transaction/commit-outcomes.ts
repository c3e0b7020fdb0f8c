import type { BrokerError } from '@batonmq/model';
import type { Receipt } from '../connection/connection.ts';
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
    this.#forgetOldest();
  }

  /** A commit is on its way; {@link settled} follows. If `isStored`, its outcome joins the open write group. */
  begin(key: string, isStored: boolean): void {
    this.#onTheWay.add(key);
    if (!isStored) return;
    this.#order += 1;
    const value = Buffer.alloc(8);
    value.writeDoubleBE(this.#order);
    this.#writes.add({ type: 'state-put', space: SPACE, key, value });
  }

  settled(key: string, isCommitted: boolean, isStored: boolean): void {
    this.#onTheWay.delete(key);
    if (!isCommitted) return;
    this.#committed.set(key, { isStored });
    this.#forgetOldest();
  }

  /** `open` while a commit is on its way: it may still end either way. */
  of(key: string): 'committed' | 'open' | 'unknown' {
    if (this.#committed.has(key)) return 'committed';
    return this.#onTheWay.has(key) ? 'open' : 'unknown';
  }

  /** In a write group of its own: a commit that finds no room must not take the forgetting with it. */
  #forgetOldest(): void {
    for (const [oldest, { isStored }] of this.#committed) {
      if (this.#committed.size <= this.#countMax) break;
      this.#committed.delete(oldest);
      if (isStored) this.#writes.add({ type: 'state-removed', space: SPACE, key: oldest });
    }
    this.#writes.seal();
  }
}

/**
 * The receipt of a commit that was sent before and may still be on its way: it succeeds only if the
 * first one did. Completions are settled in order, so by its turn that is known.
 */
export class RepeatedCommit implements Receipt {
  readonly #key: string;
  readonly #outcomes: CommitOutcomes;
  readonly #receipt: Receipt;
  readonly #refusal: () => BrokerError;

  constructor(key: string, outcomes: CommitOutcomes, receipt: Receipt, refusal: () => BrokerError) {
    this.#key = key;
    this.#outcomes = outcomes;
    this.#receipt = receipt;
    this.#refusal = refusal;
  }

  settled(error?: BrokerError): void {
    const isCommitted = this.#outcomes.of(this.#key) === 'committed';
    this.#receipt.settled(error ?? (isCommitted ? undefined : this.#refusal()));
  }
}
