import { describe, expect, test } from 'vitest';
import { decodeMap, decodeStream, encodeMap, encodeStream } from './bodies.ts';
import {
  plainEntries,
  primitiveMap,
  toPlain,
  toPrimitive,
  type PrimitiveValue,
} from './primitive-value.ts';

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
