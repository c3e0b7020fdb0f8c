/**
 * Java's "modified UTF-8": each UTF-16 unit on its own, NUL as `C0 80`, so a character outside the
 * basic plane takes two times three bytes.
 *
 * Writing keeps to that. Reading is wider, because other clients and other places in the protocol
 * write standard UTF-8: four-byte sequences and plain zero bytes are understood too. Anything
 * malformed is an error, never a replacement character.
 */
import { malformed } from './content-error.ts';

/** Units per call of String.fromCharCode; engines limit the number of arguments. */
const UNITS_PER_CALL = 4096;

/** Below this a loop beats the call into native code (measured: about 20 bytes). */
const NATIVE_FROM = 20;

/** Reads `bytes[start, end)`. `origin` is where error positions count from. */
export function readModifiedUtf8(
  bytes: Buffer,
  start: number,
  end: number,
  origin: number,
): string {
  return isAscii(bytes, start, end)
    ? readLatin1(bytes, start, end)
    : readUnits(bytes, start, end, origin);
}

/** Reads one byte per character. */
export function readLatin1(bytes: Buffer, start: number, end: number): string {
  if (end - start >= NATIVE_FROM) return bytes.toString('latin1', start, end);
  let text = '';
  for (let at = start; at < end; at++) text += String.fromCharCode(bytes[at] ?? 0);
  return text;
}

function isAscii(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if ((bytes[at] ?? 0) > 0x7f) return false;
  return true;
}

function readUnits(bytes: Buffer, start: number, end: number, origin: number): string {
  const units: number[] = [];
  let text = '';
  let at = start;
  while (at < end) {
    const first = bytes[at] ?? 0;
    const length = sequenceLength(first);
    if (length === 0 || at + length > end) throw notUtf8(at - origin);
    let code = length === 1 ? first : first & (0x7f >> length);
    for (let i = 1; i < length; i++) {
      const next = bytes[at + i] ?? 0;
      if ((next & 0xc0) !== 0x80) throw notUtf8(at + i - origin);
      code = (code << 6) | (next & 0x3f);
    }
    if (code > 0x10ffff) throw notUtf8(at - origin);
    if (code > 0xffff) units.push(0xd7c0 + (code >> 10), 0xdc00 | (code & 0x3ff));
    else units.push(code);
    if (units.length >= UNITS_PER_CALL) text += String.fromCharCode(...units.splice(0));
    at += length;
  }
  return text + String.fromCharCode(...units);
}

function sequenceLength(first: number): number {
  if (first < 0x80) return 1;
  if (first < 0xc0) return 0;
  if (first < 0xe0) return 2;
  if (first < 0xf0) return 3;
  return first < 0xf8 ? 4 : 0;
}

function notUtf8(position: number): Error {
  return malformed('A string is not valid modified UTF-8', position);
}

/** Bytes that `text` takes when written. */
export function modifiedUtf8Length(text: string): number {
  let length = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 0x7ff) length += 2;
    else if (unit > 0x7f || unit === 0) length += 1;
  }
  return length;
}

/** Writes `text` at `position`, where there must be room, and returns the position behind it. */
export function writeModifiedUtf8(text: string, target: Uint8Array, position: number): number {
  let at = position;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 0 && unit < 0x80) {
      target[at++] = unit;
    } else if (unit < 0x800) {
      target[at++] = 0xc0 | (unit >> 6);
      target[at++] = 0x80 | (unit & 0x3f);
    } else {
      target[at++] = 0xe0 | (unit >> 12);
      target[at++] = 0x80 | ((unit >> 6) & 0x3f);
      target[at++] = 0x80 | (unit & 0x3f);
    }
  }
  return at;
}

/** In a pattern with the `u` flag a surrogate matches only where it is not part of a pair. */
const LONE_SURROGATE = /\p{Surrogate}/u;

/** `text` in bytes of its own. In the standard form only lone surrogates keep their three bytes. */
export function utf8Bytes(text: string, form: 'standard' | 'modified'): Uint8Array {
  if (form === 'standard' && !LONE_SURROGATE.test(text)) return Buffer.from(text, 'utf8');
  const bytes = Buffer.allocUnsafe(modifiedUtf8Length(text));
  writeModifiedUtf8(text, bytes, 0);
  return bytes;
}
