import { isBrokerError } from '@batonmq/model';
import { describe, expect, test } from 'vitest';
import {
  parseSelector,
  SELECTOR_LIMITS,
  type SelectorMessage,
  type SelectorValue,
} from '@batonmq/selector';

const VALUES: Readonly<Record<string, SelectorValue>> = {
  s: { kind: 'string', value: 'north' },
  lines: { kind: 'string', value: 'one\ntwo' },
  five: { kind: 'string', value: '5' },
  no: { kind: 'string', value: 'false' },
  i: { kind: 'int', value: 5 },
  most: { kind: 'int', value: 2_147_483_647 },
  b: { kind: 'byte', value: 5 },
  l: { kind: 'long', value: 9_007_199_254_740_993n },
  d: { kind: 'double', value: 2.5 },
  f: { kind: 'float', value: Math.fround(0.1) },
  yes: { kind: 'boolean', value: true },
  list: { kind: 'list', value: [{ kind: 'string', value: 'a' }] },
  bytes: { kind: 'bytes', value: new Uint8Array(1) },
  gone: { kind: 'null', value: null },
  'my-prop': { kind: 'int', value: 1 },
  my: { kind: 'int', value: 3 },
  prop: { kind: 'int', value: 2 },
  JMSPriority: { kind: 'int', value: 4 },
};
const MESSAGE: SelectorMessage = { value: (name) => VALUES[name] };

