import { compositeParts, matchesPattern, type Destination } from '@batonmq/model';

/**
 * Which topics somebody listens to, as far as advisories are concerned, so that none is made that
 * nobody gets: a broker with ten thousand consumers tells nobody of the next one, as a rule.
 */
export class Audience {
  /** Patterns of consumers on topics that can cover an advisory topic, with their number. */
  readonly #patterns = new Map<string, number>();

  join(target: Destination): void {
    for (const pattern of patterns(target)) {
      this.#patterns.set(pattern, (this.#patterns.get(pattern) ?? 0) + 1);
    }
  }

  leave(target: Destination): void {
    for (const pattern of patterns(target)) {
      const count = (this.#patterns.get(pattern) ?? 0) - 1;
      if (count <= 0) this.#patterns.delete(pattern);
      else this.#patterns.set(pattern, count);
    }
  }

  clear(): void {
    this.#patterns.clear();
  }

  hears(topic: Destination): boolean {
    for (const pattern of this.#patterns.keys()) {
      if (matchesPattern(pattern, topic.name)) return true;
    }
    return false;
  }
}

function patterns(target: Destination): string[] {
  return compositeParts(target)
    .filter((part) => part.kind === 'topic' && /^(ActiveMQ|\*|>)(\.|$)/.test(part.name))
    .map((part) => part.name);
}
