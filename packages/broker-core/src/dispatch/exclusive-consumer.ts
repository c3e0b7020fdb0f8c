import type { Attachment } from './consumer-ring.ts';

/** One of this priority takes over from any other, also of the same. */
const PRIORITY_MAX = 127;

/**
 * Which consumer is served alone. The first exclusive one is; another takes over if its priority is
 * greater, or the greatest there is; if it leaves, the greatest and then first of the others follows.
 */
export class ExclusiveConsumer {
  /** Every consumer is one. */
  readonly #areAll: boolean;
  readonly #nextEpoch: () => number;
  #current: Attachment | undefined;
  #epoch = 0;

  constructor(areAll: boolean, nextEpoch: () => number) {
    this.#areAll = areAll;
    this.#nextEpoch = nextEpoch;
  }

  /** None while no consumer is exclusive: all are served. */
  get current(): Attachment | undefined {
    return this.#current;
  }

  /** Grows each time another consumer is served alone, over takeovers too; none while none is. */
  get epoch(): number | undefined {
    return this.#current === undefined ? undefined : this.#epoch;
  }

  /** True if that changes who is served. */
  joined(attachment: Attachment): boolean {
    if (!this.#isExclusive(attachment)) return false;
    const { priority } = attachment;
    const current = this.#current;
    if (current !== undefined && priority < PRIORITY_MAX && priority <= current.priority)
      return false;
    this.#serve(attachment);
    return true;
  }

  /** True if that changes who is served. */
  left(attachment: Attachment, others: Iterable<Attachment>): boolean {
    if (this.#current !== attachment) return false;
    let next: Attachment | undefined;
    for (const other of others) {
      if (!this.#isExclusive(other)) continue;
      if (next === undefined || other.priority > next.priority) next = other;
    }
    this.#serve(next);
    return true;
  }

  #isExclusive({ subscription }: Attachment): boolean {
    return this.#areAll || subscription.options.isExclusive;
  }

  #serve(attachment: Attachment | undefined): void {
    this.#current = attachment;
    if (attachment !== undefined) this.#epoch = this.#nextEpoch();
  }
}
