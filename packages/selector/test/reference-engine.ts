/**
 * Selectors the slow and plain way: a tree from a generated parser, walked for each message. Only
 * what the properties of the tests can hold is known here.
 */
import { readFileSync } from 'node:fs';
import peggy from 'peggy';
import type { SelectorValue } from '@batonmq/selector';

interface Tree {
  readonly t: string;
  readonly a: Tree;
  readonly b: Tree;
  readonly e: Tree;
  readonly lo: Tree;
  readonly hi: Tree;
  readonly l: readonly Tree[] & readonly string[];
  readonly n: boolean;
  readonly f: string;
  readonly p: string;
  readonly v: unknown;
}

/** A number is `{ n, long?, floating? }`, so that sums wrap as they do in Java. */
interface Numeric {
  readonly n: number | bigint;
  readonly type: 'int' | 'long' | 'float' | 'double' | 'big';
}
type Plain = string | boolean | Numeric | readonly (Plain | null)[];

const grammar = readFileSync(new URL('reference.peggy', import.meta.url), 'utf8');
const generated = peggy.generate(grammar);

/** Throws if `text` is no selector. */
export function referenceSelector(
  text: string,
): (message: ReadonlyMap<string, SelectorValue>) => boolean {
  const tree = generated.parse(text) as Tree;
  if (!isCondition(tree)) throw new Error('no condition');
  check(tree);
  return (message) => truth(tree, message) === true;
}

type Message = ReadonlyMap<string, SelectorValue>;

const COMPARED = ['=', '<>', '<', '<=', '>', '>=', 'between', 'like', 'in', 'isnull'];

function isBoolean(tree: Tree): boolean {
  if (tree.t === 'call') return tree.f === 'INLIST';
  return ['or', 'and', 'not', 'boolean', 'null', ...COMPARED].includes(tree.t);
}

function isCondition(tree: Tree): boolean {
  return tree.t === 'name' || isBoolean(tree);
}

function isLiteral(tree: Tree): boolean {
  return ['string', 'double', 'hex', 'integer', 'boolean', 'null'].includes(tree.t);
}

/** The rules that the grammar does not hold. */
function check(tree: Tree): void {
  const fail = (): never => {
    throw new Error(`broken rule at ${tree.t}`);
  };
  const ordered = (side: Tree): void => {
    if (isLiteral(side) ? ['string', 'boolean', 'null'].includes(side.t) : isBoolean(side)) fail();
  };
  switch (tree.t) {
    case 'or':
    case 'and':
      if (!isCondition(tree.a) || !isCondition(tree.b)) fail();
      break;
    case 'not':
      if (!isCondition(tree.e)) fail();
      break;
    case '=':
    case '<>':
      if (tree.a.t === 'null' || tree.b.t === 'null') fail();
      if (tree.a.t === 'boolean' && isLiteral(tree.b) && tree.b.t !== 'boolean') fail();
      break;
    case '<':
    case '<=':
    case '>':
    case '>=':
      ordered(tree.a);
      ordered(tree.b);
      break;
    case 'between':
      [tree.a, tree.lo, tree.hi].forEach(ordered);
      break;
    case 'in':
      if (tree.a.t !== 'name') fail();
      break;
    case 'like':
      if (typeof tree.e === 'string' && (tree.e as string).length !== 1) fail();
      break;
    case 'hex':
      if ((tree.v as bigint) >= 2n ** 63n) fail();
      break;
    case 'call': {
      const counts = { INLIST: [2], MAKELIST: [tree.l.length], SPLIT: [2, 3], REPLACE: [3] };
      const allowed = (counts as Record<string, number[]>)[tree.f];
      if (allowed?.includes(tree.l.length) !== true) fail();
      break;
    }
  }
  for (const child of [tree.a, tree.b, tree.lo, tree.hi]) if (isTree(child)) check(child);
  if (isTree(tree.e)) check(tree.e);
  if (tree.t === 'call') tree.l.forEach(check);
}

function isTree(child: unknown): child is Tree {
  return typeof child === 'object' && child !== null;
}

function truth(tree: Tree, message: Message): boolean | null {
  const value = evaluate(tree, message);
  if (value === null) return null;
  return value === true;
}

