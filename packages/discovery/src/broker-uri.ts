/**
 * The grammar of broker URIs.
 *
 * ```text
 * uri        = composite | simple
 * composite  = scheme ":" [ "//" ] "(" [ list ] ")" [ "/" path ] [ "?" query ] [ "#" fragment ]
 *            | scheme ":" [ "//" ] list                  (a list scheme without brackets)
 * list       = uri { "," uri }
 * simple     = scheme ":" rest [ "?" query ] [ "#" fragment ]
 * query      = pair { ( "&" | ";" ) pair }        pair = name [ "=" value ]
 * ```
 *
 * A comma separates components only outside of brackets. Without brackets everything belongs to
 * the components, so `failover:tcp://a:1,tcp://b:2?x=y` gives `x=y` to `tcp://b:2`. White space
 * around components is dropped, so that a long list can be written over several lines.
 */
import { BrokerError } from '@batonmq/model';

/** One `name=value` of a query, decoded, with the place of its name in the whole text. */
export interface UriOption {
  readonly name: string;
  readonly value: string;
  readonly position: number;
}

/** The address of one broker, or anything else without components. */
export interface SimpleUri {
  readonly kind: 'simple';
  readonly scheme: string;
  /** What stands between the scheme's colon and the query: `//host:61616`. */
  readonly rest: string;
  readonly query: readonly UriOption[];
  readonly fragment: string;
  /** Where the URI begins in the whole text, counted from 0. */
  readonly position: number;
}

/** A list of URIs under a scheme that says what to do with them. */
export interface CompositeUri {
  readonly kind: 'composite';
  readonly scheme: string;
  readonly components: readonly BrokerUri[];
  /** What follows the closing bracket up to the query; `failover:` ignores it. */
  readonly path: string;
  readonly query: readonly UriOption[];
  readonly fragment: string;
  readonly position: number;
}

export type BrokerUri = SimpleUri | CompositeUri;

/** Schemes whose components may stand without brackets. */
const LIST_SCHEMES: ReadonlySet<string> = new Set([
  'failover',
  'static',
  'simple',
  'masterslave',
  'discovery',
  'fanout',
]);

/** Longer texts are refused unread: no list of brokers needs more. */
const URI_LENGTH_MAX = 65_536;
/** Brackets within brackets; deeper ones are a mistake or an attack on the parser's stack. */
const DEPTH_MAX = 16;

/**
 * Parses a broker URI, simple or composite.
 *
 * @throws BrokerError `BATON_INVALID_URI`, with the position of what is wrong in `details.position`.
 */
export function parseBrokerUri(text: string): BrokerUri {
  if (text.length > URI_LENGTH_MAX) {
    throw invalidUri(text, URI_LENGTH_MAX, `it is longer than ${URI_LENGTH_MAX} characters`);
  }
  checkBrackets(text);
  return parseRange(text, 0, text.length, 0);
}

/** The text of a URI; parsing it again gives an equal URI apart from positions. */
export function formatBrokerUri(uri: BrokerUri): string {
  const tail = formatQuery(uri.query) + (uri.fragment === '' ? '' : `#${uri.fragment}`);
  if (uri.kind === 'simple') return `${uri.scheme}:${uri.rest}${tail}`;
  return `${uri.scheme}:(${uri.components.map(formatBrokerUri).join(',')})${uri.path}${tail}`;
}

/** The same URI with options added behind its own; of equal names the last one counts. */
export function withOptions<T extends BrokerUri>(uri: T, added: readonly UriOption[]): T {
  return added.length === 0 ? uri : { ...uri, query: [...uri.query, ...added] };
}

/**
 * Splits off the options that begin with `prefix`: `nested.wireFormat.x=1` with the prefix
 * `nested.` becomes `wireFormat.x=1`.
 */
export function takePrefixed(
  query: readonly UriOption[],
  prefix: string,
): { readonly taken: readonly UriOption[]; readonly left: readonly UriOption[] } {
  const taken: UriOption[] = [];
  const left: UriOption[] = [];
  for (const option of query) {
    if (!option.name.startsWith(prefix)) left.push(option);
    else taken.push({ ...option, name: option.name.slice(prefix.length) });
  }
  return { taken, left };
}

function parseRange(text: string, from: number, to: number, depth: number): BrokerUri {
  const [start, end] = trim(text, from, to);
  if (start === end) throw invalidUri(text, start, 'a URI is missing here');
  const colon = text.indexOf(':', start);
  const scheme = colon < 0 || colon >= end ? '' : text.slice(start, colon);
  if (!/^[a-z][a-z0-9+.-]*$/i.test(scheme)) {
    throw invalidUri(text, start, 'it has to begin with a scheme such as "tcp:" or "failover:"');
  }
  const name = scheme.toLowerCase();
  const body = text.startsWith('//', colon + 1) ? colon + 3 : colon + 1;
  const [bracket] = trim(text, body, end);
  if (text[bracket] === '(' && bracket < end) {
    return parseBracketed(text, { scheme: name, start, bracket, end }, depth);
  }
  if (LIST_SCHEMES.has(name)) {
    const components = parseList(
      text,
      text.startsWith('//', colon + 1) ? body : colon + 1,
      end,
      depth,
    );
    return {
      kind: 'composite',
      scheme: name,
      components,
      path: '',
      query: [],
      fragment: '',
      position: start,
    };
  }
  return parseSimple(text, name, start, colon + 1, end);
}

