import type { Sequence } from '@batonmq/model';

/** Sequences that follow each other without a gap. */
export interface Run {
  readonly first: Sequence;
  readonly count: number;
}

/** The fewest runs that are the same sequences, in order. */
export function runsOf(sequences: readonly Sequence[]): readonly Run[] {
  const runs: { first: Sequence; count: number }[] = [];
  for (const sequence of [...sequences].sort((one, other) => one - other)) {
    const last = runs.at(-1);
    if (last !== undefined && sequence === last.first + last.count) last.count += 1;
    else runs.push({ first: sequence, count: 1 });
  }
  return runs;
}

export function sequencesOf(runs: readonly Run[]): readonly Sequence[] {
  return runs.flatMap(({ first, count }) =>
    Array.from({ length: count }, (_, index) => (first + index) as Sequence),
  );
}
