import { isUtf8 } from 'node:buffer';
import { EMPTY_BYTES } from './bytes.ts';
import type { ClientCommand } from './command.ts';
import { checkEscapes, unescaped } from './escaping.ts';
import { HEADER_COUNT, OTHER_HEADER, type Header } from './header.ts';
import { protocolError } from './protocol-error.ts';
import { RULES_BEFORE_LOGIN, type VersionRules } from './version.ts';

/** Numbers that an entry of the header table takes. */
const ENTRY = { header: 0, nameStart: 1, nameEnd: 2, valueStart: 3, valueEnd: 4 } as const;
const ENTRY_SIZE = 5;

/** Entries a new frame has room for. */
const INITIAL_ENTRIES = 16;

/**
 * A frame of a client, as places in the bytes it arrived in. A parser has one, which it uses again for
 * the next frame: whoever keeps something of a frame copies it.
 *
 * Places are relative to the first byte of the frame, so the frame may move to other memory while it
 * is still arriving.
 */
export class Frame {
  bytes: Buffer = EMPTY_BYTES;
  /** Where the frame begins in `bytes`. */
  start = 0;
  command: ClientCommand = 'SEND';
  rules: VersionRules = RULES_BEFORE_LOGIN;
  bodyStart = 0;
  bodyEnd = 0;
  /** Some header holds a backslash. */
  hasBackslash = false;
  /** No header holds a byte above 127. */
  isAscii = true;
  #headersStart = 0;
  #count = 0;
  /** Of every header its number, and where its name and its value begin and end. */
  #entries = new Int32Array(INITIAL_ENTRIES * ENTRY_SIZE);
  /** By the number of a header, where its first entry is, plus one. A repeated header counts once: STOMP 1.2, "Repeated Header Entries". */
  readonly #firsts = new Int32Array(HEADER_COUNT);

  /** Begins anew, with a frame that starts there. */
  reset(bytes: Buffer, start: number, rules: VersionRules): void {
    this.bytes = bytes;
    this.start = start;
    this.rules = rules;
    this.hasBackslash = false;
    this.isAscii = true;
    if (this.#count > 0) this.#firsts.fill(0);
    this.#count = 0;
  }

  /** Lets go of the bytes. */
  release(): void {
    this.bytes = EMPTY_BYTES;
    if (this.#entries.length > INITIAL_ENTRIES * ENTRY_SIZE) {
      this.#entries = new Int32Array(INITIAL_ENTRIES * ENTRY_SIZE);
    }
  }

  get headerCount(): number {
    return this.#count;
  }

  /** The command's line has ended there. */
  beginHeaders(at: number): void {
    this.#headersStart = at;
  }

  addHeader(
    header: Header | typeof OTHER_HEADER,
    nameStart: number,
    nameEnd: number,
    valueStart: number,
    valueEnd: number,
  ): void {
    const entry = this.#count * ENTRY_SIZE;
    if (entry === this.#entries.length) {
      const larger = new Int32Array(entry * 2);
      larger.set(this.#entries);
      this.#entries = larger;
    }
    this.#entries[entry + ENTRY.header] = header;
    this.#entries[entry + ENTRY.nameStart] = nameStart;
    this.#entries[entry + ENTRY.nameEnd] = nameEnd;
    this.#entries[entry + ENTRY.valueStart] = valueStart;
    this.#entries[entry + ENTRY.valueEnd] = valueEnd;
    this.#count += 1;
    if (header !== OTHER_HEADER && this.#firsts[header] === 0) this.#firsts[header] = this.#count;
  }

  /** @throws `BATON_PROTOCOL` if the headers are not UTF-8, or escaped in a way the version does not have. */
  endHeaders(at: number): void {
    this.bodyStart = at;
    this.bodyEnd = at;
    if (this.isAscii && !this.hasBackslash) return;
    const start = this.start + this.#headersStart;
    const end = this.start + at;
    if (!this.isAscii && !isUtf8(this.bytes.subarray(start, end))) {
      throw protocolError('The headers of a frame are not UTF-8');
    }
    if (this.hasBackslash) checkEscapes(this.bytes, start, end, this.rules);
  }

  has(header: Header): boolean {
    return this.#firsts[header] !== 0;
  }

  /** The value as its sender meant it; undefined if the header is missing. */
  text(header: Header): string | undefined {
    const first = this.#firsts[header] ?? 0;
    if (first === 0) return undefined;
    return this.valueAt(first - 1);
  }

  /** The value as it was written, a character for each byte: to be sent back as it is. */
  rawText(header: Header): string | undefined {
    const first = this.#firsts[header] ?? 0;
    if (first === 0) return undefined;
    return this.bytes.toString('latin1', this.valueStartOf(first - 1), this.valueEndOf(first - 1));
  }

  /** True if the value is exactly these bytes, which hold nothing that is ever escaped. */
  isValue(header: Header, expected: Uint8Array): boolean {
    const first = this.#firsts[header] ?? 0;
    if (first === 0) return false;
    const start = this.valueStartOf(first - 1);
    if (this.valueEndOf(first - 1) - start !== expected.length) return false;
    let index = 0;
    while (index < expected.length && this.bytes[start + index] === expected[index]) index += 1;
    return index === expected.length;
  }

  /** Where the entry of that header is in the list of all headers; −1 if the header is missing. */
  indexOf(header: Header): number {
    return (this.#firsts[header] ?? 0) - 1;
  }

  headerAt(index: number): Header | typeof OTHER_HEADER {
    // Only `addHeader` writes there.
    return this.#entries[index * ENTRY_SIZE + ENTRY.header] as Header | typeof OTHER_HEADER;
  }

  nameStartOf(index: number): number {
    return this.start + (this.#entries[index * ENTRY_SIZE + ENTRY.nameStart] ?? 0);
  }

  nameEndOf(index: number): number {
    return this.start + (this.#entries[index * ENTRY_SIZE + ENTRY.nameEnd] ?? 0);
  }

  valueStartOf(index: number): number {
    return this.start + (this.#entries[index * ENTRY_SIZE + ENTRY.valueStart] ?? 0);
  }

  valueEndOf(index: number): number {
    return this.start + (this.#entries[index * ENTRY_SIZE + ENTRY.valueEnd] ?? 0);
  }

  nameAt(index: number): string {
    return this.#decode(this.nameStartOf(index), this.nameEndOf(index));
  }

  valueAt(index: number): string {
    return this.#decode(this.valueStartOf(index), this.valueEndOf(index));
  }

  #decode(start: number, end: number): string {
    if (this.hasBackslash) return unescaped(this.bytes, start, end, this.rules).toString('utf8');
    return this.bytes.toString(this.isAscii ? 'latin1' : 'utf8', start, end);
  }
}
