import { BACKSLASH, COLON, CR, EMPTY_BYTES, isBlank, LF, NUL } from './bytes.ts';
import { commandOf } from './command.ts';
import { digitsIn } from './digits.ts';
import { Frame } from './frame.ts';
import { HEADER, headerOf } from './header.ts';
import { protocolError, tooLarge } from './protocol-error.ts';
import { RULES_BEFORE_LOGIN, type VersionRules } from './version.ts';

/** What a frame may be like. Each is named for the option that sets it. */
export interface FrameLimits {
  readonly maxFrameSize: number;
  readonly maxDataLength: number;
  readonly headerCountMax: number;
  readonly headerLineBytesMax: number;
  readonly headerBytesMax: number;
}

/** Bytes of a frame that arrives in parts which are looked at together, until its headers are whole. */
const HEADER_STEP_BYTES = 1024;

const LONGEST_COMMAND = 'UNSUBSCRIBE'.length;

/** What comes next of the frame. */
type Phase = 'command' | 'headers' | 'body';

/**
 * Cuts the bytes of a connection into frames.
 *
 * A frame is looked at where it arrived. One that is spread over chunks gets memory of its own, which
 * grows with what has arrived of it and never with what it says about itself.
 */
export class FrameParser {
  /** The frame given last, or the one that is being read. */
  readonly frame = new Frame();
  #limits: FrameLimits;
  #rules: VersionRules = RULES_BEFORE_LOGIN;
  #chunk: Buffer = EMPTY_BYTES;
  #position = 0;
  /** The bytes so far of a frame that began in an earlier chunk. */
  #partial: Buffer | undefined;
  #partialLength = 0;
  #phase: Phase = 'command';
  /** Where to go on, relative to the frame: the start of a line, or in the body what was not searched yet. */
  #at = 0;
  /** Where the NUL at the end must be, relative to the frame; −1 if the frame does not say. */
  #announcedEnd = -1;

  constructor(limits: FrameLimits) {
    this.#limits = limits;
  }

  /** The peer has logged in: from the next frame on these apply. */
  agree(rules: VersionRules, limits: FrameLimits): void {
    this.#rules = rules;
    this.#limits = limits;
  }

  /** Takes bytes that arrived, behind those that were not asked for yet. */
  push(chunk: Uint8Array): void {
    const rest = this.#chunk.length - this.#position;
    this.#chunk =
      rest === 0 ? asBuffer(chunk) : Buffer.concat([this.#chunk.subarray(this.#position), chunk]);
    this.#position = 0;
  }

  /**
   * The next frame that is whole; undefined if there is none. It is valid until the next call.
   *
   * @throws `BATON_PROTOCOL`, `BATON_FRAME_TOO_LARGE`; nothing may be asked for after that.
   */
  next(): Frame | undefined {
    return this.#partial === undefined ? this.#nextInChunk() : this.#nextInPartial(this.#partial);
  }

  #nextInChunk(): Frame | undefined {
    this.#skipLineEnds();
    const chunk = this.#chunk;
    const start = this.#position;
    if (start === chunk.length) {
      this.#release();
      return undefined;
    }
    this.frame.reset(chunk, start, this.#rules);
    this.#phase = 'command';
    this.#at = 0;
    this.#announcedEnd = -1;
    const length = this.#scan(chunk.length);
    if (length < 0) {
      this.#beginPartial(chunk, start);
      return undefined;
    }
    this.#position = start + length;
    return this.frame;
  }

  /** Between frames empty lines mean nothing: they are how a peer shows that it lives. */
  #skipLineEnds(): void {
    const chunk = this.#chunk;
    const isReturnDropped = this.#rules.isCarriageReturnDropped;
    let at = this.#position;
    while (chunk[at] === LF || (isReturnDropped && chunk[at] === CR)) at += 1;
    this.#position = at;
  }

  #beginPartial(chunk: Buffer, start: number): void {
    const length = chunk.length - start;
    const partial = Buffer.allocUnsafeSlow(Math.max(length, HEADER_STEP_BYTES));
    chunk.copy(partial, 0, start);
    this.#partial = partial;
    this.#partialLength = length;
    this.frame.bytes = partial;
    this.frame.start = 0;
    this.#release();
  }

