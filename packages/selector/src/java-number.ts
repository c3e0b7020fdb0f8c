/**
 * Arithmetic and order of Java's numbers: ints wrap at 32 bits, longs at 64; a wider type wins; a
 * quotient and a remainder are doubles.
 */
import { isNumber, type SelectorNumber, type SelectorValue } from './selector-value.ts';

const RANK = { byte: 0, short: 1, int: 2, long: 3, float: 4, double: 5, big: 6 } as const;

export type ArithmeticSign = '+' | '-' | '*' | '/' | '%';

/** The number of an integer literal: an int if it fits, else a long, else of any size. */
export function integer(value: bigint): SelectorNumber {
  const low = BigInt.asIntN(64, value);
  if (BigInt.asIntN(32, low) === low) return { kind: 'int', value: Number(low) };
  if (low === value) return long(value);
  return { kind: 'big', value };
}

export function double(value: number): SelectorNumber {
  return { kind: 'double', value };
}

/** Negative, zero or positive as `left` is less than, equal to or greater than `right`; none if they do not compare. */
export function compareNumbers(left: SelectorNumber, right: SelectorNumber): number | undefined {
  if (left.kind === right.kind) return order(left.value, right.value);
  if (left.kind === 'big' || right.kind === 'big') return undefined;
  const isWider = RANK[left.kind] > RANK[right.kind];
  switch (isWider ? left.kind : right.kind) {
    case 'float':
      return order(Math.fround(Number(left.value)), Math.fround(Number(right.value)));
    case 'double':
      return order(Number(left.value), Number(right.value));
    default:
      return order(left.value, right.value);
  }
}

/** None for operands that are no numbers. */
export function calculate(
  sign: ArithmeticSign,
  left: SelectorValue,
  right: SelectorValue,
): SelectorNumber | undefined {
  if (!isNumber(left) || !isNumber(right)) return undefined;
  if (sign === '/') return double(Number(left.value) / Number(right.value));
  if (sign === '%') return double(Number(left.value) % Number(right.value));
  if (isFloating(left) || isFloating(right)) {
    return double(floatingResult(sign, Number(left.value), Number(right.value)));
  }
  if (left.kind === 'long' || right.kind === 'long') {
    return long(integerResult(sign, BigInt(left.value), BigInt(right.value)));
  }
  const result = integerResult(sign, BigInt(left.value), BigInt(right.value));
  return { kind: 'int', value: Number(BigInt.asIntN(32, result)) };
}

export function negate(operand: SelectorNumber): SelectorNumber {
  switch (operand.kind) {
    case 'byte':
    case 'short':
    case 'int':
      return { kind: 'int', value: -operand.value | 0 };
    case 'long':
      return long(-BigInt(operand.value));
    case 'big': {
      const value = -operand.value;
      // 9223372036854775808 is too large for a long, and −9223372036854775808 is not.
      return BigInt.asIntN(64, value) === value ? long(value) : { kind: 'big', value };
    }
    case 'float':
    case 'double':
      return { kind: operand.kind, value: -operand.value };
  }
}

function long(value: bigint): SelectorNumber {
  const wrapped = BigInt.asIntN(64, value);
  const plain = Number(wrapped);
  return { kind: 'long', value: Number.isSafeInteger(plain) ? plain : wrapped };
}

function isFloating({ kind }: SelectorNumber): boolean {
  return kind === 'float' || kind === 'double';
}

function floatingResult(sign: '+' | '-' | '*', left: number, right: number): number {
  switch (sign) {
    case '+':
      return left + right;
    case '-':
      return left - right;
    case '*':
      return left * right;
  }
}

function integerResult(sign: '+' | '-' | '*', left: bigint, right: bigint): bigint {
  switch (sign) {
    case '+':
      return left + right;
    case '-':
      return left - right;
    case '*':
      return left * right;
  }
}

/** As `Double.compareTo`: NaN equals itself and is greater than all, −0 is less than 0. */
function order(left: number | bigint, right: number | bigint): number {
  if (left < right) return -1;
  if (left > right) return 1;
  if (Object.is(left, right) || typeof left === 'bigint' || typeof right === 'bigint') return 0;
  if (left === right) return Object.is(left, -0) ? -1 : 1;
  if (Number.isNaN(left)) return Number.isNaN(right) ? 0 : 1;
  return -1;
}
