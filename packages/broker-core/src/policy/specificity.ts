/**
 * How closely a pattern names the destinations it covers, level by level from the left: a level
 * that is written out names it more closely than `*`, and `*` more closely than a final `>`. The end of a
 * pattern counts as written out: `A` is closer to `A` than `A.>` is.
 *
 * Patterns that cover the same destination are in one order by this: where they first differ, one
 * of them has the lesser level.
 */
const RANK = { rest: 0, any: 1, literal: 2 } as const;

/** Negative if `one` is less specific than `other`; 0 only for patterns that cover the same in the same way. */
export function compareSpecificity(one: string, other: string): number {
  const ones = one.split('.');
  const others = other.split('.');
  for (let index = 0; index < Math.max(ones.length, others.length); index += 1) {
    const difference = rankAt(ones, index) - rankAt(others, index);
    if (difference !== 0) return difference;
  }
  return 0;
}

function rankAt(levels: readonly string[], index: number): number {
  const level = levels[index];
  if (level === '*') return RANK.any;
  return level === '>' && index === levels.length - 1 ? RANK.rest : RANK.literal;
}
