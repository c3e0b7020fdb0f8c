import { compositeParts, isWildcard, matchesPattern, type Destination } from '@batonmq/model';

interface Counted {
  readonly pattern: Destination;
  count: number;
}

/** How many consumers or producers there are at each destination; a wildcard counts at all that it covers. */
export class Counts {
  readonly #exact = new Map<string, number>();
  readonly #patterns = new Map<string, Counted>();

  add(target: Destination, change: 1 | -1): void {
    for (const part of compositeParts(target)) {
      if (isWildcard(part)) this.#addPattern(part, change);
      else this.#addExact(part, change);
    }
  }

  /** At a concrete destination. */
  at(target: Destination): number {
    let count = this.#exact.get(target.key) ?? 0;
    for (const counted of this.#patterns.values()) {
      const { pattern } = counted;
      if (pattern.kind !== target.kind || !matchesPattern(pattern.name, target.name)) continue;
      count += counted.count;
    }
    return count;
  }

  clear(): void {
    this.#exact.clear();
    this.#patterns.clear();
  }

  #addExact({ key }: Destination, change: number): void {
    const count = (this.#exact.get(key) ?? 0) + change;
    if (count <= 0) this.#exact.delete(key);
    else this.#exact.set(key, count);
  }

  #addPattern(pattern: Destination, change: number): void {
    const counted = this.#patterns.get(pattern.key) ?? { pattern, count: 0 };
    counted.count += change;
    if (counted.count <= 0) this.#patterns.delete(pattern.key);
    else this.#patterns.set(pattern.key, counted);
  }
}
