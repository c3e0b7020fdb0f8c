import { encodeProperties, type PrimitiveMap } from '@batonmq/message-content';
import type { Frame } from '../codec/frame.ts';
import { HEADER, HEADER_COUNT, OTHER_HEADER } from '../codec/header.ts';

/** By its number, whether a header of a SEND says something about the message and is no property of it. */
const IS_NO_PROPERTY: readonly boolean[] = (() => {
  const known = Array.from({ length: HEADER_COUNT }, () => false);
  for (const header of [
    HEADER.destination,
    HEADER.contentLength,
    HEADER.receipt,
    HEADER.transaction,
    HEADER.persistent,
    HEADER.priority,
    HEADER.expires,
    HEADER.correlationId,
    HEADER.replyTo,
    HEADER.type,
    HEADER.timestamp,
    HEADER.groupId,
    HEADER.groupSequence,
    // What a broker says about a message, no sender may.
    HEADER.messageId,
    HEADER.redelivered,
    HEADER.subscription,
    HEADER.ack,
    HEADER.userId,
    HEADER.originalDestination,
  ]) {
    known[header] = true;
  }
  return known;
})();

/** The marshalled map of docs/formats/message.md: a count, then for each property a key, a type and a value. */
const COUNT_BYTES = 4;
const TYPE_STRING = 9;
const LENGTH_BYTES = 2;

/** A longer value has a length of four bytes, and a longer key is none: those are rare. */
const SHORT_BYTES = 8191;

/** With more properties than this, pairs are not compared to find repeated names. */
const COMPARED_COUNT = 16;

/** The properties of the message that a SEND makes; undefined if it has none. */
export function propertiesOf(frame: Frame): Uint8Array | undefined {
  let count = 0;
  let bytes = COUNT_BYTES;
  let isPlain = frame.isAscii && !frame.hasBackslash;
  for (let index = 0; index < frame.headerCount; index += 1) {
    if (!isProperty(frame, index)) continue;
    const nameBytes = frame.nameEndOf(index) - frame.nameStartOf(index);
    const valueBytes = frame.valueEndOf(index) - frame.valueStartOf(index);
    if (nameBytes > SHORT_BYTES || valueBytes > SHORT_BYTES) isPlain = false;
    count += 1;
    bytes += LENGTH_BYTES + nameBytes + 1 + LENGTH_BYTES + valueBytes;
  }
  if (count === 0) return undefined;
  if (!isPlain || count > COMPARED_COUNT) return encodedByName(frame);
  return hasRepeatedName(frame) ? encodedByName(frame) : encodedInPlace(frame, count, bytes);
}

function isProperty(frame: Frame, index: number): boolean {
  const header = frame.headerAt(index);
  if (header === OTHER_HEADER) return true;
  return IS_NO_PROPERTY[header] !== true && frame.indexOf(header) === index;
}

function hasRepeatedName(frame: Frame): boolean {
  for (let index = 1; index < frame.headerCount; index += 1) {
    if (frame.headerAt(index) !== OTHER_HEADER) continue;
    for (let earlier = 0; earlier < index; earlier += 1) {
      if (frame.headerAt(earlier) === OTHER_HEADER && isSameName(frame, index, earlier))
        return true;
    }
  }
  return false;
}

function isSameName(frame: Frame, one: number, other: number): boolean {
  const { bytes } = frame;
  const oneStart = frame.nameStartOf(one);
  const otherStart = frame.nameStartOf(other);
  const length = frame.nameEndOf(one) - oneStart;
  if (frame.nameEndOf(other) - otherStart !== length) return false;
  let index = 0;
  while (index < length && bytes[oneStart + index] === bytes[otherStart + index]) index += 1;
  return index === length;
}

function encodedInPlace(frame: Frame, count: number, bytes: number): Uint8Array {
  const made = Buffer.allocUnsafe(bytes);
  let at = made.writeInt32BE(count, 0);
  for (let index = 0; index < frame.headerCount; index += 1) {
    if (!isProperty(frame, index)) continue;
    const nameStart = frame.nameStartOf(index);
    const nameEnd = frame.nameEndOf(index);
    const valueStart = frame.valueStartOf(index);
    const valueEnd = frame.valueEndOf(index);
    at = made.writeUInt16BE(nameEnd - nameStart, at);
    at += frame.bytes.copy(made, at, nameStart, nameEnd);
    at = made.writeUInt8(TYPE_STRING, at);
    at = made.writeUInt16BE(valueEnd - valueStart, at);
    at += frame.bytes.copy(made, at, valueStart, valueEnd);
  }
  return made;
}

/** With escapes, other letters than ASCII, many or very long headers. */
function encodedByName(frame: Frame): Uint8Array | undefined {
  const properties = new Map<string, { kind: 'string'; value: string }>();
  for (let index = 0; index < frame.headerCount; index += 1) {
    if (!isProperty(frame, index)) continue;
    const name = frame.nameAt(index);
    if (properties.has(name)) continue;
    properties.set(name, { kind: 'string', value: frame.valueAt(index) });
  }
  return encodeProperties(properties satisfies PrimitiveMap) ?? undefined;
}
