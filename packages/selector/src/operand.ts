import { isNumber, TRUE, FALSE, type SelectorValue } from './selector-value.ts';
import type { SelectorMessage } from './selector-message.ts';

/** Unknown, SQL's third truth, is `undefined`. */
export type Condition = (message: SelectorMessage) => boolean | undefined;

/** A missing value, SQL's NULL, is `undefined`. */
export type Evaluation = (message: SelectorMessage) => SelectorValue | undefined;

/**
 * A part of a selector, compiled. What it was written as decides where it may stand:
 *
 * - `literal`: a constant as written; some comparisons refuse some of them;
 * - `property`: a name, also in parentheses or behind a plus; `IN` wants one, and as a condition it means "is true";
 * - `condition`: true, false or unknown; not to be ordered;
 * - `computed`: arithmetic, or a function that is no condition.
 */
export interface Operand {
  readonly form: 'literal' | 'property' | 'condition' | 'computed';
  readonly evaluate: Evaluation;
  /** What it always is, whatever the message; `{ value: undefined }` for NULL. */
  readonly constant?: { readonly value: SelectorValue | undefined };
  /** Only for a `condition`, and for TRUE, FALSE and NULL. */
  readonly test?: Condition;
}

export function literalOperand(value: SelectorValue | undefined): Operand {
  const literal = { form: 'literal', evaluate: () => value, constant: { value } } as const;
  if (value !== undefined && value.kind !== 'boolean') return literal;
  const truth = value?.value;
  return { ...literal, test: () => truth };
}

export function propertyOperand(name: string): Operand {
  return {
    form: 'property',
    evaluate: (message) => {
      const value = message.value(name);
      return value === undefined || value.kind === 'null' ? undefined : value;
    },
  };
}

/** Operands that are all constant make the condition one too. */
export function conditionOperand(test: Condition, operands: readonly Operand[]): Operand {
  if (operands.every(isConstant)) {
    const truth = test(NO_MESSAGE);
    const value = truth === undefined ? undefined : booleanValue(truth);
    return { form: 'condition', test: () => truth, evaluate: () => value, constant: { value } };
  }
  const evaluate: Evaluation = (message) => {
    const truth = test(message);
    return truth === undefined ? undefined : booleanValue(truth);
  };
  return { form: 'condition', test, evaluate };
}

/** Operands that are all constant are computed once. */
export function computedOperand(evaluate: Evaluation, operands: readonly Operand[]): Operand {
  if (!operands.every(isConstant)) return { form: 'computed', evaluate };
  const value = evaluate(NO_MESSAGE);
  return { form: 'computed', evaluate: () => value, constant: { value } };
}

/** The operand as a condition, or none if it cannot be one. */
export function asCondition(operand: Operand): Condition | undefined {
  if (operand.test !== undefined) return operand.test;
  if (operand.form !== 'property') return undefined;
  const { evaluate } = operand;
  return (message) => {
    const value = evaluate(message);
    if (value === undefined) return undefined;
    return value.kind === 'boolean' && value.value;
  };
}

/** Why the operand may not be ordered by `<` and its like, if so. */
export function notOrdered({ form, constant }: Operand): string | undefined {
  if (form === 'condition') return 'a condition has no order; compare it with = or <>';
  if (form !== 'literal') return undefined;
  const value = constant?.value;
  if (value !== undefined && isNumber(value)) return undefined;
  return 'only numbers have an order; compare other literals with = or <>';
}

function isConstant({ constant }: Operand): boolean {
  return constant !== undefined;
}

function booleanValue(truth: boolean): SelectorValue {
  return truth ? TRUE : FALSE;
}

const NO_MESSAGE: SelectorMessage = { value: () => undefined };