function evaluate(tree: Tree, message: Message): Plain | null {
  switch (tree.t) {
    case 'or': {
      const sides = [truth(tree.a, message), truth(tree.b, message)];
      return sides.includes(true) ? true : sides.includes(null) ? null : false;
    }
    case 'and': {
      const sides = [truth(tree.a, message), truth(tree.b, message)];
      return sides.includes(false) ? false : sides.includes(null) ? null : true;
    }
    case 'not': {
      const side = truth(tree.e, message);
      return side === null ? null : !side;
    }
    case '=':
    case '<>': {
      const left = evaluate(tree.a, message);
      const right = evaluate(tree.b, message);
      if (left === null && right !== null) return null;
      const isEqual = left === null ? true : right !== null && order(left, right) === 0;
      return isEqual === (tree.t === '=');
    }
    case 'between': {
      const isIn = ['>=', '<='].map((sign, index) => {
        const limit = index === 0 ? tree.lo : tree.hi;
        const opposite = sign === '>=' ? '<' : '>';
        return evaluate({ ...tree, t: tree.n ? opposite : sign, b: limit }, message) as
          boolean | null;
      });
      const decisive = tree.n;
      return isIn.includes(decisive) ? decisive : isIn.includes(null) ? null : !decisive;
    }
    case '<':
    case '<=':
    case '>':
    case '>=': {
      const left = evaluate(tree.a, message);
      const right = evaluate(tree.b, message);
      if (left === null || right === null) return null;
      const compared = order(left, right);
      if (compared === undefined) return false;
      if (tree.t.endsWith('=') && compared === 0) return true;
      return tree.t.startsWith('<') ? compared < 0 : compared > 0;
    }
    case 'isnull':
      return (evaluate(tree.a, message) === null) !== tree.n;
    case 'in': {
      const value = evaluate(tree.a, message);
      return typeof value === 'string' ? tree.l.includes(value as never) !== tree.n : null;
    }
    case 'like': {
      const value = evaluate(tree.a, message);
      if (value === null) return null;
      const isLike =
        typeof value === 'string' &&
        like(Array.from(value), Array.from(tree.p), tree.e as unknown as string | null);
      return isLike !== tree.n;
    }
    case 'call':
      return call(tree, message);
    case 'neg': {
      const value = evaluate(tree.e, message);
      if (value === null || typeof value !== 'object' || !('n' in value)) return null;
      if (value.type === 'double' || value.type === 'float') return { ...value, n: -value.n };
      if (value.type === 'big' && value.n === 2n ** 63n) return { n: -value.n, type: 'long' };
      return wrap(-BigInt(value.n), value.type);
    }
    case '+':
    case '-':
    case '*':
    case '/':
    case '%':
      return calculate(tree.t, evaluate(tree.a, message), evaluate(tree.b, message));
    case 'name':
      return plain(message.get(tree.v as string));
    case 'double':
      return { n: tree.v as number, type: 'double' };
    case 'hex':
    case 'integer': {
      const low = BigInt.asIntN(64, tree.v as bigint);
      if (low >= -(2n ** 31n) && low < 2n ** 31n) return { n: low, type: 'int' };
      return { n: tree.v as bigint, type: low === tree.v ? 'long' : 'big' };
    }
    case 'null':
      return null;
    default:
      return tree.v as Plain;
  }
}

function call(tree: Tree, message: Message): Plain | null {
  const [first = null, second = null, third = null] = tree.l.map((each) => evaluate(each, message));
  switch (tree.f) {
    case 'MAKELIST':
      return tree.l.map((each) => evaluate(each, message));
    case 'SPLIT':
      return typeof first === 'string' ? splitOf(first, second as string) : null;
    case 'REPLACE':
      return typeof first === 'string' ? first.split(second as string).join(third as string) : null;
    default:
      if (!Array.isArray(first)) return null;
      return (first as readonly (Plain | null)[]).some(
        (each) => each !== null && second !== null && isSame(each, second),
      );
  }
}

function splitOf(text: string, separator: string): readonly string[] {
  const parts = text.split(separator);
  if (parts.length === 1) return parts;
  return parts.slice(0, parts.findLastIndex((part) => part !== '') + 1);
}

function isSame(left: Plain, right: Plain): boolean {
  if (isNumeric(left) && isNumeric(right))
    return left.type === right.type && order(left, right) === 0;
  return left === right;
}

