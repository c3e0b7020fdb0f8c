import { expect, test } from 'vitest';
import { ExpiryIndex } from './expiry-index.ts';

test('nothing is due before its time, and everything is in the second that begins then', () => {
  const index = new ExpiryIndex();
  index.add(7, 10_001);
  expect([index.due(10), index.due(11)]).toEqual([undefined, { first: 7, last: 7 }]);
  index.add(8, 12_000);
  index.deleteSpan({ first: 7, last: 7 } as never);
  expect([index.due(11), index.earliest, index.due(12)]).toEqual([
    undefined,
    12,
    { first: 8, last: 8 },
  ]);
});

test('what is due is named in runs of 256 sequences at most, all of it', () => {
  const index = new ExpiryIndex();
  for (let sequence = 1; sequence <= 1000; sequence += 1) index.add(sequence, 5000);
  let count = 0;
  for (let span = index.due(5); span !== undefined; span = index.due(5)) {
    count += span.last - span.first + 1;
    expect(span.last - span.first).toBeLessThan(256);
    index.deleteSpan(span);
  }
  expect([count, index.bytes, index.earliest]).toEqual([1000, 0, Infinity]);
});

test('a million messages that expire take 4 bytes each, and nothing when they are gone', () => {
  const index = new ExpiryIndex();
  const count = 1_000_000;
  for (let sequence = 0; sequence < count; sequence += 1) index.add(sequence, 1000 * sequence + 1);
  expect(index.bytes / count).toBeCloseTo(4, 2);
  for (let sequence = 0; sequence < count; sequence += 1) index.delete(sequence);
  expect(index.bytes).toBe(0);
});

test('among times in no order, each message is found in its second', () => {
  const index = new ExpiryIndex();
  const secondOf = (sequence: number): number => 1 + ((sequence * 7919) % 1000);
  for (let sequence = 0; sequence < 5000; sequence += 1)
    index.add(sequence, 1000 * secondOf(sequence));
  for (let second = 1; second <= 1000; second += 1) {
    const found: number[] = [];
    for (let span = index.due(second); span !== undefined; span = index.due(second)) {
      for (const each of [span.first, span.last]) {
        if (secondOf(each) === second) found.push(each);
        index.delete(each);
      }
    }
    expect(new Set(found).size).toBe(5);
  }
  expect(index.earliest).toBe(Infinity);
});

test('what expires after the year 2106 is due then, and what expired before 1970 at once', () => {
  const index = new ExpiryIndex();
  index.add(1, Number.MAX_SAFE_INTEGER);
  expect(index.due(2 ** 32 - 2)).toBeUndefined();
  index.add(2, -5);
  expect(index.due(1)).toEqual({ first: 2, last: 2 });
});
