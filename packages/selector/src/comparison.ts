/** What two values compare to, and conditions made of that. A value that is missing makes them unknown. */
import { compareNumbers } from './java-number.ts';
import { readNumber } from './java-text.ts';
import { likePattern } from './like-pattern.ts';
import { conditionOperand, type Condition, type Operand } from './operand.ts';
import { isNumber, isSame, type SelectorNumber, type SelectorValue } from './selector-value.ts';

export type OrderSign = '<' | '<=' | '>' | '>=';

/** Strings are read as what they are compared with, if `convertsStrings`. */
export interface ComparisonRules {
  readonly convertsStrings: boolean;
}

export function equalTo(left: Operand, right: Operand, rules: ComparisonRules): Operand {
  return conditionOperand(equality(left, right, rules), [left, right]);
}

export function notEqualTo(left: Operand, right: Operand, rules: ComparisonRules): Operand {
  return conditionOperand(inverse(equality(left, right, rules)), [left, right]);
}

export function ordered(
  sign: OrderSign,
  left: Operand,
  right: Operand,
  rules: ComparisonRules,
): Operand {
  return conditionOperand(ordering(sign, left, right, rules), [left, right]);
}

export function between(
  operand: Operand,
  low: Operand,
  high: Operand,
  rules: ComparisonRules,
): Operand {
  const isAbove = ordering('>=', operand, low, rules);
  const isBelow = ordering('<=', operand, high, rules);
  return conditionOperand(both(isAbove, isBelow), [operand, low, high]);
}

export function notBetween(
  operand: Operand,
  low: Operand,
  high: Operand,
  rules: ComparisonRules,
): Operand {
  const isBelow = ordering('<', operand, low, rules);
  const isAbove = ordering('>', operand, high, rules);
  return conditionOperand(either(isBelow, isAbove), [operand, low, high]);
}

export function isNull(operand: Operand): Operand {
  return conditionOperand((message) => operand.evaluate(message) === undefined, [operand]);
}

export function isNotNull(operand: Operand): Operand {
  return conditionOperand((message) => operand.evaluate(message) !== undefined, [operand]);
}

/** A value that is no string is not like anything. */
export function like(operand: Operand, pattern: string, escape: string | undefined): Operand {
  return conditionOperand(likeness(operand, pattern, escape), [operand]);
}

export function notLike(operand: Operand, pattern: string, escape: string | undefined): Operand {
  return conditionOperand(inverse(likeness(operand, pattern, escape)), [operand]);
}

/** Whether a value that is no string is in a list, or not in it, is unknown. */
export function inList(operand: Operand, list: readonly string[], isNegated: boolean): Operand {
  const texts = new Set(list);
  const { evaluate } = operand;
  const test: Condition = (message) => {
    const value = evaluate(message);
    if (value?.kind !== 'string') return undefined;
    return texts.has(value.value) !== isNegated;
  };
  return conditionOperand(test, [operand]);
}

export function not(test: Condition, operand: Operand): Operand {
  return conditionOperand(inverse(test), [operand]);
}

/** True if one is, else unknown if one is. Later ones are not looked at once it is true. */
export function anyOf(tests: readonly Condition[], operands: readonly Operand[]): Operand {
  const [first, second] = tests;
  if (first !== undefined && second !== undefined && tests.length === 2) {
    return conditionOperand(either(first, second), operands);
  }
  const test: Condition = (message) => {
    let truth: boolean | undefined = false;
    for (const each of tests) {
      const next = each(message);
      if (next === true) return true;
      if (next === undefined) truth = undefined;
    }
    return truth;
  };
  return conditionOperand(test, operands);
}

/** False if one is, else unknown if one is. Later ones are not looked at once it is false. */
export function allOf(tests: readonly Condition[], operands: readonly Operand[]): Operand {
  const [first, second] = tests;
  if (first !== undefined && second !== undefined && tests.length === 2) {
    return conditionOperand(both(first, second), operands);
  }
  const test: Condition = (message) => {
    let truth: boolean | undefined = true;
    for (const each of tests) {
      const next = each(message);
      if (next === false) return false;
      if (next === undefined) truth = undefined;
    }
    return truth;
  };
  return conditionOperand(test, operands);
}

