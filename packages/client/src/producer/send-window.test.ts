import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SendWindow } from './send-window.ts';

test('lets in as much as fits, and the rest in order as room comes free', () => {
  const window = new SendWindow({ countMax: 2, bytesMax: 100, lineMax: 10 });
  const entered: string[] = [];
  for (const name of ['a', 'b', 'c', 'd']) window.enter(10, () => entered.push(name));
  expect(entered).toEqual(['a', 'b']);
  window.leave(10);
  expect(entered).toEqual(['a', 'b', 'c']);
});

test('a message larger than the window goes through alone', () => {
  const window = new SendWindow({ countMax: 10, bytesMax: 100, lineMax: 10 });
  const entered: string[] = [];
  window.enter(1, () => entered.push('small'));
  window.enter(1_000, () => entered.push('large'));
  window.enter(1, () => entered.push('after'));
  expect(entered).toEqual(['small']);
  window.leave(1);
  expect(entered).toEqual(['small', 'large']);
  window.leave(1_000);
  expect(entered).toEqual(['small', 'large', 'after']);
});

test('refuses what would make the line longer than allowed', () => {
  const window = new SendWindow({ countMax: 1, bytesMax: 100, lineMax: 1 });
  expect([1, 2, 3].map(() => window.enter(1, () => undefined))).toEqual([true, true, false]);
});

test('whatever the sizes, limits hold, order is kept and everybody gets in', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 80 }), { maxLength: 3_000 }), (sizes) => {
      const window = new SendWindow({ countMax: 5, bytesMax: 100, lineMax: Infinity });
      const inside: number[] = [];
      const entered: number[] = [];
      for (const [index, size] of sizes.entries()) {
        window.enter(size, () => {
          inside.push(size);
          entered.push(index);
          const bytes = inside.reduce((sum, one) => sum + one, 0);
          expect(inside.length === 1 || (inside.length <= 5 && bytes <= 100)).toBe(true);
        });
        if (index % 3 === 0) window.leave(inside.shift() ?? 0);
      }
      for (let size = inside.shift(); size !== undefined; size = inside.shift()) window.leave(size);
      expect(entered).toEqual(sizes.map((_, index) => index));
    }),
    { numRuns: 30 },
  );
});
