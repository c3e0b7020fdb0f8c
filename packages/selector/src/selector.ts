import { parseExpression, type ParseRules } from './parser.ts';
import type { SelectorMessage } from './selector-message.ts';

/** A compiled selector. Holds no state: one may serve any number of consumers. */
export interface Selector {
  /** As it was given, with its prefixes. */
  readonly text: string;
  /** True if the selector is; false if it is false or unknown. Never throws. */
  matches(message: SelectorMessage): boolean;
}

const PREFIXES: Readonly<Record<string, Partial<ParseRules>>> = {
  'convert_string_expressions:': { convertsStrings: true },
  'no_convert_string_expressions:': { convertsStrings: false },
  'hyphenated_props:': { hasHyphens: true },
  'no_hyphenated_props:': { hasHyphens: false },
};

/**
 * Compiles a message selector, in the dialect of ActiveMQ with the prefixes of Artemis.
 *
 * @throws BrokerError `BATON_INVALID_SELECTOR` if it is no selector or beyond {@link SELECTOR_LIMITS},
 * `BATON_UNSUPPORTED` for XPATH, XQUERY and functions with regular expressions. Both have
 * `details.position`, an index into `text`, and `details.problem`.
 */
export function parseSelector(text: string): Selector {
  let rules: ParseRules = { convertsStrings: false, hasHyphens: false };
  let start = 0;
  for (;;) {
    const prefix = Object.keys(PREFIXES).find((each) => text.startsWith(each, start));
    if (prefix === undefined) break;
    rules = { ...rules, ...PREFIXES[prefix] };
    start += prefix.length;
  }
  const test = parseExpression(text, start, rules);
  return { text, matches: (message) => test(message) === true };
}
