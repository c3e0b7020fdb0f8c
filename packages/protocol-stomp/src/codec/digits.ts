const DIGIT_0 = 48;

/** Beyond, a number might not be a safe integer. */
const DIGITS_MAX = 15;

/** The whole number that `bytes[start, end)` is, read without making a string; −1 if it is no 1 to 15 digits. */
export function digitsIn(bytes: Uint8Array, start: number, end: number): number {
  if (end <= start || end - start > DIGITS_MAX) return -1;
  let number = 0;
  for (let at = start; at < end; at += 1) {
    const digit = (bytes[at] ?? 0) - DIGIT_0;
    if (digit < 0 || digit > 9) return -1;
    number = number * 10 + digit;
  }
  return number;
}
