import { expect, test } from 'vitest';
import { likePattern } from './like-pattern.ts';

test.each([
  ['', '', true],
  ['', 'a', false],
  ['%', '', true],
  ['%%', 'anything', true],
  ['a%', 'a', true],
  ['%a', 'ba', true],
  ['%a', 'ab', false],
  ['ab%ba', 'aba', false],
  ['ab%ba', 'abba', true],
  ['%ab%ab%', 'abab', true],
  ['%ab%ab%', 'aab', false],
  ['_', '𝒳', true],
  ['__', '𝒳', false],
  ['%_', '𝒳', true],
  ['_%_', '𝒳', false],
  ['a_c%', 'a𝒳cd', true],
  ['%_c', 'a\nc', true],
  ['%.%', 'ab', false],
  ['a*', 'aaa', false],
])('%j of %j: %s', (pattern, text, matches) => {
  expect(likePattern(pattern)(text)).toBe(matches);
});

test.each([
  ['100!%', '100%', true],
  ['100!%', '100x', false],
  ['a!!b', 'a!b', true],
  ['a!b', 'a!b', true],
  ['a!', 'a!', true],
])('with an escape, %j of %j: %s', (pattern, text, matches) => {
  expect(likePattern(pattern, '!')(text)).toBe(matches);
});
