/** The functions of ActiveMQ's selectors. Their names are in capitals only. */
import { computedOperand, conditionOperand, type Evaluation, type Operand } from './operand.ts';
import { isSame, stringValue, type SelectorList } from './selector-value.ts';

/** A call that is not to be, and why. */
export interface RefusedCall {
  readonly isUnsupported: boolean;
  readonly problem: string;
}

/** Compiles a call, or says why not. */
export function callOperand(name: string, args: readonly Operand[]): Operand | RefusedCall {
  switch (name) {
    case 'INLIST':
      return withArguments(name, args, 2, 2, () => inListCall(args));
    case 'MAKELIST':
      return makeListCall(args);
    case 'SPLIT':
      return withArguments(name, args, 2, 3, () => splitCall(args));
    case 'REPLACE':
      return withArguments(name, args, 3, 3, () => replaceCall(args));
    case 'REGEX':
      return withArguments(name, args, 2, 2, () =>
        unsupported('REGEX could hold up the broker for any time; LIKE or INLIST may do'),
      );
    default:
      return {
        isUnsupported: false,
        problem: `${name} is no function; there are INLIST, MAKELIST, REPLACE and SPLIT`,
      };
  }
}

function withArguments(
  name: string,
  args: readonly Operand[],
  atLeast: number,
  atMost: number,
  make: () => Operand | RefusedCall,
): Operand | RefusedCall {
  if (args.length >= atLeast && args.length <= atMost) return make();
  const allowed = atLeast === atMost ? String(atLeast) : `${atLeast} or ${atMost}`;
  const problem = `${name} takes ${allowed} arguments, not ${args.length}`;
  return { isUnsupported: false, problem };
}

function inListCall(args: readonly Operand[]): Operand {
  const [list, candidate] = evaluations(args);
  return conditionOperand((message) => {
    const values = list?.(message);
    if (values?.kind !== 'list') return undefined;
    const value = candidate?.(message);
    if (value === undefined) return false;
    return values.value.some((each) => each !== undefined && isSame(each, value));
  }, args);
}

function makeListCall(args: readonly Operand[]): Operand {
  const elements = evaluations(args);
  return computedOperand(
    (message) => ({ kind: 'list', value: elements.map((evaluate) => evaluate(message)) }),
    args,
  );
}

function splitCall(args: readonly Operand[]): Operand | RefusedCall {
  const separator = plainText(args[1]);
  if (separator === undefined) {
    return unsupported(
      'SPLIT takes a plain text of one character or more as its separator, no regular expression',
    );
  }
  const [source, , limit] = evaluations(args);
  return computedOperand((message) => {
    const text = source?.(message);
    const limitValue = limit === undefined ? undefined : limit(message);
    if (text?.kind !== 'string') return undefined;
    if (limit !== undefined && limitValue?.kind !== 'int') return undefined;
    return split(text.value, separator, limitValue?.kind === 'int' ? limitValue.value : 0);
  }, args);
}

/** As `String.split`: a limit of 0 drops empty strings at the end, a positive one leaves the rest in the last. */
function split(text: string, separator: string, limit: number): SelectorList {
  const parts = text.split(separator);
  if (limit > 0 && parts.length > limit) {
    parts.push(parts.splice(limit - 1).join(separator));
  }
  if (limit === 0 && parts.length > 1) {
    while (parts.at(-1) === '') parts.pop();
  }
  return { kind: 'list', value: parts.map(stringValue) };
}

function replaceCall(args: readonly Operand[]): Operand | RefusedCall {
  const pattern = plainText(args[1]);
  const replacement = args[2]?.constant?.value;
  const isPlain = replacement?.kind === 'string' && !/[\\$]/.test(replacement.value);
  if (pattern === undefined || !isPlain) {
    return unsupported(
      'REPLACE takes plain texts as what to replace and what with, no regular expression',
    );
  }
  const [source] = evaluations(args);
  const { value } = replacement;
  return computedOperand((message) => {
    const text = source?.(message);
    if (text?.kind !== 'string') return undefined;
    return stringValue(text.value.replaceAll(pattern, () => value));
  }, args);
}

/** A literal text that is the same as a regular expression, not empty. */
function plainText(operand: Operand | undefined): string | undefined {
  const value = operand?.constant?.value;
  if (value?.kind !== 'string' || value.value === '') return undefined;
  return /[\\^$.|?*+()[\]{}]/.test(value.value) ? undefined : value.value;
}

function evaluations(args: readonly Operand[]): readonly Evaluation[] {
  return args.map(({ evaluate }) => evaluate);
}

function unsupported(problem: string): RefusedCall {
  return { isUnsupported: true, problem };
}
