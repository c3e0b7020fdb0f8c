import { describe, expect, test } from 'vitest';
import { deflateSync } from 'node:zlib';
import {
  compressedContent,
  decodeMap,
  decodeProperties,
  decodeStream,
  decodeText,
  encodeMap,
  encodeProperties,
  encodeStream,
  encodeText,
  plainEntries,
  primitiveMap,
  toPlain,
  toPrimitive,
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

describe('values', () => {
  test('of all types come back with their type', () => {
    const values: [string, PrimitiveValue][] = [
      ['null', { kind: 'null', value: null }],
      ['boolean', { kind: 'boolean', value: true }],
      ['byte', { kind: 'byte', value: -128 }],
      ['char', { kind: 'char', value: 'ß' }],
      ['short', { kind: 'short', value: -32768 }],
      ['int', { kind: 'int', value: -2147483648 }],
      ['long', { kind: 'long', value: -9223372036854775808n }],
      ['safe long', { kind: 'long', value: 5 }],
      ['float', { kind: 'float', value: 1.5 }],
      ['double', { kind: 'double', value: -0 }],
      ['string', { kind: 'string', value: 'a\0é€😀' }],
      ['big string', { kind: 'string', value: 'é'.repeat(8191) }],
      ['bytes', { kind: 'bytes', value: Uint8Array.of(0, 255) }],
      ['list', { kind: 'list', value: [{ kind: 'string', value: '😀\0' }] }],
      ['map', { kind: 'map', value: new Map([['k😀', { kind: 'int', value: 1 }]]) }],
    ];
    expect(decodeMap(encodeMap(new Map(values)))).toEqual(new Map(values));
  });

  test('of a map are written as standard UTF-8, keys and inner strings as modified UTF-8', () => {
    const smile: PrimitiveValue = { kind: 'string', value: '😀' };
    expect(hexOf(encodeMap(new Map([['😀', smile]])))).toBe(
      '00000001' + '0006eda0bdedb880' + '09' + '0004f09f9880',
    );
    expect(hexOf(encodeStream([smile]))).toBe('090006eda0bdedb880');
  });

  test('written by either rule are read as the same text', () => {
    for (const bytes of ['0004f09f9880', '0006eda0bdedb880']) {
      expect(toPlain(decodeStream(Buffer.from(`09${bytes}`, 'hex'))[0] ?? toPrimitive(null))).toBe(
        '😀',
      );
    }
    for (const bytes of ['000100', '0002c080']) {
      expect(decodeStream(Buffer.from(`09${bytes}`, 'hex'))).toEqual([
        { kind: 'string', value: '\0' },
      ]);
    }
  });

  test('of JavaScript get the type that holds them', () => {
    const plain = { i: 1, l: 2 ** 40, d: 0.5, b: 7n, s: 'x', n: null, a: [true], m: { z: -0 } };
    const map = primitiveMap(plain);
    expect([...map.values()].map((value) => value.kind)).toEqual(
      'int long double long string null list map'.split(' '),
    );
    expect(plainEntries(map)).toEqual(plain);
  });

  test('named __proto__ are values like others', () => {
    const plain = plainEntries(new Map([['__proto__', { kind: 'int', value: 1 }]]));
    expect(Object.keys(plain)).toEqual(['__proto__']);
  });

  test('that do not fit their type are refused', () => {
    for (const value of [
      { kind: 'byte', value: 128 },
      { kind: 'short', value: 1.5 },
      { kind: 'int', value: 2 ** 31 },
      { kind: 'long', value: 2 ** 60 },
      { kind: 'long', value: 2n ** 63n },
      { kind: 'char', value: '😀' },
    ] as const) {
      expect(() => encodeStream([value])).toThrow(
        expect.objectContaining({ code: 'BATON_INVALID_ARGUMENT' }),
      );
    }
  });
});

describe('compression', () => {
  test('of bytes drops what the reference client deflates beyond the length', () => {
    const content = Buffer.concat([
      Buffer.from('00000003', 'hex'),
      deflateSync(Buffer.from('abc garbage')),
    ]);
    const message = { kind: 'bytes', isCompressed: true, content } as const;
    expect(Buffer.from(uncompressedContent(message, 100) ?? []).toString()).toBe('abc');
  });

  test('goes back and forth for each kind of body', () => {
    for (const kind of ['bytes', 'text'] as const) {
      const content = compressedContent(kind, Buffer.from('hello '.repeat(50)));
      const read = uncompressedContent({ kind, isCompressed: true, content }, 300);
      expect(Buffer.from(read ?? []).toString()).toBe('hello '.repeat(50));
    }
  });

  test('never inflates beyond the limit', () => {
    const bomb = deflateSync(Buffer.alloc(MEGABYTE));
    const limit = expect.objectContaining({ code: 'BATON_FRAME_TOO_LARGE' }) as Error;
    const text = { kind: 'text', isCompressed: true, content: bomb } as const;
    expect(() => uncompressedContent(text, MEGABYTE - 1)).toThrow(limit);
    expect(uncompressedContent(text, MEGABYTE)).toHaveLength(MEGABYTE);
    for (const length of ['00000001', '7fffffff']) {
      const content = Buffer.concat([Buffer.from(length, 'hex'), bomb]);
      const bytes = { kind: 'bytes', isCompressed: true, content } as const;
      expect(() => uncompressedContent(bytes, 1000)).toThrow(limit);
    }
  });

  test('of bytes that are not deflated is a protocol error', () => {
    const message = { kind: 'map', isCompressed: true, content: Buffer.from('no') } as const;
    expect(() => uncompressedContent(message, 100)).toThrow(
      expect.objectContaining({ code: 'BATON_PROTOCOL' }),
    );
  });
});

test('a hostile map announces more than it has, nests too deeply or ends early: an error each time', () => {
  const nested = '00000001000161' + '0b00000001000161'.repeat(40) + '00';
  for (const hex of [
    '7fffffff',
    '00000001',
    '000000010001',
    nested,
    '0000000100016163',
    '00000000ff',
  ]) {
    expect(() => decodeMap(Buffer.from(hex, 'hex'))).toThrow(
      expect.objectContaining({ code: 'BATON_PROTOCOL' }),
    );
  }
});

function hexOf(bytes: Uint8Array | null): string {
  return Buffer.from(bytes ?? []).toString('hex');
}
