/** The bytes that mean something in a STOMP frame. */
export const NUL = 0;
export const LF = 10;
export const CR = 13;
/** Between the parts of an ack id. */
export const DASH = 45;
export const COLON = 58;
export const BACKSLASH = 92;
const SPACE = 32;
const TAB = 9;

export const EMPTY_BYTES = Buffer.alloc(0);

export function isBlank(byte: number | undefined): boolean {
  return byte === SPACE || byte === TAB || byte === CR;
}
