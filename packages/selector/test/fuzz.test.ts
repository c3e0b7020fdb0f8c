import { isBrokerError } from '@batonmq/model';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseSelector } from '@batonmq/selector';
import { properties, selectorText, tokenHeap, type Properties } from './arbitrary-selectors.ts';

const noise = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
  tokenHeap,
);

/** Selectors with a piece cut out and another put in. */
const mutated = fc
  .tuple(selectorText, fc.nat(200), fc.nat(5), noise)
  .map(([text, at, cut, put]) => text.slice(0, at) + put.slice(0, 8) + text.slice(at + cut));

function parseAndMatch(text: string, message: Properties): void {
  try {
    parseSelector(text).matches({ value: (name) => message.get(name) });
  } catch (error) {
    if (!isBrokerError(error)) throw error;
    expect(['BATON_INVALID_SELECTOR', 'BATON_UNSUPPORTED']).toContain(error.code);
  }
}

test.each([
  { what: 'noise', arbitrary: noise },
  { what: 'a mutated selector', arbitrary: mutated },
])('$what is a selector or is refused', ({ arbitrary }) => {
  fc.assert(fc.property(arbitrary, properties, parseAndMatch), { numRuns: 20_000 });
});

test.each([
  { about: 'one sign all over', text: '-'.repeat(65_000) },
  { about: 'comments without an end', text: `1${'--1'.repeat(21_000)}` },
  { about: 'block comments without an end', text: '/*'.repeat(32_000) },
  { about: 'stars', text: `/*${'*'.repeat(65_000)}` },
  { about: 'quotes', text: `a = ${"'".repeat(65_001)}` },
  { about: 'digits', text: `a = ${'9'.repeat(65_000)}` },
  { about: 'a fraction', text: `a = 1${'0'.repeat(65_000)}e5` },
  { about: 'parentheses', text: '('.repeat(65_000) },
  { about: 'a name', text: 'a'.repeat(65_000) },
  { about: 'prefixes', text: 'hyphenated_props:'.repeat(3800) },
])('$about: read in bounded time', ({ text }) => {
  const start = performance.now();
  parseAndMatch(text, new Map());
  expect(performance.now() - start).toBeLessThan(1000);
});

test.each([
  ['%a%a%a%a%a%a%a%a%b', 'a'.repeat(100_000)],
  [`${'%_'.repeat(500)}b`, 'a'.repeat(100_000)],
  [`%${'a'.repeat(1000)}b%`, 'a'.repeat(100_000)],
])('a pattern such as %.20s is matched in bounded time', (pattern, text) => {
  const selector = parseSelector(`s LIKE '${pattern}'`);
  const start = performance.now();
  expect(selector.matches({ value: () => ({ kind: 'string', value: text }) })).toBe(false);
  expect(performance.now() - start).toBeLessThan(1000);
});
