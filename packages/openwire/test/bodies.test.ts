import { describe, expect, test } from 'vitest';
import {
  decodeMap,
  decodeProperties,
  decodeStream,
  decodeText,
  encodeProperties,
  encodeStream,
  encodeText,
  uncompressedContent,
  type PrimitiveValue,
} from '@batonmq/message-content';
import { type WireMessage } from '../src/index.ts';
import { createWireFormat } from '../src/index.ts';
import { capture, captureNames, type Json, type JsonObject } from './fixtures.ts';

const MEGABYTE = 1024 * 1024;

/** A value in the notation of the captures. */
function noted(primitive: PrimitiveValue): Json {
  const { kind, value } = primitive;
  switch (kind) {
    case 'null':
    case 'boolean':
    case 'int':
      return value;
    case 'string':
      return value.length < 1000 ? value : { bigString: value.length, head: value.slice(0, 10) };
    case 'bytes':
      return { bytes: Buffer.from(value).toString('hex') };
    case 'long':
      return { long: String(value) };
    case 'list':
      return value.map(noted);
    case 'map':
      return Object.fromEntries([...value].map(([key, held]) => [key, noted(held)]));
    default:
      return { [kind]: value };
  }
}

describe('bodies and properties of real traffic', () => {
  const seen = { properties: 0, text: 0, map: 0, stream: 0, bytes: 0, compressed: 0 };

  for (const name of captureNames().filter((candidate) => /v12-loose/.test(candidate))) {
    test(`${name} reads as the independent decoder says`, () => {
      for (const { bytes, bodies, value } of capture(name)) {
        const [body] = bodies;
        if (body === undefined || value['$'] === 'WireFormatInfo') continue;
        const message = messageIn(bytes);
        if (message === null || message.type !== body['of']) continue;
        checkProperties(message, body);
        checkContent(message, body);
      }
    });
  }

  function messageIn(bytes: Buffer): WireMessage | null {
    const format = createWireFormat({
      version: 12,
      tightEncoding: false,
      cacheEnabled: false,
      cacheSize: 1024,
      stackTraceEnabled: true,
      maxFrameSize: MEGABYTE,
    });
    const structure = format.decode(bytes);
    const message = structure.type === 'MessageDispatch' ? structure.message : structure;
    return message !== null && 'content' in message ? message : null;
  }

  function checkProperties(message: WireMessage, body: JsonObject): void {
    if (message.marshalledProperties === null || body['properties'] === undefined) return;
    const properties = decodeProperties(message.marshalledProperties);
    expect(noted({ kind: 'map', value: properties })).toEqual(body['properties']);
    expect(Buffer.from(encodeProperties(properties) ?? [])).toEqual(
      Buffer.from(message.marshalledProperties),
    );
    seen.properties++;
  }

  function checkContent(message: WireMessage, body: JsonObject): void {
    if (message.compressed && message.content !== null) seen.compressed++;
    const kind = message.type === 'ActiveMQBytesMessage' ? 'bytes' : 'text';
    const { compressed: isCompressed } = message;
    const content = uncompressedContent({ kind, isCompressed, content: message.content }, MEGABYTE);
    if (body['text'] !== undefined) {
      expect(decodeText(content)).toBe(body['text']);
      expect(encodeText(decodeText(content))).toEqual(content && Buffer.from(content));
      seen.text++;
    } else if (body['map'] !== undefined) {
      expect(noted({ kind: 'map', value: decodeMap(content) })).toEqual(body['map']);
      seen.map++;
    } else if (body['stream'] !== undefined) {
      const values = decodeStream(content);
      expect(values.map(noted)).toEqual(body['stream']);
      expect(Buffer.from(encodeStream(values) ?? [])).toEqual(Buffer.from(content ?? []));
      seen.stream++;
    } else if (body['bytes'] !== undefined) {
      expect(Buffer.from(content ?? []).toString('hex')).toBe(body['bytes']);
      seen.bytes++;
    }
  }

  test('had every kind of body in it', () => {
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(0);
  });
});
