import type { SelectorValue } from './selector-value.ts';

/** What a selector looks at. */
export interface SelectorMessage {
  /** A header such as `JMSPriority`, or a property; undefined if it has none. */
  value(name: string): SelectorValue | undefined;
}
