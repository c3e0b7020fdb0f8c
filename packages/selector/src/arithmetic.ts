/** Arithmetic on operands. With a value that is missing or of the wrong kind the result is missing. */
import { calculate, negate, type ArithmeticSign } from './java-number.ts';
import { javaText } from './java-text.ts';
import { computedOperand, type Operand } from './operand.ts';
import { isNumber, stringValue } from './selector-value.ts';

/** `+` on a string appends the other side as Java writes it. */
export function arithmetic(sign: ArithmeticSign, left: Operand, right: Operand): Operand {
  return computedOperand(
    (message) => {
      const one = left.evaluate(message);
      if (one === undefined) return undefined;
      const other = right.evaluate(message);
      if (other === undefined) return undefined;
      if (sign === '+' && one.kind === 'string') return stringValue(one.value + javaText(other));
      return calculate(sign, one, other);
    },
    [left, right],
  );
}

export function negated(operand: Operand): Operand {
  return computedOperand(
    (message) => {
      const value = operand.evaluate(message);
      return value === undefined || !isNumber(value) ? undefined : negate(value);
    },
    [operand],
  );
}