function parseBracketed(
  text: string,
  at: { scheme: string; start: number; bracket: number; end: number },
  depth: number,
): CompositeUri {
  const close = matchingBracket(text, at.bracket);
  const [inner, innerEnd] = trim(text, at.bracket + 1, close);
  const components = inner === innerEnd ? [] : parseList(text, inner, innerEnd, depth);
  const tail = parseTail(text, close + 1, at.end);
  if (tail.rest !== '' && !tail.rest.startsWith('/')) {
    throw invalidUri(text, close + 1, 'only "/", "?" or "#" may follow the closing bracket');
  }
  return {
    kind: 'composite',
    scheme: at.scheme,
    components,
    path: tail.rest,
    query: tail.query,
    fragment: tail.fragment,
    position: at.start,
  };
}

function parseList(text: string, from: number, to: number, depth: number): BrokerUri[] {
  if (depth >= DEPTH_MAX) throw invalidUri(text, from, `lists nest deeper than ${DEPTH_MAX}`);
  const components: BrokerUri[] = [];
  let level = 0;
  let start = from;
  for (let index = from; index <= to; index++) {
    const character = index === to ? ',' : text[index];
    if (character === '(') level++;
    else if (character === ')') level--;
    else if (character === ',' && level === 0) {
      components.push(parseRange(text, start, index, depth + 1));
      start = index + 1;
    }
  }
  return components;
}

function parseSimple(
  text: string,
  scheme: string,
  start: number,
  from: number,
  end: number,
): SimpleUri {
  for (let index = from; index < end; index++) {
    if (text[index] === ',') {
      throw invalidUri(text, index, `"${scheme}:" names one broker; a list needs "failover:(…)"`);
    }
  }
  const tail = parseTail(text, from, end);
  if (tail.rest === '' || tail.rest === '//') {
    throw invalidUri(text, from, `nothing follows "${scheme}:"`);
  }
  return { kind: 'simple', scheme, ...tail, position: start };
}

function parseTail(
  text: string,
  from: number,
  end: number,
): { rest: string; query: readonly UriOption[]; fragment: string } {
  const hash = before(text.indexOf('#', from), end);
  const mark = before(text.indexOf('?', from), hash);
  const rest = text.slice(from, mark).trim();
  const space = /\s/.exec(rest);
  if (space !== null) throw invalidUri(text, from + space.index, 'white space is not allowed here');
  return {
    rest,
    query: mark === hash ? [] : parseQuery(text, mark + 1, hash),
    fragment: text.slice(hash + 1, end).trim(),
  };
}

function parseQuery(text: string, from: number, end: number): UriOption[] {
  const options: UriOption[] = [];
  let start = from;
  for (let index = from; index <= end; index++) {
    if (index < end && text[index] !== '&' && text[index] !== ';') continue;
    if (text.slice(start, index).trim() !== '') options.push(parseOption(text, start, index));
    start = index + 1;
  }
  return options;
}

function parseOption(text: string, from: number, to: number): UriOption {
  const [start, end] = trim(text, from, to);
  const equals = before(text.indexOf('=', start), end);
  const name = decode(text, start, equals);
  if (name === '') throw invalidUri(text, start, 'an option needs a name before its "="');
  return { name, value: decode(text, Math.min(equals + 1, end), end), position: start };
}

function decode(text: string, from: number, to: number): string {
  try {
    return decodeURIComponent(text.slice(from, to));
  } catch {
    const percent = before(text.indexOf('%', from), to);
    throw invalidUri(text, percent, 'a "%" has to be followed by two hexadecimal digits of UTF-8');
  }
}

/** Keeps what must not be read as structure escaped, and leaves the rest readable. */
function encode(text: string): string {
  return text.replace(/[%&;=#(),\s]/g, (character) =>
    character === '(' ? '%28' : character === ')' ? '%29' : encodeURIComponent(character),
  );
}

function formatQuery(query: readonly UriOption[]): string {
  if (query.length === 0) return '';
  return `?${query.map(({ name, value }) => `${encode(name)}=${encode(value)}`).join('&')}`;
}

function checkBrackets(text: string): void {
  const open: number[] = [];
  for (let index = 0; index < text.length; index++) {
    if (text[index] === '(') open.push(index);
    else if (text[index] === ')' && open.pop() === undefined) {
      throw invalidUri(text, index, 'this ")" closes no bracket');
    }
  }
  const unclosed = open.pop();
  if (unclosed !== undefined) throw invalidUri(text, unclosed, 'this "(" is never closed');
}

/** Brackets are known to be balanced, so there is one. */
function matchingBracket(text: string, open: number): number {
  let level = 0;
  let index = open;
  do {
    if (text[index] === '(') level++;
    else if (text[index] === ')') level--;
    index++;
  } while (level > 0);
  return index - 1;
}

function trim(text: string, from: number, to: number): readonly [number, number] {
  let start = from;
  let end = to;
  while (start < end && /\s/.test(text.charAt(start))) start++;
  while (end > start && /\s/.test(text.charAt(end - 1))) end--;
  return [start, end];
}

function before(index: number, limit: number): number {
  return index < 0 || index > limit ? limit : index;
}

function invalidUri(text: string, position: number, problem: string): BrokerError {
  const shown = text.length > 200 ? `${text.slice(0, 200)}…` : text;
  return new BrokerError(
    'BATON_INVALID_URI',
    `The URI "${shown}" is wrong at character ${position + 1}: ${problem}`,
    { details: { uri: shown, position } },
  );
}