describe.each<{ about: string; match: readonly string[]; not: readonly string[] }>([
  {
    about: 'equality compares what is of a kind',
    match: ["s = 'north'", 'i = 5', 'i = 5.0', 'yes = TRUE', "s <> 'south'", 'JMSPriority = 4'],
    not: ["s = 'NORTH'", "i = '5'", "yes = 'true'", 'five = 5', "s <> 'north'"],
  },
  {
    about: '<> is NOT of =, so different kinds differ',
    match: ["i <> '5'", 'five <> 5', "yes <> 'true'", 'bytes <> 1'],
    not: ["NOT (i <> '5')", 'bytes = 1', 'bytes < 1'],
  },
  {
    about: 'what is missing makes unknown, which does not match, nor does its opposite',
    match: ['none IS NULL', 'gone IS NULL', 's IS NOT NULL', 'none = gone', '5 <> none'],
    not: ['none = 5', 'none <> 5', 'NOT none = 5', 'none > 5', 'NOT (none > 5)', 's IS NULL'],
  },
  {
    about: 'AND and OR know three truths',
    match: ['none = 5 OR yes', 'yes OR none = 5', 'NOT (none = 5 AND FALSE)', 'NOT NOT yes'],
    not: ['none = 5 AND yes', 'NOT (none = 5 OR FALSE)', 'none = 5 OR FALSE', 'NOT NULL', 'NULL'],
  },
  {
    about: 'OR binds weaker than AND',
    match: ['yes OR yes AND FALSE', 'yes OR FALSE AND none', 'FALSE AND FALSE OR yes'],
    not: ['(yes OR yes) AND FALSE', 'FALSE OR yes AND FALSE AND yes'],
  },
  {
    about: 'NOT binds tighter than a comparison',
    match: ['NOT (i = 6)', 'NOT yes = FALSE', 'NOT i <> 5', 'NOT i = TRUE'],
    not: ['NOT i = 5', 'NOT i = 6'],
  },
  {
    about: 'comparisons bind tighter than equality',
    match: ['i > 4 = yes', 'TRUE = i > 4', 'i < 4 = FALSE'],
    not: ['i > 4 = FALSE'],
  },
  {
    about: 'a lone name means that it is boolean and true',
    match: ['yes', '(yes)', '+yes', 'yes AND i = 5'],
    not: ['s', 'i', 'no', 'none', 'NOT none'],
  },
  {
    about: 'numbers of all types compare after promotion',
    match: ['b = 5', '5 = b', 'b < 5.5', 'l = 9007199254740993', 'l > 9007199254740992', 'd > 2'],
    not: ['l = 9007199254740992', 'f = 0.1', '0.1 = f', 'd > 3L', 'i > 0x5'],
  },
  {
    about: 'integers wrap as in Java, quotients and remainders are fractions',
    match: [
      'most + 1 = -2147483648',
      'most + 1L = -2147483648',
      'most + 2147483648 = 4294967295',
      '9223372036854775807 + 1 = -9223372036854775808',
      'i / 2 = 2.5',
      '7 % i = 2.0',
      '65536 * 65536 = 0',
      '-b = -5',
    ],
    not: ['i / 2 = 2', 'i / 0 = i', 's - 1 = 1', '-s = 1'],
  },
  {
    about: 'arithmetic binds by the usual rules',
    match: ['2 + 3 * 2 = 8', '(2 + 3) * 2 = 10', '10 - 3 - 2 = i', '2 - -3 = i', '- - i = 5'],
    not: ['10 - (3 - 2) = i'],
  },
  {
    about: 'a plus on a string appends',
    match: [
      "s + 'ern' = 'northern'",
      "s + i = 'north5'",
      "s + d = 'north2.5'",
      "'' + 1e7 = '1.0E7'",
    ],
    not: ["i + s = '5north'", "s + none = 'north'"],
  },
  {
    about: 'literals have the forms of Java',
    match: ['i = 05', 'i = 0x05', 'i = 5L', 'i = 5l', 'i = 5.', 'i = .5e1', 'i = 5E0', '8 = 010'],
    not: ['i = 5.1'],
  },
  {
    about: 'a quote is doubled inside of a string',
    match: ["'it''s' = 'it''s'", "'' = ''", "s <> 'n''orth'"],
    not: ["'it''s' = 'its'"],
  },
  {
    about: 'BETWEEN includes its limits',
    match: ['i BETWEEN 5 AND 6', 'i NOT BETWEEN 6 AND 7', 'i + 1 BETWEEN i AND 2 * i'],
    not: ['i BETWEEN 6 AND 7', 'i NOT BETWEEN 5 AND 5', 'none NOT BETWEEN 1 AND 2'],
  },
  {
    about: 'LIKE matches the whole text, over lines too',
    match: [
      "s LIKE 'n%h'",
      "s LIKE '_orth'",
      "s LIKE '%'",
      "lines LIKE 'one%two'",
      "s NOT LIKE 'n'",
    ],
    not: ["s LIKE 'ort'", "i LIKE '5'", "s NOT LIKE 'n%'", "none NOT LIKE 'x'", "s LIKE 'N%'"],
  },
  {
    about: 'an escape takes the meaning of a sign in a pattern',
    match: [
      "'a%' LIKE 'a!%' ESCAPE '!'",
      "'a!b' LIKE 'a!b' ESCAPE '!'",
      "'!' LIKE '!!' ESCAPE '!'",
    ],
    not: ["'ab' LIKE 'a!%' ESCAPE '!'", "'ab' LIKE 'a!_' ESCAPE '!'"],
  },
  {
    about: 'IN knows strings only; of others it does not know',
    match: ["s IN ('south', 'north')", "s NOT IN ('south')", "(s) IN ('north')"],
    not: ["s NOT IN ('north')", "i IN ('5')", "i NOT IN ('6')", "none NOT IN ('x')"],
  },
  {
    about: 'keywords are in any case, names are as they are',
    match: ["s like 'n%' and Not (i Between 6 aNd 7)", 'S is null'],
    not: ["S = 'north'", 'YES'],
  },
  {
    about: 'names and values may be followed by comments',
    match: ['i = 5 -- five\n', 'i /* the\n number */ = 5', 'i = /***/ 5', 'i --5\r\n = 5'],
    not: ['i = /* 5 */ 6'],
  },
  {
    about: 'a hyphen subtracts',
    match: ['my-prop = 1', 'my -prop = 1', 'no_hyphenated_props:my-prop = 1'],
    not: ['my-prop = 0'],
  },
  {
    about: 'a prefix makes hyphens part of names',
    match: [
      'hyphenated_props:my-prop = 1',
      'hyphenated_props:my - prop = 1',
      'hyphenated_props:i-5 IS NULL',
    ],
    not: ['hyphenated_props:my-none = 1'],
  },
  {
    about: 'a prefix reads strings as what they are compared with',
    match: [
      'convert_string_expressions:five = 5',
      'convert_string_expressions:i = five',
      'convert_string_expressions:five > 4.5',
      'convert_string_expressions:no = FALSE',
      'convert_string_expressions:FALSE = no',
      'convert_string_expressions:hyphenated_props:my-prop = five - five OR five = 5',
    ],
    not: [
      'convert_string_expressions:s = 5',
      'convert_string_expressions:no_convert_string_expressions:five = 5',
    ],
  },
  {
    about: 'functions work on lists and plain texts',
    match: [
      "INLIST(MAKELIST('south', 'north'), s)",
      "INLIST(SPLIT('a,b', ','), 'b')",
      "INLIST(list, 'a')",
      "REPLACE(s, 'th', 'd') = 'nord'",
      "'' + SPLIT('a,b,c', ',', 2) = '[a, b,c]'",
      "'' + SPLIT('a,,', ',') = '[a]'",
      "'' + SPLIT('a,,', ',', -1) = '[a, , ]'",
    ],
    not: ["INLIST(s, 'north')", 'INLIST(MAKELIST(5), 5.0)', "INLIST(SPLIT(none, ','), 'b')"],
  },
])('$about:', ({ match, not }) => {
  test.each(match)('%s', (text) => {
    expect(parseSelector(text).matches(MESSAGE)).toBe(true);
  });
  test.each(not)('not %s', (text) => {
    expect(parseSelector(text).matches(MESSAGE)).toBe(false);
  });
});

