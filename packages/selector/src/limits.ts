/** What a selector may be at most; beyond it is refused as invalid. */
export const SELECTOR_LIMITS = {
  /** UTF-16 units of the text. */
  lengthMax: 65_536,
  /** Parentheses, signs and NOTs inside each other. More would not fit the stack. */
  nestingMax: 100,
  /** Literals, names and operations. A consumer's selector costs about this much per message. */
  termsMax: 2000,
} as const;
