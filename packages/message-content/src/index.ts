/**
 * What is inside of a message: properties and the body of each JMS type, as bytes and as values.
 * docs/formats/message.md describes the bytes. No I/O.
 *
 * @packageDocumentation
 */
export {
  decodeMap,
  decodeProperties,
  decodeStream,
  decodeText,
  encodeMap,
  encodeProperties,
  encodeStream,
  encodeText,
} from './bodies.ts';
export { compressedContent, uncompressedContent, type StoredContent } from './compression.ts';
export {
  modifiedUtf8Length,
  readLatin1,
  readModifiedUtf8,
  utf8Bytes,
  writeModifiedUtf8,
} from './modified-utf8.ts';
export {
  plainEntries,
  primitiveMap,
  toPlain,
  toPrimitive,
  type Long,
  type PlainValue,
  type PrimitiveMap,
  type PrimitiveValue,
} from './primitive-value.ts';
