import type { Place } from './change-set.ts';
import { groupBy } from './group-by.ts';

/** Places of one destination without a gap between them. */
export interface PlaceRange {
  readonly destination: number;
  readonly first: number;
  readonly last: number;
}

/** Whole numbers without a gap between them. */
export type NumberRange = readonly [first: number, last: number];

/** Messages mostly go in the order in which they came: thousands of places are a few ranges. */
export function placeRanges(places: readonly Place[]): readonly PlaceRange[] {
  const byDestination = groupBy(places, ({ destination }) => destination);
  return [...byDestination].flatMap(([destination, ofDestination]) =>
    numberRanges(ofDestination.map(({ sequence }) => sequence)).map(([first, last]) => ({
      destination,
      first,
      last,
    })),
  );
}

/** @param numbers - in any order, none of them twice */
export function numberRanges(numbers: readonly number[]): readonly NumberRange[] {
  const ranges: [number, number][] = [];
  for (const number of [...numbers].sort((a, b) => a - b)) {
    const open = ranges.at(-1);
    if (open !== undefined && open[1] + 1 === number) open[1] = number;
    else ranges.push([number, number]);
  }
  return ranges;
}
