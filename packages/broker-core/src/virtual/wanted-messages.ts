import type { Selector, SelectorMessage } from '@batonmq/selector';
import { consumerSelector } from '../message/message-filter.ts';
import { textOf } from '../dispatch/selection.ts';

/** More different selectors than this, or longer ones together: the queue gets everything. */
const SELECTORS_MAX = 100;
const SELECTOR_CHARACTERS_MAX = 65_536;

/** The text of a consumer that has no selector. */
const EVERYTHING = '';

interface Wish {
  readonly selector: Selector | undefined;
  /** Consumers that are there and have it. */
  presentCount: number;
}

/**
 * What a queue of a selector-aware virtual topic is to get: what one of its consumers lets through,
 * also while that is away. Before its first consumer it gets everything.
 *
 * With `isSingle`, a selector that is new takes the place of those whose consumers are away; a
 * consumer without a selector takes nobody's place and, if there is another, counts while it is there.
 */
export class WantedMessages {
  readonly #isSingle: boolean;
  /** By the text of the selector. */
  readonly #wishes = new Map<string, Wish>();
  readonly #changed: (selectors: readonly string[]) => void;

  /** @param changed - Is told the selectors that count from now on, to be stored. */
  constructor(isSingle: boolean, changed: (selectors: readonly string[]) => void) {
    this.#isSingle = isSingle;
    this.#changed = changed;
  }

  has(message: SelectorMessage): boolean {
    if (this.#wishes.size === 0) return true;
    for (const { selector } of this.#wishes.values()) {
      if (selector === undefined || selector.matches(message)) return true;
    }
    return false;
  }

  /** What the store knows. */
  recovered(selectors: readonly string[]): void {
    for (const text of selectors) {
      this.#wishes.set(text, { selector: consumerSelector(text), presentCount: 0 });
    }
  }

  joined(selector: Selector | undefined): void {
    const text = textOf(selector);
    const known = this.#wishes.get(text);
    if (known !== undefined) {
      known.presentCount += 1;
      return;
    }
    if (this.#isSingle && text !== EVERYTHING) this.#forgetAbsent();
    this.#wishes.set(text, { selector, presentCount: 1 });
    if (this.#isTooMuch) {
      this.#wishes.clear();
      // Stays, whoever comes and goes: it stands for all that are not told apart any more.
      this.#wishes.set(EVERYTHING, { selector: undefined, presentCount: Infinity });
    }
    this.#changed([...this.#wishes.keys()]);
  }

  left(selector: Selector | undefined): void {
    const text = textOf(selector);
    const wish = this.#wishes.get(text);
    if (wish === undefined) return;
    wish.presentCount -= 1;
    const isGuest = this.#isSingle && text === EVERYTHING && this.#wishes.size > 1;
    if (!isGuest || wish.presentCount > 0) return;
    this.#wishes.delete(text);
    this.#changed([...this.#wishes.keys()]);
  }

  get #isTooMuch(): boolean {
    let characters = 0;
    for (const text of this.#wishes.keys()) characters += text.length;
    return this.#wishes.size > SELECTORS_MAX || characters > SELECTOR_CHARACTERS_MAX;
  }

  #forgetAbsent(): void {
    for (const [text, { presentCount }] of this.#wishes) {
      if (presentCount === 0) this.#wishes.delete(text);
    }
  }
}
