/** What is inside of a message: properties, and the `content` of each kind of message. */
import { readModifiedUtf8, utf8Bytes } from './modified-utf8.ts';
import {
  PrimitiveReader,
  PrimitiveWriter,
  type PrimitiveMap,
  type PrimitiveValue,
} from './primitive-value.ts';
import { asBuffer } from './as-buffer.ts';
import { malformed } from './content-error.ts';

const TEXT_LENGTH_BYTES = 4;

/**
 * Reads `marshalledProperties`, which is null when there are none.
 *
 * @throws BrokerError `BATON_PROTOCOL` with `details.position` in the given bytes; so do the other
 *   readers here.
 */
export function decodeProperties(bytes: Uint8Array | null): PrimitiveMap {
  return decodeMap(bytes);
}

/** @throws BrokerError `BATON_INVALID_ARGUMENT` if a value does not fit its type. */
export function encodeProperties(properties: PrimitiveMap): Uint8Array | null {
  return encodeMap(properties);
}

/** Reads the uncompressed content of an `ActiveMQMapMessage`; null is an empty map. */
export function decodeMap(content: Uint8Array | null): PrimitiveMap {
  if (content === null || content.length === 0) return new Map();
  const reader = new PrimitiveReader(content);
  const map = reader.map();
  if (reader.remaining > 0) throw reader.error('Bytes are left over after a map');
  return map;
}

/** @throws BrokerError `BATON_INVALID_ARGUMENT` if a value does not fit its type. */
export function encodeMap(map: PrimitiveMap): Uint8Array | null {
  if (map.size === 0) return null;
  const writer = new PrimitiveWriter();
  writer.map(map);
  return writer.take();
}

/** Reads the uncompressed content of an `ActiveMQStreamMessage`; null is an empty stream. */
export function decodeStream(content: Uint8Array | null): PrimitiveValue[] {
  const values: PrimitiveValue[] = [];
  const reader = new PrimitiveReader(content ?? new Uint8Array());
  while (reader.remaining > 0) values.push(reader.value());
  return values;
}

/** @throws BrokerError `BATON_INVALID_ARGUMENT` if a value does not fit its type. */
export function encodeStream(values: readonly PrimitiveValue[]): Uint8Array | null {
  if (values.length === 0) return null;
  const writer = new PrimitiveWriter();
  for (const value of values) writer.value(value);
  return writer.take();
}

/** Reads the uncompressed content of an `ActiveMQTextMessage`. A message may have a null text. */
export function decodeText(content: Uint8Array | null): string | null {
  if (content === null || content.length === 0) return null;
  if (content.length < TEXT_LENGTH_BYTES) throw malformed('A text has no length', 0);
  const bytes = asBuffer(content);
  const length = bytes.readInt32BE(0);
  if (length === -1) return null;
  if (length !== bytes.length - TEXT_LENGTH_BYTES) {
    throw malformed(`A text says it has ${length} bytes`, 0);
  }
  return readModifiedUtf8(bytes, TEXT_LENGTH_BYTES, bytes.length, 0);
}

/** Makes the content of an `ActiveMQTextMessage`. */
export function encodeText(text: string | null): Uint8Array | null {
  if (text === null) return null;
  const bytes = utf8Bytes(text, 'modified');
  const content = Buffer.allocUnsafeSlow(TEXT_LENGTH_BYTES + bytes.length);
  content.writeInt32BE(bytes.length, 0);
  content.set(bytes, TEXT_LENGTH_BYTES);
  return content;
}
