import { expect, test } from 'vitest';
import { digitsIn } from './digits.ts';

function read(text: string): number {
  const bytes = Buffer.from(`x${text}9`);
  return digitsIn(bytes, 1, bytes.length - 1);
}

test.each([
  ['0', 0],
  ['7', 7],
  ['0042', 42],
  ['999999999999999', 999_999_999_999_999],
])('%s is a number', (text, number) => {
  expect(read(text)).toBe(number);
});

test.each(['', ' 1', '1 ', '-1', '+1', '1.0', '1e3', '٣', '1000000000000000'])(
  '"%s" is none',
  (text) => {
    expect(read(text)).toBe(-1);
  },
);
