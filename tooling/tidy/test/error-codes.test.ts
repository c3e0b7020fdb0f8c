import { ERROR_CODES } from '@batonmq/model';
import { expect, test } from 'vitest';
import { members, readText, shippedSources } from '../src/workspace.ts';

const TABLE = 'packages/model/src/error-codes.ts';
const sources = members()
  .flatMap(shippedSources)
  .filter((path) => path !== TABLE)
  .map(readText);

test.each(Object.keys(ERROR_CODES))('%s is used', (code) => {
  expect(sources.some((source) => source.includes(`'${code}'`))).toBe(true);
});

test('no code is used that is not in the table', () => {
  const used = sources.flatMap((source) => source.match(/'BATON_[A-Z_]+'/g) ?? []);
  const known = Object.keys(ERROR_CODES).map((code) => `'${code}'`);
  expect([...new Set(used)].filter((code) => !known.includes(code))).toEqual([]);
});

test('every code says what it means in one sentence', () => {
  for (const { meaning } of Object.values(ERROR_CODES)) expect(meaning).toMatch(/^[A-Z].*\.$/);
});
