/**
 * Options in the queries of URIs: a table says which exist, of what kind they are and what they
 * default to; everything else is refused, all problems at once.
 */
import { BrokerError } from '@batonmq/model';
import type { UriOption } from './broker-uri.ts';
import { closest } from './closest.ts';

/** How the text of an option becomes a value. */
export interface OptionKind<T> {
  readonly default: T;
  /** What is allowed, as it completes "… must be": `a whole number from 0`. */
  readonly allowed: string;
  /** The value, or `undefined` if the text is not allowed. */
  parse(text: string): T | undefined;
}

export type OptionTable = Readonly<Record<string, OptionKind<unknown>>>;

/** The values of a table, each with the type of its kind. */
export type OptionValues<Table extends OptionTable> = {
  readonly [Name in keyof Table]: Table[Name] extends OptionKind<infer T> ? T : never;
};

export function wholeNumber(
  defaultValue: number,
  { min = 0, max = Number.MAX_SAFE_INTEGER }: { min?: number; max?: number } = {},
): OptionKind<number> {
  const end = max === Number.MAX_SAFE_INTEGER ? 'up' : `to ${max}`;
  return {
    default: defaultValue,
    allowed: `a whole number from ${min} ${end}`,
    parse: (text) => {
      const value = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN;
      return Number.isSafeInteger(value) && value >= min && value <= max ? value : undefined;
    },
  };
}

export function decimal(defaultValue: number, { min }: { min: number }): OptionKind<number> {
  return {
    default: defaultValue,
    allowed: `a number from ${min} up`,
    parse: (text) => {
      const value = text.trim() === '' ? Number.NaN : Number(text);
      return Number.isFinite(value) && value >= min ? value : undefined;
    },
  };
}

export function flag(defaultValue: boolean): OptionKind<boolean> {
  return {
    default: defaultValue,
    allowed: '"true" or "false"',
    parse: (text) => {
      const word = text.toLowerCase();
      return word === 'true' ? true : word === 'false' ? false : undefined;
    },
  };
}

export function words(defaultValue: string): OptionKind<string> {
  return { default: defaultValue, allowed: 'a text', parse: (text) => text };
}

/**
 * Reads a query against a table. An option given more than once counts as last given; what is
 * not given has its default.
 *
 * @param of - What the options belong to, for the error: `failover:`.
 * @throws BrokerError `BATON_INVALID_OPTION`, naming every unknown name (with the nearest known
 *   one) and every value that is not allowed.
 */
export function resolveUriOptions<Table extends OptionTable>(
  table: Table,
  query: readonly UriOption[],
  of: string,
): OptionValues<Table> {
  const values: Record<string, unknown> = {};
  for (const [name, kind] of Object.entries(table)) values[name] = kind.default;
  const problems: string[] = [];
  for (const { name, value, position } of query) {
    const kind = Object.hasOwn(table, name) ? table[name] : undefined;
    const parsed = kind?.parse(value);
    if (kind === undefined) problems.push(unknownOption(name, position, Object.keys(table)));
    else if (parsed === undefined) {
      problems.push(
        `"${name}" at character ${position + 1} must be ${kind.allowed}, not "${value}"`,
      );
    } else values[name] = parsed;
  }
  if (problems.length > 0) {
    throw new BrokerError('BATON_INVALID_OPTION', `Options of ${of}: ${problems.join('; ')}`, {
      details: { problems: problems.length, position: query[0]?.position },
    });
  }
  return Object.freeze(values) as OptionValues<Table>;
}

function unknownOption(name: string, position: number, known: readonly string[]): string {
  const guess = closest(name, known);
  const hint = guess === undefined ? '' : `; did you mean "${guess}"?`;
  return `there is no option "${name}" (at character ${position + 1})${hint}`;
}