function refusal(text: string): { code: string; position: unknown; problem: unknown } {
  try {
    parseSelector(text);
  } catch (error) {
    if (!isBrokerError(error)) throw error;
    return {
      code: error.code,
      position: error.details['position'],
      problem: error.details['problem'],
    };
  }
  throw new Error(`it was taken: ${text}`);
}

test.each([
  ['', 0, 'expected a literal, a name or a parenthesis, but it ends'],
  ['a = ', 4, 'expected a literal, a name or a parenthesis, but it ends'],
  ['a = 1 b', 6, 'expected an operator or the end of the selector, but there is b'],
  ['a.b = 1', 1, 'no literal, name or sign of a selector begins with this character'],
  ['a == 1', 3, 'expected a literal, a name or a parenthesis, but there is ='],
  ["a = 'x", 4, 'the string that begins here has no closing quote'],
  ['a = "x"', 4, 'no literal, name or sign of a selector begins with this character'],
  ["a < 'x'", 4, 'only numbers have an order; compare other literals with = or <>'],
  ['a BETWEEN 1 AND TRUE', 16, 'only numbers have an order; compare other literals with = or <>'],
  ['(a = 1) > 2', 0, 'a condition has no order; compare it with = or <>'],
  ['a = NULL', 4, 'nothing is equal to NULL; write IS NULL or IS NOT NULL'],
  ["TRUE = 'x'", 7, 'TRUE and FALSE compare to no other literal'],
  ['a IN (1)', 6, 'expected a string in single quotes, but there is 1'],
  ["1 IN ('1')", 0, 'IN needs the name of a property on its left'],
  ["a LIKE 'x' ESCAPE 'yz'", 18, 'the escape character must be one character'],
  ['a IS 5', 5, 'expected NULL or NOT NULL, but there is 5'],
  ['1 + 1', 0, 'a condition is expected here; this is a value'],
  ["yes AND 'x'", 8, 'a condition is expected here; this is a value'],
  ['a = 0xFFFFFFFFFFFFFFFF', 4, 'the number does not fit 64 bits'],
  ['a = 08', 5, 'expected an operator or the end of the selector, but there is 8'],
  [
    'a = 1 -- no end of line',
    12,
    'expected an operator or the end of the selector, but there is end',
  ],
  ['UPPER(a)', 0, 'UPPER is no function; there are INLIST, MAKELIST, REPLACE and SPLIT'],
  ["inlist(a, 'x')", 0, 'inlist is no function; there are INLIST, MAKELIST, REPLACE and SPLIT'],
  ['INLIST(a)', 0, 'INLIST takes 2 arguments, not 1'],
  [
    'convert_string_expressions:a ==',
    30,
    'expected a literal, a name or a parenthesis, but there is =',
  ],
])('%j is refused, with the place and the reason', (text, position, problem) => {
  expect(refusal(text)).toEqual({ code: 'BATON_INVALID_SELECTOR', position, problem });
});

test.each([
  "XPATH '/a'",
  "XQUERY '/a'",
  "REGEX('a.b', s)",
  "'' + SPLIT(s, '[,;]') = ''",
  "'' + SPLIT(s, '') = ''",
  "REPLACE(s, 'a+', 'b') = 'b'",
  "REPLACE(s, five, 'b') = 'b'",
  "REPLACE(s, 'a', '$0') = 'b'",
])('%s is known and not supported', (text) => {
  expect(refusal(text).code).toBe('BATON_UNSUPPORTED');
});

test.each([
  { limit: 'length', text: `s = '${'x'.repeat(SELECTOR_LIMITS.lengthMax)}'` },
  { limit: 'terms', text: `yes${' OR yes'.repeat(SELECTOR_LIMITS.termsMax)}` },
  { limit: 'nesting of parentheses', text: `${'('.repeat(101)}yes${')'.repeat(101)}` },
  { limit: 'nesting of signs', text: `1 = ${'- '.repeat(60_000)}1` },
  { limit: 'nesting of functions', text: `${'INLIST(MAKELIST('.repeat(60)}1` },
])('a selector beyond the limit of $limit is refused', ({ text }) => {
  expect(refusal(text).code).toBe('BATON_INVALID_SELECTOR');
});

test('a selector at its limits works', () => {
  const nested = `${'('.repeat(100)}yes${')'.repeat(100)}`;
  const long = `1${' + 1'.repeat(990)} = 991 AND s IN (${"'x', ".repeat(5000)}'north')`;
  expect(parseSelector(nested).matches(MESSAGE)).toBe(true);
  expect(parseSelector(long).matches(MESSAGE)).toBe(true);
});

test('a selector keeps its text, prefixes and all', () => {
  const text = ' convert_string_expressions';
  expect(parseSelector(text).text).toBe(text);
  expect(parseSelector('hyphenated_props: a-b').text).toBe('hyphenated_props: a-b');
});
