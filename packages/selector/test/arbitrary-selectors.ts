/** Random selectors and messages. The names say what they hold: `s` and `t` strings, `i` and `j` ints … */
import fc from 'fast-check';
import type { SelectorValue } from '@batonmq/selector';

export type Properties = ReadonlyMap<string, SelectorValue>;

const text = fc.constantFrom(
  'a',
  'b',
  'ab',
  'a%b',
  'a_b',
  "it's",
  '',
  'A',
  'x\ny',
  '5',
  '𝒳',
  'true',
);
const smallInt = fc.oneof(
  fc.integer({ min: -3, max: 10 }),
  fc.constantFrom(2147483647, -2147483648, 65536, 46341),
);
const long = fc.oneof(
  fc.bigInt({ min: -3n, max: 10n }),
  fc.constantFrom(9223372036854775807n, -9223372036854775808n, 9007199254740993n, 2147483648n),
);
const fraction = fc.constantFrom(0, -0, 0.5, 1.5, 5, -2.25, 1e10, 0.1, NaN, Infinity, 16777217);

function valued<K extends SelectorValue['kind'], V>(
  kind: K,
  values: fc.Arbitrary<V>,
): fc.Arbitrary<{ kind: K; value: V }> {
  return values.map((value) => ({ kind, value }));
}

const present = {
  s: valued('string', text),
  t: valued('string', text),
  i: valued('int', smallInt),
  j: valued('int', smallInt),
  l: valued('long', long),
  d: valued('double', fraction),
  f: valued('float', fraction.map(Math.fround)),
  b: valued('byte', fc.integer({ min: -128, max: 127 })),
  h: valued('short', fc.integer({ min: -3, max: 10 })),
  yes: valued('boolean', fc.boolean()),
};

/** Messages in which each property may be missing; `none` always is. */
export const properties: fc.Arbitrary<Properties> = fc
  .record(present, { requiredKeys: [] })
  .map((record) => new Map(Object.entries(record)));

function quoted(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}

function anyCase(word: string): fc.Arbitrary<string> {
  return fc.constantFrom(word, word.toLowerCase(), word.charAt(0) + word.slice(1).toLowerCase());
}

const string = text.map(quoted);
const number = fc.oneof(
  smallInt.map(String),
  fc.constantFrom('0x1F', '017', '5L', '2.5', '.5', '1e2', '5.', '2147483648', '-2147483649'),
  fc.constantFrom('9223372036854775807', '-9223372036854775808', '18446744073709551621', '0.1'),
);
const logical = fc.oneof(anyCase('TRUE'), anyCase('FALSE'), anyCase('NULL'));
const name = fc.constantFrom('s', 't', 'i', 'j', 'l', 'd', 'f', 'yes', 'none');
/** ActiveMQ compares them on the left side only, so they are written only there. */
const narrowName = fc.constantFrom('b', 'h');
const pattern = fc
  .array(fc.constantFrom('%', '_', 'a', 'b', '!', '𝒳', '.', '\n', 'x', '('), { maxLength: 5 })
  .map((parts) => quoted(parts.join('')));
const space = fc.constantFrom(' ', ' ', ' ', '\t', '\n', ' /* note */ ', ' -- note\n');

function spaced(...parts: readonly (fc.Arbitrary<string> | string)[]): fc.Arbitrary<string> {
  const pieces = parts.map((part) => (typeof part === 'string' ? fc.constant(part) : part));
  return fc
    .tuple(fc.array(space, { minLength: parts.length, maxLength: parts.length }), ...pieces)
    .map(([spaces, ...texts]) => texts.map((each, index) => each + (spaces[index] ?? '')).join(''));
}

const not = fc.oneof({ weight: 2, arbitrary: fc.constant('') }, anyCase('NOT'));

/** What each tie makes; a type, as the overload asks for an index signature. */
type Parts = { readonly value: string; readonly condition: string };

/** Selectors, nearly all of which follow the grammar; not all obey its further rules. */
export const selectorText: fc.Arbitrary<string> = fc.letrec<Parts>((tie) => {
  const value = tie('value');
  const condition = tie('condition');
  const left = fc.oneof({ weight: 5, arbitrary: value }, narrowName);
  const equalSign = fc.constantFrom('=', '<>');
  const orderSign = fc.constantFrom('<', '<=', '>', '>=');
  const list = fc.array(string, { minLength: 1, maxLength: 6 }).map((all) => all.join(', '));
  const strings = fc.array(value, { minLength: 1, maxLength: 3 }).map((all) => all.join(', '));
  return {
    value: fc.oneof(
      { maxDepth: 3, depthIdentifier: 'value' },
      name,
      name,
      number,
      string,
      spaced(value, fc.constantFrom('+', '-', '*', '/', '%'), value),
      spaced('-', value),
      spaced('+', value),
      spaced('(', value, ')'),
      logical,
    ),
    condition: fc.oneof(
      { maxDepth: 3, depthIdentifier: 'condition' },
      spaced(left, equalSign, value),
      spaced(left, orderSign, value),
      spaced(left, not, anyCase('BETWEEN'), value, anyCase('AND'), value),
      spaced(left, not, anyCase('LIKE'), pattern),
      spaced(name, not, anyCase('LIKE'), pattern, anyCase('ESCAPE'), fc.constantFrom("'!'", "'_'")),
      spaced(name, not, anyCase('IN'), '(', list, ')'),
      spaced(left, anyCase('IS'), not, anyCase('NULL')),
      name,
      logical,
      spaced(condition, anyCase('AND'), condition),
      spaced(condition, anyCase('OR'), condition),
      spaced(anyCase('NOT'), condition),
      spaced('(', condition, ')'),
      spaced('(', condition, ')', equalSign, logical),
      spaced('INLIST(', 'MAKELIST(', strings, '),', value, ')'),
      spaced('INLIST(', 'SPLIT(', name, ",'b'),", string, ')'),
      spaced('REPLACE(', name, ",'a','b')", equalSign, string),
    ),
  };
}).condition;

const token = fc.constantFrom(
  ...['AND', 'or', 'NOT', 'IS', 'NULL', 'IN', 'LIKE', 'BETWEEN', 'ESCAPE', 'TRUE', 's', 'i', 'yes'],
  ...['(', ')', ',', '=', '<>', '<', '>=', '+', '-', '*', '/', '%', "'a'", '5', '0x', '08', '1.5'],
  ...[
    '1.5.5',
    '5L',
    '0L',
    '.',
    '--',
    '/*',
    '*/',
    '#',
    '"x"',
    "'",
    '$x',
    '_y',
    'my-prop',
    'a.b',
    '\f',
  ],
);

/** Heaps of tokens, few of which are selectors. */
export const tokenHeap: fc.Arbitrary<string> = fc
  .array(token, { maxLength: 7 })
  .map((tokens) => tokens.join(' '));
