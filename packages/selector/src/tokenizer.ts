import { invalidSelector } from './selector-error.ts';

/** Words with a meaning, whatever their case. */
const KEYWORDS = new Set([
  'NOT',
  'AND',
  'OR',
  'BETWEEN',
  'LIKE',
  'ESCAPE',
  'IN',
  'IS',
  'TRUE',
  'FALSE',
  'NULL',
  'XPATH',
  'XQUERY',
]);

export interface Token {
  /** `sign` and `keyword`: `text` says which, keywords in capitals. `end`: after the last one. */
  readonly kind:
    'sign' | 'keyword' | 'identifier' | 'string' | 'decimal' | 'hex' | 'octal' | 'floating' | 'end';
  readonly text: string;
  readonly position: number;
  /** Where the next one may begin. */
  readonly end: number;
}

/** A line comment needs the end of its line; without it `--` is two signs, as in ActiveMQ. */
const SPACE = /(?:[ \t\n\r\f]+|--[^\n\r]*(?:\r\n|\r|\n)|\/\*[^*]*\*+(?:[^*/][^*]*\*+)*\/)+/y;
/** In this order, so that the first that matches is the longest. */
const LITERALS_AND_SIGNS: readonly (readonly [Token['kind'], RegExp])[] = [
  ['string', /'(?:''|[^'])*'/y],
  ['floating', /\d+\.\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+/y],
  ['hex', /0[xX][0-9a-fA-F]+/y],
  ['octal', /0[0-7]*/y],
  ['decimal', /[1-9]\d*[lL]?/y],
  ['sign', /<>|<=|>=|[=<>(),+\-*/%]/y],
];
const WORD = /[A-Za-z_$][A-Za-z0-9_$]*/y;
const HYPHENATED_WORD = /[A-Za-z_$][A-Za-z0-9_$-]*/y;

/** The first token at or after `from`, the longest possible; a token of kind `end` after the last. */
export function nextToken(text: string, from: number, hasHyphens: boolean): Token {
  const position = from + (imageAt(SPACE, text, from)?.length ?? 0);
  if (position === text.length) return { kind: 'end', text: '', position, end: position };
  const made = (kind: Token['kind'], image: string, meaning = image): Token => {
    return { kind, text: meaning, position, end: position + image.length };
  };
  const word = imageAt(hasHyphens ? HYPHENATED_WORD : WORD, text, position);
  if (word !== undefined) {
    const upper = word.toUpperCase();
    return KEYWORDS.has(upper) ? made('keyword', word, upper) : made('identifier', word);
  }
  for (const [kind, pattern] of LITERALS_AND_SIGNS) {
    const image = imageAt(pattern, text, position);
    if (image === undefined) continue;
    if (kind !== 'string') return made(kind, image);
    return made(kind, image, image.slice(1, -1).replaceAll("''", "'"));
  }
  throw invalidSelector(text, position, unexpected(text, position));
}

function imageAt(pattern: RegExp, text: string, position: number): string | undefined {
  pattern.lastIndex = position;
  return pattern.exec(text)?.[0];
}

function unexpected(text: string, position: number): string {
  if (text.charAt(position) === "'") return 'the string that begins here has no closing quote';
  return 'no literal, name or sign of a selector begins with this character';
}
