import type { Selector } from '@batonmq/selector';
import { ConsumerRing } from './consumer-ring.ts';
import type { Entry } from './entry.ts';

/** The consumers of a queue that have the same selector; those that have none are one too. */
export class Selection {
  readonly text: string;
  readonly ring = new ConsumerRing();
  /** Consumers in it. */
  size = 0;
  /** When it was served last; among equals the one with the least goes first. */
  turn = 0;
  readonly #selector: Selector | undefined;

  constructor(selector: Selector | undefined) {
    this.text = textOf(selector);
    this.#selector = selector;
  }

  /** True if its consumers want every message. */
  get isPlain(): boolean {
    return this.#selector === undefined;
  }

  matches(entry: Entry): boolean {
    return this.#selector === undefined || this.#selector.matches(entry.selectable);
  }
}

/** What a selection is found by. */
export function textOf(selector: Selector | undefined): string {
  return selector?.text ?? '';
}
