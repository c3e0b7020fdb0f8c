import { describe, expect, test } from 'vitest';
import { Deque } from './deque.ts';

function dequeOf(count: number, shiftedCount: number): Deque<number> {
  const deque = new Deque<number>();
  // The head is somewhere inside of the ring then, so that its content runs over the end.
  for (let value = 0; value < shiftedCount; value += 1) deque.push(-1);
  for (let value = 0; value < shiftedCount; value += 1) deque.shift();
  for (let value = 0; value < count; value += 1) deque.push(value);
  return deque;
}

describe.each([0, 10, 15])('a deque whose head is at %i', (shiftedCount) => {
  test('gives what it was given, in order', () => {
    const deque = dequeOf(20, shiftedCount);
    expect(Array.from({ length: 20 }, () => deque.shift())).toEqual([...Array(20).keys()]);
    expect(deque.shift()).toBeUndefined();
  });

  test('takes out any one and keeps the others in order', () => {
    for (let taken = 0; taken < 12; taken += 1) {
      const deque = dequeOf(12, shiftedCount);
      expect(deque.at(taken)).toBe(taken);
      expect(deque.removeAt(taken)).toBe(taken);
      expect([...deque]).toEqual([...Array(12).keys()].filter((value) => value !== taken));
      deque.push(99);
      expect(deque.at(11)).toBe(99);
    }
  });

  test('keeps what it is told to, in order', () => {
    const deque = dequeOf(3000, shiftedCount);
    deque.filter((value) => value % 100 === 7);
    deque.push(-2);
    expect([...deque]).toEqual([...Array.from({ length: 30 }, (_, index) => index * 100 + 7), -2]);
    deque.filter(() => false);
    expect([deque.length, deque.peek(), deque.at(0), deque.shift()]).toEqual([
      0,
      undefined,
      undefined,
      undefined,
    ]);
  });

  test('has nothing behind its end', () => {
    const deque = dequeOf(3, shiftedCount);
    expect([deque.at(3), deque.removeAt(3), deque.length]).toEqual([undefined, undefined, 3]);
  });
});