function isNumeric(value: Plain): value is Numeric {
  return typeof value === 'object' && 'n' in value;
}

function plain(value: SelectorValue | undefined): Plain | null {
  if (value === undefined || value.kind === 'null') return null;
  switch (value.kind) {
    case 'byte':
    case 'short':
      return { n: BigInt(value.value), type: 'int' };
    case 'int':
    case 'long':
      return { n: BigInt(value.value), type: value.kind };
    case 'float':
    case 'double':
      return { n: value.value, type: value.kind };
    default:
      return value.value as string | boolean;
  }
}

function calculate(sign: string, left: Plain | null, right: Plain | null): Plain | null {
  if (left === null || right === null) return null;
  if (sign === '+' && typeof left === 'string') {
    // How Java writes a fraction is tested on its own.
    if (isNumeric(right)) return left + javaLike(right);
    return typeof right === 'object' ? null : left + String(right);
  }
  if (!isNumeric(left) || !isNumeric(right)) return null;
  const types = [left.type, right.type];
  const isFloating = types.includes('double') || types.includes('float');
  if (isFloating || sign === '/' || sign === '%') {
    const [a, b] = [Number(left.n), Number(right.n)];
    const results: Record<string, number> = {
      '+': a + b,
      '-': a - b,
      '*': a * b,
      '/': a / b,
      '%': a % b,
    };
    return { n: results[sign] ?? NaN, type: 'double' };
  }
  const [a, b] = [BigInt(left.n), BigInt(right.n)];
  const result = sign === '+' ? a + b : sign === '-' ? a - b : a * b;
  return wrap(result, types.includes('long') ? 'long' : 'int');
}

function javaLike({ n, type }: Numeric): string {
  if (typeof n === 'bigint' || !Number.isInteger(n)) return String(n);
  if (type !== 'double' && type !== 'float') return String(n);
  const sign = Object.is(n, -0) ? '-' : '';
  const size = Math.abs(n);
  if (size < 1e7) return `${sign}${n}.0`;
  const [digits = '', exponent = ''] = n.toExponential().split('e+');
  return `${digits.includes('.') ? digits : `${digits}.0`}E${exponent}`;
}

function wrap(value: bigint, type: Numeric['type']): Numeric {
  if (type === 'int') return { n: BigInt.asIntN(32, value), type };
  if (type === 'long') return { n: BigInt.asIntN(64, value), type };
  return { n: value, type };
}

function order(left: Plain, right: Plain): number | undefined {
  if (isNumeric(left) && isNumeric(right)) {
    const types = [left.type, right.type];
    if (types.includes('big')) {
      return left.type === right.type ? compare(left.n, right.n) : undefined;
    }
    if (types.includes('double')) return compareFractions(Number(left.n), Number(right.n));
    if (types.includes('float')) {
      return compareFractions(Math.fround(Number(left.n)), Math.fround(Number(right.n)));
    }
    return compare(left.n, right.n);
  }
  if (typeof left !== typeof right || isNumeric(left) || isNumeric(right)) return undefined;
  if (typeof left === 'object' || typeof right === 'object') return undefined;
  return compare(left, right);
}

function compareFractions(left: number, right: number): number {
  // NaN above all, −0 below 0.
  const rank = (value: number): readonly number[] => [
    Number.isNaN(value) ? 1 : 0,
    Number.isNaN(value) ? 0 : value,
    Object.is(value, -0) ? 0 : 1,
  ];
  const [a, b] = [rank(left), rank(right)];
  for (const [index, each] of a.entries()) {
    const difference = compare(each, b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function compare<T extends number | bigint | string | boolean>(left: T, right: T): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

function like(text: readonly string[], pattern: readonly string[], escape: string | null): boolean {
  const [head, next, ...rest] = pattern;
  if (head === undefined) return text.length === 0;
  const tail = pattern.slice(1);
  if (head === escape && next !== undefined && ['%', '_', escape].includes(next)) {
    return text[0] === next && like(text.slice(1), rest, escape);
  }
  if (head === '%')
    return like(text, tail, escape) || (text.length > 0 && like(text.slice(1), pattern, escape));
  return text.length > 0 && (head === '_' || head === text[0]) && like(text.slice(1), tail, escape);
}
