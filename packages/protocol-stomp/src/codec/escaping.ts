import { BACKSLASH, COLON, CR, LF } from './bytes.ts';
import { protocolError } from './protocol-error.ts';
import type { StompVersion, VersionRules } from './version.ts';

const LETTER_N = 110;
const LETTER_C = 99;
const LETTER_R = 114;

/** @throws `BATON_PROTOCOL` for an escape sequence that the version does not have. */
export function checkEscapes(bytes: Buffer, start: number, end: number, rules: VersionRules): void {
  if (rules.escapes.size === 0) return;
  for (let at = start; at < end; at += 1) {
    if (bytes[at] !== BACKSLASH) continue;
    at += 1;
    if (rules.escapes.has(bytes[at] ?? 0) && at < end) continue;
    throw protocolError(
      'A header holds an escape sequence that this version of STOMP does not have',
    );
  }
}

/** The bytes that `bytes[start, end)`, checked before, stand for. */
export function unescaped(bytes: Buffer, start: number, end: number, rules: VersionRules): Buffer {
  const plain = Buffer.allocUnsafe(end - start);
  let length = 0;
  for (let at = start; at < end; at += 1) {
    let byte = bytes[at] ?? 0;
    if (byte === BACKSLASH && rules.escapes.size > 0) {
      at += 1;
      byte = rules.escapes.get(bytes[at] ?? 0) ?? 0;
    }
    plain[length] = byte;
    length += 1;
  }
  return plain.subarray(0, length);
}

/**
 * How a byte of a header is written: the letter behind a backslash, 0 for the byte itself, or `DROPPED`
 * for one that the version has no way to write. Indexed by the byte.
 */
export type EscapeTable = Uint8Array;

/** Such a byte would end the header, or be read as something else. */
export const DROPPED = 255;

function table(letters: readonly (readonly [number, number])[]): EscapeTable {
  const made = new Uint8Array(256);
  for (const [byte, letter] of letters) made[byte] = letter;
  return made;
}

/** Version 1.0 cannot write a line feed; a carriage return it would drop. NUL ends every frame. */
export const ESCAPE_TABLES: Readonly<Record<StompVersion, EscapeTable>> = {
  '1.0': table([
    [0, DROPPED],
    [LF, DROPPED],
    [CR, DROPPED],
  ]),
  '1.1': table([
    [0, DROPPED],
    [BACKSLASH, BACKSLASH],
    [COLON, LETTER_C],
    [LF, LETTER_N],
  ]),
  '1.2': table([
    [0, DROPPED],
    [BACKSLASH, BACKSLASH],
    [COLON, LETTER_C],
    [LF, LETTER_N],
    [CR, LETTER_R],
  ]),
};
