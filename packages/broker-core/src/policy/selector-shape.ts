import { isBrokerError } from '@batonmq/model';
import { parseSelector } from '@batonmq/selector';
import { here, name, type Shape } from './shape.ts';

/** A selector as consumers have it, in SQL-92. */
export const selector: Shape = (value) => {
  const problems = [...name(value)];
  if (problems.length > 0) return problems;
  try {
    parseSelector((value as string).trim());
    return [];
  } catch (error) {
    if (!isBrokerError(error)) throw error;
    return here(`is no selector: ${error.message}`);
  }
};
