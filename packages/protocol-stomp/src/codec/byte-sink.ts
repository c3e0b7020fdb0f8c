import { BACKSLASH, EMPTY_BYTES, LF } from './bytes.ts';
import { DROPPED, type EscapeTable } from './escaping.ts';

/** A decimal number of the size of a timestamp has at most this many digits. */
const DIGITS_MAX = 20;

const SIZE_MIN = 512;

/** Bytes below this are copied by a loop, which beats a call into native code. */
const LOOP_BYTES = 32;

/** Bytes written one after the other, into memory that grows. */
export class ByteSink {
  block: Buffer = EMPTY_BYTES;
  length = 0;

  /** Forgets what was written; the memory stays. */
  clear(): void {
    this.length = 0;
  }

  byte(byte: number): void {
    this.reserve(1);
    this.block[this.length] = byte;
    this.length += 1;
  }

  bytes(source: Uint8Array): void {
    const count = source.length;
    this.reserve(count);
    if (count > LOOP_BYTES) {
      this.block.set(source, this.length);
    } else {
      for (let index = 0; index < count; index += 1) {
        this.block[this.length + index] = source[index] ?? 0;
      }
    }
    this.length += count;
  }

  /** One byte for each character. */
  latin1(text: string): void {
    this.reserve(text.length);
    if (text.length > LOOP_BYTES) {
      this.block.write(text, this.length, 'latin1');
      this.length += text.length;
      return;
    }
    for (let index = 0; index < text.length; index += 1) {
      this.block[this.length] = text.charCodeAt(index);
      this.length += 1;
    }
  }

  /** A whole number from −2^53 to 2^53. */
  number(value: number): void {
    this.reserve(DIGITS_MAX);
    const { block } = this;
    let rest = value;
    if (rest < 0) {
      block[this.length] = 45;
      this.length += 1;
      rest = -rest;
    }
    let digits = 1;
    for (let limit = 10; rest >= limit; limit *= 10) digits += 1;
    let at = this.length + digits;
    this.length = at;
    while (rest > 0x7fffffff) {
      const tenth = Math.floor(rest / 10);
      at -= 1;
      block[at] = 48 + (rest - tenth * 10);
      rest = tenth;
    }
    do {
      const tenth = (rest / 10) | 0;
      at -= 1;
      block[at] = 48 + (rest - tenth * 10);
      rest = tenth;
    } while (rest > 0);
  }

  /** Bytes of a name or a value of a header, as the version writes them. */
  escaped(source: Uint8Array, start: number, end: number, table: EscapeTable): void {
    this.reserve((end - start) * 2);
    const { block } = this;
    let at = this.length;
    for (let index = start; index < end; index += 1) {
      const byte = source[index] ?? 0;
      const letter = table[byte] ?? 0;
      if (letter === 0) {
        block[at] = byte;
        at += 1;
      } else if (letter !== DROPPED) {
        block[at] = BACKSLASH;
        block[at + 1] = letter;
        at += 2;
      }
    }
    this.length = at;
  }

  /** A name or a value of a header, as the version writes it. */
  escapedText(text: string, table: EscapeTable): void {
    const { length } = text;
    this.reserve(length * 2);
    const { block } = this;
    let at = this.length;
    for (let index = 0; index < length; index += 1) {
      const code = text.charCodeAt(index);
      if (code > 127) {
        const bytes = Buffer.from(text, 'utf8');
        this.escaped(bytes, 0, bytes.length, table);
        return;
      }
      const letter = table[code] ?? 0;
      if (letter === 0) {
        block[at] = code;
        at += 1;
      } else if (letter !== DROPPED) {
        block[at] = BACKSLASH;
        block[at + 1] = letter;
        at += 2;
      }
    }
    this.length = at;
  }

  /** A whole header; the name is written already, with its colon. */
  header(name: Uint8Array, value: string, table: EscapeTable): void {
    this.bytes(name);
    this.escapedText(value, table);
    this.byte(LF);
  }

  /** Makes room for that many bytes more. */
  reserve(bytes: number): void {
    const needed = this.length + bytes;
    if (needed <= this.block.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.block.length * 2, SIZE_MIN));
    this.block.copy(larger, 0, 0, this.length);
    this.block = larger;
  }
}
