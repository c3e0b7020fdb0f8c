/** Share of the limit below which a full usage counts as relieved: senders must not stop and go with each message. */
const RELIEF = 0.75;

/**
 * Bytes kept in memory only, against a limit. Usages form a tree of two levels: a destination's
 * counts in the broker's too.
 */
export class MemoryUsage {
  readonly limitBytes: number;
  readonly #parent: MemoryUsage | undefined;
  readonly #relieved: () => void;
  #usedBytes = 0;
  #isAtLimit = false;

  /** @param relieved - Called when it was full and there is room again. */
  constructor(limitBytes: number, relieved: () => void, parent?: MemoryUsage) {
    this.limitBytes = limitBytes;
    this.#relieved = relieved;
    this.#parent = parent;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** True from when this or its parent reaches the limit until it is relieved. */
  get isFull(): boolean {
    return this.#isAtLimit || (this.#parent?.isFull ?? false);
  }

  /** Never refuses: whoever lets messages in looks at {@link isFull} first. */
  add(bytes: number): void {
    this.#usedBytes += bytes;
    if (this.#usedBytes >= this.limitBytes) this.#isAtLimit = true;
    this.#parent?.add(bytes);
  }

  remove(bytes: number): void {
    this.#usedBytes -= bytes;
    this.#parent?.remove(bytes);
    if (!this.#isAtLimit || this.#usedBytes > this.limitBytes * RELIEF) return;
    this.#isAtLimit = false;
    this.#relieved();
  }
}
