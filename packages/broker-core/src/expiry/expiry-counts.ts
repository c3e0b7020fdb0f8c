import { expirySecond } from './expiry-second.ts';

/** How many messages of a queue that wait in memory expire in which second: a number for each second that occurs. */
export class ExpiryCounts {
  readonly #counts = new Map<number, number>();
  readonly #lowered: (second: number) => void;

  /** @param lowered - Told the second of each message that comes; it knows what it waits for already. */
  constructor(lowered: (second: number) => void) {
    this.#lowered = lowered;
  }

  /** The first second in which one of them expires. */
  get earliest(): number {
    let earliest = Infinity;
    for (const second of this.#counts.keys()) earliest = Math.min(earliest, second);
    return earliest;
  }

  /** A message waits; `expiration` is not 0. */
  add(expiration: number): void {
    const second = expirySecond(expiration);
    this.#counts.set(second, (this.#counts.get(second) ?? 0) + 1);
    this.#lowered(second);
  }

  /** It does not wait any more. */
  delete(expiration: number): void {
    const second = expirySecond(expiration);
    const count = this.#counts.get(second) ?? 0;
    if (count > 1) this.#counts.set(second, count - 1);
    else this.#counts.delete(second);
  }

  clear(): void {
    this.#counts.clear();
  }
}