  #nextInPartial(begun: Buffer): Frame | undefined {
    let partial = begun;
    while (this.#position < this.#chunk.length) {
      const step = this.#stepBytes();
      partial = this.#grown(partial, this.#partialLength + step);
      this.#chunk.copy(partial, this.#partialLength, this.#position, this.#position + step);
      this.#position += step;
      this.#partialLength += step;
      const length = this.#scan(this.#partialLength);
      if (length < 0) continue;
      // What was taken beyond the end belongs to the next frame.
      this.#position -= this.#partialLength - length;
      this.#partial = undefined;
      this.#partialLength = 0;
      return this.frame;
    }
    this.#release();
    return undefined;
  }

  /** How much of the chunk the frame gets next: a line of headers is looked at once it is whole. */
  #stepBytes(): number {
    const available = this.#chunk.length - this.#position;
    if (this.#phase !== 'body') {
      const lineEnd = this.#chunk.indexOf(LF, this.#position);
      const wanted = lineEnd < 0 ? available : lineEnd + 1 - this.#position;
      return Math.min(available, Math.max(wanted, HEADER_STEP_BYTES));
    }
    if (this.#announcedEnd >= 0) {
      return Math.min(available, this.#announcedEnd + 1 - this.#partialLength);
    }
    const end = this.#chunk.indexOf(NUL, this.#position);
    return end < 0 ? available : end + 1 - this.#position;
  }

  #grown(partial: Buffer, length: number): Buffer {
    if (length <= partial.length) return partial;
    const doubled = Math.max(length, partial.length * 2);
    const bytes = this.#announcedEnd < 0 ? doubled : Math.min(doubled, this.#announcedEnd + 1);
    const larger = Buffer.allocUnsafeSlow(Math.max(bytes, length));
    partial.copy(larger, 0, 0, this.#partialLength);
    this.#partial = larger;
    this.frame.bytes = larger;
    return larger;
  }

  #release(): void {
    this.#chunk = EMPTY_BYTES;
    this.#position = 0;
    if (this.#partial === undefined) this.frame.release();
  }

  /** Looks at the frame up to `end` of its bytes. Its length with the NUL, or −1 if it is not whole. */
  #scan(end: number): number {
    if (this.#phase === 'command' && !this.#scanCommand(end)) return -1;
    if (this.#phase === 'headers' && !this.#scanHeaders(end)) return -1;
    return this.#scanBody(end);
  }

  #scanCommand(end: number): boolean {
    const { bytes, start } = this.frame;
    // The line end, maybe CR LF, is within this many bytes, or it is no command.
    const last = Math.min(end, start + LONGEST_COMMAND + 2);
    let at = start;
    while (at < last && bytes[at] !== LF) at += 1;
    if (at === last) {
      if (last === end && end - start < LONGEST_COMMAND + 2) return false;
      throw this.#unknownCommand(at);
    }
    const command = commandOf(bytes, start, this.#lineEnd(start, at));
    if (command === undefined) throw this.#unknownCommand(at);
    this.frame.command = command;
    this.#at = at + 1 - start;
    this.frame.beginHeaders(this.#at);
    this.#phase = 'headers';
    return true;
  }

  #scanHeaders(end: number): boolean {
    const { frame } = this;
    const { bytes, start } = frame;
    const { headerLineBytesMax, headerBytesMax, headerCountMax } = this.#limits;
    let line = start + this.#at;
    for (;;) {
      let at = line;
      let bits = 0;
      while (at < end) {
        const byte = bytes[at] ?? 0;
        if (byte === COLON || byte === LF) break;
        if (byte === BACKSLASH) frame.hasBackslash = true;
        bits |= byte;
        at += 1;
      }
      const colon = at;
      while (at < end) {
        const byte = bytes[at] ?? 0;
        if (byte === LF) break;
        if (byte === BACKSLASH) frame.hasBackslash = true;
        bits |= byte;
        at += 1;
      }
      if (at - line > headerLineBytesMax) {
        throw tooLarge('A header', headerLineBytesMax, 'headerLineBytesMax');
      }
      if (at - start > headerBytesMax) {
        throw tooLarge('The headers of a frame', headerBytesMax, 'headerBytesMax');
      }
      if (at >= end) {
        this.#at = line - start;
        return false;
      }
      if (bits > 127) frame.isAscii = false;
      const valueEnd = this.#lineEnd(line, at);
      if (valueEnd === line) {
        this.#beginBody(at + 1 - start);
        return true;
      }
      if (colon >= valueEnd) throw protocolError('A header has no colon');
      if (colon === line) throw protocolError('A header has no name');
      if (frame.headerCount === headerCountMax) {
        throw protocolError(
          `A frame has more than the ${headerCountMax} headers that "headerCountMax" allows`,
        );
      }
      this.#addHeader(line, colon, valueEnd);
      line = at + 1;
    }
  }

  #addHeader(line: number, colon: number, lineEnd: number): void {
    const { frame } = this;
    const { bytes, start, rules } = frame;
    let valueStart = colon + 1;
    let valueEnd = lineEnd;
    if (rules.areValuesTrimmed) {
      while (valueEnd > valueStart && isBlank(bytes[valueEnd - 1])) valueEnd -= 1;
      while (valueStart < valueEnd && isBlank(bytes[valueStart])) valueStart += 1;
    }
    frame.addHeader(
      headerOf(bytes, line, colon),
      line - start,
      colon - start,
      valueStart - start,
      valueEnd - start,
    );
  }

  /** Where a line that a LF at `at` ends has its last character, plus one. */
  #lineEnd(line: number, at: number): number {
    const hasReturn = at > line && this.frame.bytes[at - 1] === CR;
    return hasReturn && this.frame.rules.isCarriageReturnDropped ? at - 1 : at;
  }

  #beginBody(at: number): void {
    const { frame } = this;
    frame.endHeaders(at);
    this.#phase = 'body';
    this.#at = at;
    if (!frame.has(HEADER.contentLength)) return;
    const length = contentLength(frame);
    const { maxDataLength } = this.#limits;
    if (length > maxDataLength)
      throw tooLarge('The body of a frame', maxDataLength, 'maxDataLength');
    this.#announcedEnd = at + length;
    this.#checkFrameSize(this.#announcedEnd);
  }

  #scanBody(end: number): number {
    const { frame } = this;
    const { bytes, start, bodyStart } = frame;
    if (this.#announcedEnd >= 0) {
      if (start + this.#announcedEnd >= end) return -1;
      if (bytes[start + this.#announcedEnd] !== NUL) {
        throw protocolError('The body of a frame is longer than its content-length');
      }
      frame.bodyEnd = this.#announcedEnd;
      return this.#announcedEnd + 1;
    }
    const found = bytes.indexOf(NUL, start + this.#at);
    const bodyEnd = found < 0 || found >= end ? end : found;
    const { maxDataLength } = this.#limits;
    if (bodyEnd - start - bodyStart > maxDataLength) {
      throw tooLarge('The body of a frame', maxDataLength, 'maxDataLength');
    }
    this.#checkFrameSize(bodyEnd - start);
    if (bodyEnd === end) {
      this.#at = end - start;
      return -1;
    }
    frame.bodyEnd = bodyEnd - start;
    return bodyEnd - start + 1;
  }

  #checkFrameSize(length: number): void {
    const { maxFrameSize } = this.#limits;
    if (length > maxFrameSize) throw tooLarge('A frame', maxFrameSize, 'maxFrameSize');
  }

  #unknownCommand(end: number): Error {
    const { bytes, start } = this.frame;
    const shown = bytes.toString('latin1', start, end).replace(/[^ -~]/g, '?');
    return protocolError(`There is no command "${shown}"`);
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** @throws `BATON_PROTOCOL` if it is no whole number from 0 up. */
function contentLength(frame: Frame): number {
  const index = frame.indexOf(HEADER.contentLength);
  const length = digitsIn(frame.bytes, frame.valueStartOf(index), frame.valueEndOf(index));
  if (length >= 0) return length;
  const text = frame.valueAt(index);
  if (/^ *\d{1,10} *$/.test(text)) return Number(text);
  throw protocolError('A content-length is not a whole number');
}