function both(left: Condition, right: Condition): Condition {
  return (message) => {
    const one = left(message);
    if (one === false) return false;
    const other = right(message);
    return one === undefined && other === true ? undefined : other;
  };
}

function either(left: Condition, right: Condition): Condition {
  return (message) => {
    const one = left(message);
    if (one === true) return true;
    const other = right(message);
    return one === undefined && other === false ? undefined : other;
  };
}

function inverse(test: Condition): Condition {
  return (message) => {
    const truth = test(message);
    return truth === undefined ? undefined : !truth;
  };
}

/**
 * Unknown if the left side is missing, but false if only the right one is, and true if both are: so
 * ActiveMQ has it.
 */
function equality(left: Operand, right: Operand, rules: ComparisonRules): Condition {
  const literal = right.constant?.value;
  if (literal?.kind === 'string') return equalToText(left, literal.value, rules);
  return (message) => {
    const one = left.evaluate(message);
    const other = right.evaluate(message);
    if (one === undefined) return other === undefined ? true : undefined;
    if (other === undefined) return false;
    return compare(one, other, rules) === 0;
  };
}

/** Most conditions of most selectors. */
function equalToText({ evaluate }: Operand, text: string, rules: ComparisonRules): Condition {
  const other: SelectorValue = { kind: 'string', value: text };
  return (message) => {
    const one = evaluate(message);
    if (one === undefined) return undefined;
    if (one.kind === 'string') return one.value === text;
    return rules.convertsStrings && compare(one, other, rules) === 0;
  };
}

function ordering(
  sign: OrderSign,
  left: Operand,
  right: Operand,
  rules: ComparisonRules,
): Condition {
  const isInOrder = ORDERS[sign];
  return (message) => {
    const one = left.evaluate(message);
    if (one === undefined) return undefined;
    const other = right.evaluate(message);
    if (other === undefined) return undefined;
    const order = compare(one, other, rules);
    return order !== undefined && isInOrder(order);
  };
}

const ORDERS: Readonly<Record<OrderSign, (order: number) => boolean>> = {
  '<': (order) => order < 0,
  '<=': (order) => order <= 0,
  '>': (order) => order > 0,
  '>=': (order) => order >= 0,
};

function likeness({ evaluate }: Operand, pattern: string, escape: string | undefined): Condition {
  const isLike = likePattern(pattern, escape);
  return (message) => {
    const value = evaluate(message);
    if (value === undefined) return undefined;
    return value.kind === 'string' && isLike(value.value);
  };
}

/** Less than, equal to or greater than zero; none for values that do not compare, as a string and a number. */
function compare(
  left: SelectorValue,
  right: SelectorValue,
  rules: ComparisonRules,
): number | undefined {
  if (isNumber(left)) {
    if (isNumber(right)) return compareNumbers(left, right);
    if (right.kind !== 'string' || !rules.convertsStrings) return undefined;
    return compareRead(left, right.value);
  }
  if (left.kind === 'string') {
    if (right.kind === 'string') return order(left.value, right.value);
    if (!rules.convertsStrings) return undefined;
    if (right.kind === 'boolean') return order(readBoolean(left.value), right.value);
    if (!isNumber(right)) return undefined;
    const reverse = compareRead(right, left.value);
    return reverse === undefined ? undefined : -reverse;
  }
  if (left.kind === 'boolean') {
    if (right.kind === 'boolean') return order(left.value, right.value);
    if (right.kind !== 'string' || !rules.convertsStrings) return undefined;
    return order(left.value, readBoolean(right.value));
  }
  return isSame(left, right) ? 0 : undefined;
}

function compareRead(number: SelectorNumber, text: string): number | undefined {
  const read = readNumber(text, number.kind);
  return read === undefined ? undefined : compareNumbers(number, read);
}

function readBoolean(text: string): boolean {
  return text.toLowerCase() === 'true';
}

function order<T extends string | boolean>(left: T, right: T): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}
