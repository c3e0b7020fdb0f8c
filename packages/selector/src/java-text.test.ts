import { expect, test } from 'vitest';
import { javaText, readNumber } from './java-text.ts';

// As `Double.toString` and `Float.toString` document and print them.
test.each([
  [1, '1.0'],
  [-0, '-0.0'],
  [0.001, '0.001'],
  [0.00099, '9.9E-4'],
  [123.456, '123.456'],
  [9_999_999, '9999999.0'],
  [10_000_000, '1.0E7'],
  [1.5e300, '1.5E300'],
  [NaN, 'NaN'],
  [-Infinity, '-Infinity'],
])('the double %d is written %s', (value, text) => {
  expect(javaText({ kind: 'double', value })).toBe(text);
});

test.each([
  [0.1, '0.1'],
  [16_777_217, '1.6777216E7'],
  [3.4028234663852886e38, '3.4028235E38'],
])('the float %d is written %s', (value, text) => {
  expect(javaText({ kind: 'float', value: Math.fround(value) })).toBe(text);
});

test.each([
  ['5', 'byte', 5],
  ['+5', 'int', 5],
  ['128', 'byte', undefined],
  ['-32768', 'short', -32768],
  ['2147483648', 'int', undefined],
  ['2147483648', 'long', 2147483648n],
  ['9223372036854775808', 'long', undefined],
  ['5.0', 'int', undefined],
  [' 5', 'int', undefined],
  ['', 'int', undefined],
  [' 5.5 ', 'double', 5.5],
  ['5d', 'double', 5],
  ['.5F', 'float', 0.5],
  ['1e-3', 'double', 0.001],
  ['-Infinity', 'double', -Infinity],
  ['Infinityd', 'double', undefined],
  ['0x10', 'double', undefined],
  ['', 'double', undefined],
] as const)('%j read as a %s is %s', (text, kind, value) => {
  expect(readNumber(text, kind)?.value).toBe(value);
});
