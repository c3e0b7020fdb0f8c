import { parseDestination } from '@batonmq/model';
import { expect, test } from 'vitest';
import { Counts } from './counts.ts';

function countsOf(...targets: readonly string[]): Counts {
  const counts = new Counts();
  for (const target of targets) counts.add(parseDestination(target), 1);
  return counts;
}

const at = (counts: Counts, target: string): number => counts.at(parseDestination(target));

test('each counts at its destination, and nowhere else', () => {
  const counts = countsOf('A', 'A', 'topic://A');
  expect([at(counts, 'A'), at(counts, 'topic://A'), at(counts, 'B')]).toEqual([2, 1, 0]);
});

test('a wildcard counts at all that it covers, and a composite at each of its parts', () => {
  const counts = countsOf('orders.>', 'orders.*,B');
  expect([at(counts, 'orders.eu'), at(counts, 'orders.eu.1'), at(counts, 'B')]).toEqual([2, 1, 1]);
});

test('what is gone does not count', () => {
  const counts = countsOf('A', 'A.>');
  for (const target of ['A', 'A.>', 'B']) counts.add(parseDestination(target), -1);
  expect([at(counts, 'A'), at(counts, 'A.B'), at(counts, 'B')]).toEqual([0, 0, 0]);
});
