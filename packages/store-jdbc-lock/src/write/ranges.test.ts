import { destinationNumber, sequence } from '@batonmq/model';
import { expect, test } from 'vitest';
import { numberRanges, placeRanges } from './ranges.ts';

test('numbers without a gap are one range, in whatever order they come', () => {
  expect(numberRanges([5, 3, 4, 9, 7, 8, 1])).toEqual([
    [1, 1],
    [3, 5],
    [7, 9],
  ]);
  expect(numberRanges([])).toEqual([]);
});

test('numbers are put in order as numbers', () => {
  expect(numberRanges([10, 9, 100, 101])).toEqual([
    [9, 10],
    [100, 101],
  ]);
});

test('places of several destinations are ranges of each', () => {
  const places = [
    [1, 1],
    [2, 2],
    [1, 2],
    [2, 9],
  ].map(([destination = 0, number = 0]) => ({
    destination: destinationNumber(destination),
    sequence: sequence(number),
  }));
  expect(placeRanges(places)).toEqual([
    { destination: 1, first: 1, last: 2 },
    { destination: 2, first: 2, last: 2 },
    { destination: 2, first: 9, last: 9 },
  ]);
});
