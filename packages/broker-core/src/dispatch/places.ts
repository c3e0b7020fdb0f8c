import type { Sequence } from '@batonmq/model';

/**
 * Which stored messages of a lane are in memory, once that is more than "all before some sequence".
 *
 * When it began, all before `bound` were in memory or gone, so of those it knows who went back to the
 * store; of those from there up it knows who came into memory. Both are never more than are,
 * or were then, in memory.
 */
export class Places {
  readonly #bound: number;
  readonly #absentBefore = new Set<number>();
  readonly #presentFrom = new Set<number>();
  #presentThrough: number;
  /** Set while a page is on its way: what is gone may still be in it. */
  #goneMeanwhile: Sequence[] | undefined;

  /** @param bound - The first sequence that is not in memory now. */
  constructor(bound: number) {
    this.#bound = bound;
    this.#presentThrough = bound - 1;
  }

  /** No sequence after it is in memory. */
  get presentThrough(): number {
    return this.#presentThrough;
  }

  isAbsent(sequence: number): boolean {
    return sequence < this.#bound
      ? this.#absentBefore.has(sequence)
      : !this.#presentFrom.has(sequence);
  }

  entered(sequence: number): void {
    if (sequence < this.#bound) this.#absentBefore.delete(sequence);
    else this.#presentFrom.add(sequence);
    this.#presentThrough = Math.max(this.#presentThrough, sequence);
  }

  left(sequence: number): void {
    if (sequence < this.#bound) this.#absentBefore.add(sequence);
    else this.#presentFrom.delete(sequence);
  }

  /** One that was in memory is removed for good. */
  gone(sequence: Sequence): void {
    if (this.#goneMeanwhile === undefined) this.#presentFrom.delete(sequence);
    else this.#goneMeanwhile.push(sequence);
  }

  readBegins(): void {
    this.#goneMeanwhile = [];
  }

  readEnds(): void {
    const gone = this.#goneMeanwhile ?? [];
    this.#goneMeanwhile = undefined;
    for (const sequence of gone) this.#presentFrom.delete(sequence);
  }
}
