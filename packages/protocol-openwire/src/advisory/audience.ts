import { compositeParts, matchesPattern, type Destination } from '@batonmq/model';
import { BoundedMap } from '../bounded-map.ts';

/** Topics whose answer is remembered; more only cost their look-up again. */
const ANSWER_COUNT_MAX = 10_000;

/**
 * Which topics somebody listens to, as far as advisories are concerned, so that none is made that
 * nobody gets: a broker with ten thousand consumers tells nobody of the next one, as a rule.
 */
export class Audience {
  /** Patterns of consumers on topics that can cover an advisory topic, with their number. */
  readonly #patterns = new Map<string, number>();
  #answers = new BoundedMap<string, boolean>(ANSWER_COUNT_MAX);

  join(target: Destination): void {
    for (const pattern of patterns(target)) {
      this.#patterns.set(pattern, (this.#patterns.get(pattern) ?? 0) + 1);
      this.#forgetAnswers();
    }
  }

  leave(target: Destination): void {
    for (const pattern of patterns(target)) {
      const count = (this.#patterns.get(pattern) ?? 0) - 1;
      if (count <= 0) this.#patterns.delete(pattern);
      else this.#patterns.set(pattern, count);
      this.#forgetAnswers();
    }
  }

  clear(): void {
    this.#patterns.clear();
    this.#forgetAnswers();
  }

  /** True if somebody listens to the topic of that name. */
  hears(topicName: string): boolean {
    return this.#answers.get(topicName) ?? this.#answers.set(topicName, this.#find(topicName));
  }

  #find(topicName: string): boolean {
    for (const pattern of this.#patterns.keys()) {
      if (matchesPattern(pattern, topicName)) return true;
    }
    return false;
  }

  #forgetAnswers(): void {
    this.#answers = new BoundedMap(ANSWER_COUNT_MAX);
  }
}

function patterns(target: Destination): string[] {
  return compositeParts(target)
    .filter((part) => part.kind === 'topic' && /^(ActiveMQ|\*|>)(\.|$)/.test(part.name))
    .map((part) => part.name);
}
