import type { Problem } from '@batonmq/broker-core';
import { z } from 'zod';

/** Options of one part of the broker; what they are is for that part to say. */
export type Options = Readonly<Record<string, unknown>>;

/** Something wrong in a section, and which option it is about. */
interface OptionProblem {
  readonly path: readonly string[];
  readonly message: string;
}

type Entry = readonly [path: readonly string[], value: unknown];

/**
 * Options that `resolve` checks. A section that is empty sets nothing.
 *
 * @param resolve - Throws for options that are wrong, alone or together.
 */
export function optionSection<T extends object>(resolve: (options: T) => unknown) {
  return z
    .custom<T | null>()
    .superRefine((value, context) => {
      if (value !== null && !isMapping(value)) {
        context.addIssue({ code: 'custom', message: 'must be options, each as name: value' });
        return;
      }
      for (const { path, message } of optionProblems(value ?? {}, (options) =>
        resolve(options as T),
      )) {
        context.addIssue({ code: 'custom', message, path: [...path] });
      }
    })
    .transform((value) => value ?? undefined);
}

/** Options that `problemsOf` checks as a whole. A section that is empty sets nothing. */
export function checkedSection<T extends object>(
  problemsOf: (value: unknown) => Iterable<Problem>,
) {
  return z
    .custom<T | null>()
    .superRefine((value, context) => {
      if (value === null) return;
      for (const { path, message } of problemsOf(value)) {
        context.addIssue({ code: 'custom', message, path: [...path] });
      }
    })
    .transform((value) => value ?? undefined);
}

/** A list that `problemsOf` checks as a whole. One that is empty sets nothing. */
export function listSection<T extends object>(problemsOf: (list: unknown) => Iterable<Problem>) {
  return z
    .custom<readonly T[] | null>()
    .superRefine((value, context) => {
      for (const { path, message } of problemsOf(value ?? [])) {
        context.addIssue({ code: 'custom', message, path: [...path] });
      }
    })
    .transform((value) => value ?? undefined);
}

export function isMapping(value: unknown): value is Options {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Every option that is wrong, each with its path. Those that work together are put in first, in as
 * many rounds as it takes, because some are allowed only beside others; what `resolve` says to
 * each of the rest is what is wrong with it.
 */
export function optionProblems(
  options: Options,
  resolve: (options: Options) => unknown,
): OptionProblem[] {
  const entries = entriesOf(options);
  let accepted: readonly Entry[] = [];
  let open: readonly Entry[] = entries.filter(([, value]) => value !== null);
  for (let countBefore = -1; countBefore !== accepted.length;) {
    countBefore = accepted.length;
    for (const entry of open) {
      if (problemOf([...accepted, entry]) === undefined) accepted = [...accepted, entry];
    }
    open = open.filter((entry) => !accepted.includes(entry));
  }
  return entries
    .filter((entry) => !accepted.includes(entry))
    .map((entry) => ({
      path: entry[0],
      message: problemOf([...accepted, entry]) ?? 'has no value',
    }));

  function problemOf(given: readonly Entry[]): string | undefined {
    if (given.some(([, value]) => value === null)) return undefined;
    try {
      resolve(nested(given));
      return undefined;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }
}

/** Every option with its path, those of sections in sections too. */
export function entriesOf(options: Options, around: readonly string[] = []): Entry[] {
  return Object.entries(options).flatMap(([name, value]): Entry[] => {
    const path = [...around, name];
    return isMapping(value) ? entriesOf(value, path) : [[path, value]];
  });
}

/** The opposite of {@link entriesOf}. */
export function nested(entries: Iterable<Entry>): Options {
  const result: Record<string, unknown> = {};
  for (const [path, value] of entries) {
    let place = result;
    for (const name of path.slice(0, -1)) {
      if (!isMapping(place[name])) place[name] = {};
      place = place[name] as Record<string, unknown>;
    }
    // Defined, not assigned: `__proto__` is an unknown option like any other.
    Object.defineProperty(place, path.at(-1) ?? '', { value, enumerable: true, writable: true });
  }
  return result;
}
