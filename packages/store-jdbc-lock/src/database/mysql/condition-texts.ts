import { groupBy } from '../../write/group-by.ts';
import { IN_RANGE } from '../../write/portable-write.ts';
import type { StepRow } from '../../write/step.ts';
import { filled, literal } from './literals.ts';

const EQUALITY = /^(?<column>\w+) = \?$/;

/**
 * What holds if `condition` does for any of the rows. The server reads a list of values several times faster than as
 * many conditions.
 */
export function conditionOf(condition: string, rows: readonly StepRow[]): string {
  if (condition === IN_RANGE) return placesCondition(rows);
  const column = EQUALITY.exec(condition)?.groups?.['column'];
  if (column !== undefined) return `${column} in (${rows.flat().map(literal).join(',')})`;
  return anyOf(rows.map((row) => filled(condition, row)));
}

function placesCondition(rows: readonly StepRow[]): string {
  const byDestination = groupBy(rows, ([destination]) => literal(destination ?? null));
  return anyOf(
    [...byDestination].map(([destination, ranges]) => {
      const single: string[] = [];
      const conditions: string[] = [];
      for (const [, first = null, last = null] of ranges) {
        if (first === last) single.push(literal(first));
        else conditions.push(`sequence between ${literal(first)} and ${literal(last)}`);
      }
      if (single.length > 0) conditions.push(`sequence in (${single.join(',')})`);
      return `destination = ${destination} and (${anyOf(conditions)})`;
    }),
  );
}

function anyOf(conditions: readonly string[]): string {
  return conditions.map((condition) => `(${condition})`).join(' or ');
}
