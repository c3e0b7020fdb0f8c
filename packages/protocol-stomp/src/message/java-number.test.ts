import { expect, test } from 'vitest';
import { javaNumberText } from './java-number.ts';

// Written by Double.toString and Float.toString of Java 17.
test.each([
  [0, '0.0'],
  [-0, '-0.0'],
  [1, '1.0'],
  [-2.5, '-2.5'],
  [0.001, '0.001'],
  [0.0001, '1.0E-4'],
  [9_999_999, '9999999.0'],
  [10_000_000, '1.0E7'],
  [1.2345e20, '1.2345E20'],
  [NaN, 'NaN'],
  [-Infinity, '-Infinity'],
])('the double %d is %s', (value, text) => {
  expect(javaNumberText(value, 'double')).toBe(text);
});

test.each([
  [Math.fround(0.1), '0.1'],
  [Math.fround(3.4028235e38), '3.4028235E38'],
  [Math.fround(16_777_216), '1.6777216E7'],
])('the float %d is %s', (value, text) => {
  expect(javaNumberText(value, 'float')).toBe(text);
});
