import type { Value } from '../session.ts';

/** Of the types that the tables and the statements have; the server's numbers for them never change. */
const BYTEA = 17;
const INT8 = 20;
const INT2 = 21;
const INT4 = 23;
const NUMERIC = 1700;

type Parser = (text: string) => Value;

const PARSERS: Readonly<Record<number, Parser>> = {
  // `\x` and two digits for each byte.
  [BYTEA]: (text) => Buffer.from(text.slice(2), 'hex'),
  [INT8]: Number,
  [INT2]: Number,
  [INT4]: Number,
  // Sums of whole numbers.
  [NUMERIC]: Number,
};

/** How the driver makes a value of what the server sends as text. */
export function typeParserOf(type: number): Parser {
  return PARSERS[type] ?? ((text) => text);
}
