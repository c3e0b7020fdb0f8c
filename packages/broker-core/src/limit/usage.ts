/** Share of the limit below which a full usage counts as relieved: senders must not stop and go with each message. */
const RELIEF = 0.75;

/** Times the limit that no sender may fill it to, not even one that is let on so that its acks come through. */
const OVERFULL = 2;

/** The option that says how much there may be: of a policy, or of the broker. */
export type LimitName =
  | 'memoryLimit'
  | 'storeLimit'
  | 'maxMessages'
  | 'destinationMemoryLimitBytes'
  | 'memoryLimitBytes'
  | 'storeLimitBytes'
  | 'tempLimitBytes';

/** How much of a limit is used. */
export interface LimitStatus {
  readonly name: LimitName;
  /** Bytes; messages for `maxMessages`. Infinite if there is none. */
  readonly limit: number;
  readonly used: number;
  /** Of the limit, rounded down; more than 100 if what was on its way came too. */
  readonly percent: number;
}

/** Hears of usages, and counts those that are at their limit: while there are none, nobody need look. */
export class UsageWatch {
  readonly #relieved: () => void;
  #fullCount = 0;

  /** @param relieved - Called when one was full and there is room again. */
  constructor(relieved: () => void) {
    this.#relieved = relieved;
  }

  get isAnyFull(): boolean {
    return this.#fullCount > 0;
  }

  reached(): void {
    this.#fullCount += 1;
  }

  relieved(): void {
    this.#fullCount -= 1;
    this.#relieved();
  }
}

/**
 * What is kept, against a limit. Usages form a tree of two levels: a destination's counts in the
 * broker's too.
 */
export class Usage {
  readonly name: LimitName;
  /** Infinite if there is none. */
  readonly limit: number;
  readonly #parent: Usage | undefined;
  readonly #watch: UsageWatch;
  #used = 0;
  #isAtLimit = false;

  /** @param limit - 0 is none. */
  constructor(name: LimitName, limit: number, watch: UsageWatch, parent?: Usage) {
    this.name = name;
    this.limit = limit === 0 ? Infinity : limit;
    this.#watch = watch;
    this.#parent = parent;
  }

  get used(): number {
    return this.#used;
  }

  /** True from when this or its parent reaches the limit until it is relieved. */
  get isFull(): boolean {
    return this.full !== undefined;
  }

  /** What is at its limit: this, or its parent. */
  get full(): Usage | undefined {
    return this.#isAtLimit ? this : this.#parent?.full;
  }

  get isOverfull(): boolean {
    return this.#used >= this.limit * OVERFULL;
  }

  get status(): LimitStatus {
    const { name, limit } = this;
    return { name, limit, used: this.#used, percent: Math.floor((this.#used * 100) / limit) };
  }

  /** Never refuses: whoever lets messages in looks at {@link full} first. */
  add(amount: number): void {
    this.#used += amount;
    if (this.#used >= this.limit && !this.#isAtLimit) {
      this.#isAtLimit = true;
      this.#watch.reached();
    }
    this.#parent?.add(amount);
  }

  remove(amount: number): void {
    this.#used -= amount;
    this.#parent?.remove(amount);
    if (!this.#isAtLimit || this.#used > this.limit * RELIEF) return;
    this.#isAtLimit = false;
    this.#watch.relieved();
  }
}

/** Those that have a limit. */
export function statuses(usages: readonly Usage[]): readonly LimitStatus[] {
  return usages.filter(({ limit }) => limit !== Infinity).map(({ status }) => status);
}
