/**
 * SQL-92 message selectors as JMS and ActiveMQ have them: parsed once, evaluated fast. Pure.
 *
 * @packageDocumentation
 */
export { SELECTOR_LIMITS } from './limits.ts';
export type { SelectorMessage } from './selector-message.ts';
export { parseSelector, type Selector } from './selector.ts';
export type { SelectorList, SelectorNumber, SelectorValue } from './selector-value.ts';
