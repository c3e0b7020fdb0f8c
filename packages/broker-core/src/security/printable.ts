/** Characters of what a client says that are shown; the rest is cut off. */
const LENGTH_MAX = 128;

/** Text from a client, fit to be shown: limited, and without characters that would forge lines or drive a terminal. */
export function printable(text: string): string {
  const shown = text.slice(0, LENGTH_MAX).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return `\\u{${code.toString(16)}}`;
  });
  return text.length > LENGTH_MAX ? `${shown}…` : shown;
}
