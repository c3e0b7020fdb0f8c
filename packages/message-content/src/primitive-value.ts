/**
 * Self-describing values: message properties, map and stream bodies. A plain stream of bytes, the
 * same in every version of OpenWire and in the store.
 *
 *     value  1 byte type code, then its payload
 *     map    int32 count, then count times: uint16 length + key, value
 *     list   int32 count, then the values
 *
 * Strings: keys, and strings inside of lists, streams and inner maps, are modified UTF-8. The
 * values of a map itself are *read* as standard UTF-8 by the reference implementation, which mangles
 * NULs and characters outside the basic plane when they are written the modified way. So these are
 * written as standard UTF-8. Both are understood everywhere.
 */
import { asBuffer } from './as-buffer.ts';
import { malformed, unwritable } from './content-error.ts';
import { GrowingBuffer } from './growing-buffer.ts';
import { readModifiedUtf8, utf8Bytes } from './modified-utf8.ts';

/** A 64-bit integer: a bigint where a number could not hold it exactly. */
export type Long = number | bigint;

/** A value with its type on the wire, so that what was a Java `short` goes back as one. */
export type PrimitiveValue =
  | { readonly kind: 'null'; readonly value: null }
  | { readonly kind: 'boolean'; readonly value: boolean }
  | { readonly kind: 'byte' | 'short' | 'int' | 'float' | 'double'; readonly value: number }
  | { readonly kind: 'long'; readonly value: Long }
  /** `value` is one UTF-16 unit. */
  | { readonly kind: 'char'; readonly value: string }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'bytes'; readonly value: Uint8Array }
  | { readonly kind: 'map'; readonly value: PrimitiveMap }
  | { readonly kind: 'list'; readonly value: readonly PrimitiveValue[] };

/** Named values, in the order of the wire, which means nothing. */
export type PrimitiveMap = ReadonlyMap<string, PrimitiveValue>;

/** Maps and lists inside each other. */
const DEPTH_MAX = 32;

/** From this many UTF-16 units on a string is written with a four-byte length. */
const BIG_STRING_UNITS = 8191;

const KEY_BYTES_MAX = 65_535;

const CODE = {
  null: 0,
  boolean: 1,
  byte: 2,
  char: 3,
  short: 4,
  int: 5,
  long: 6,
  double: 7,
  float: 8,
  string: 9,
  bytes: 10,
  map: 11,
  list: 12,
  bigString: 13,
} as const;

/** Reads values from bytes; every length and count is checked against what is left of them. */
export class PrimitiveReader {
  readonly #bytes: Buffer;
  #position = 0;
  #depth = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = asBuffer(bytes);
  }

  get remaining(): number {
    return this.#bytes.length - this.#position;
  }

  error(message: string): Error {
    return malformed(message, this.#position);
  }

  map(): PrimitiveMap {
    if (++this.#depth > DEPTH_MAX) throw this.error('Maps and lists are nested too deeply');
    const map = new Map<string, PrimitiveValue>();
    for (let count = this.#count(); count > 0; count--) {
      const key = this.#string(this.#bytes.readUInt16BE(this.#take(2)));
      map.set(key, this.value());
    }
    this.#depth--;
    return map;
  }

  value(): PrimitiveValue {
    const bytes = this.#bytes;
    const code = bytes.readUInt8(this.#take(1));
    switch (code) {
      case CODE.null:
        return { kind: 'null', value: null };
      case CODE.boolean:
        return { kind: 'boolean', value: bytes.readUInt8(this.#take(1)) !== 0 };
      case CODE.byte:
        return { kind: 'byte', value: bytes.readInt8(this.#take(1)) };
      case CODE.char:
        return { kind: 'char', value: String.fromCharCode(bytes.readUInt16BE(this.#take(2))) };
      case CODE.short:
        return { kind: 'short', value: bytes.readInt16BE(this.#take(2)) };
      case CODE.int:
        return { kind: 'int', value: bytes.readInt32BE(this.#take(4)) };
      case CODE.long:
        return { kind: 'long', value: this.#long() };
      case CODE.double:
        return { kind: 'double', value: bytes.readDoubleBE(this.#take(8)) };
      case CODE.float:
        return { kind: 'float', value: bytes.readFloatBE(this.#take(4)) };
      case CODE.string:
        return { kind: 'string', value: this.#string(bytes.readUInt16BE(this.#take(2))) };
      case CODE.bigString:
        return { kind: 'string', value: this.#string(bytes.readInt32BE(this.#take(4))) };
      case CODE.bytes:
        return { kind: 'bytes', value: this.#view(bytes.readInt32BE(this.#take(4))) };
      case CODE.map:
        return { kind: 'map', value: this.map() };
      case CODE.list:
        return { kind: 'list', value: this.#list() };
      default:
        throw this.error(`There is no value type ${code}`);
    }
  }

  #list(): PrimitiveValue[] {
    if (++this.#depth > DEPTH_MAX) throw this.error('Maps and lists are nested too deeply');
    const list: PrimitiveValue[] = [];
    for (let count = this.#count(); count > 0; count--) list.push(this.value());
    this.#depth--;
    return list;
  }

  /** Every entry takes at least a byte. A negative count stands for none at all. */
  #count(): number {
    const count = this.#bytes.readInt32BE(this.#take(4));
    if (count > this.remaining) throw this.error(`${count} entries are announced, more than fit`);
    return count;
  }

  #long(): Long {
    const value = this.#bytes.readBigInt64BE(this.#take(8));
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }

  #string(length: number): string {
    const start = this.#take(length);
    return readModifiedUtf8(this.#bytes, start, start + length, 0);
  }

  #view(length: number): Uint8Array {
    const start = this.#take(length);
    return new Uint8Array(this.#bytes.buffer, this.#bytes.byteOffset + start, length);
  }

  #take(length: number): number {
    if (length < 0) throw this.error('A length is negative');
    if (length > this.remaining) throw this.error('The bytes end inside a value');
    const at = this.#position;
    this.#position += length;
    return at;
  }
}

/** Writes values. */
export class PrimitiveWriter {
  readonly #sink = new GrowingBuffer();
  #depth = 0;

  /** All that was written, in one piece. */
  take(): Uint8Array {
    return this.#sink.take();
  }

  map(map: PrimitiveMap): void {
    this.#map(map, 'standard');
  }

  #map(map: PrimitiveMap, form: Utf8Form): void {
    if (++this.#depth > DEPTH_MAX) throw unwritable('Maps and lists are nested too deeply');
    this.#sink.int32(map.size);
    for (const [key, value] of map) {
      const bytes = utf8Bytes(key, 'modified');
      if (bytes.length > KEY_BYTES_MAX) throw unwritable(`A key takes ${bytes.length} bytes`);
      this.#sink.int16(bytes.length);
      this.#sink.bytes(bytes);
      this.value(value, form);
    }
    this.#depth--;
  }

  value(primitive: PrimitiveValue, form: Utf8Form = 'modified'): void {
    const sink = this.#sink;
    const { kind, value } = primitive;
    if (kind === 'string') {
      this.#string(value, form);
      return;
    }
    sink.uint8(CODE[kind]);
    switch (kind) {
      case 'null':
        return;
      case 'boolean':
        sink.uint8(value ? 1 : 0);
        return;
      case 'byte':
        sink.uint8(integer(value, 8));
        return;
      case 'char':
        if (value.length !== 1) throw unwritable(`A char is one UTF-16 unit, not ${value.length}`);
        sink.int16(value.charCodeAt(0));
        return;
      case 'short':
        sink.int16(integer(value, 16));
        return;
      case 'int':
        sink.int32(integer(value, 32));
        return;
      case 'long':
        this.#long(value);
        return;
      case 'double':
        sink.double(value);
        return;
      case 'float':
        sink.float(value);
        return;
      case 'bytes':
        sink.int32(value.length);
        sink.bytes(value);
        return;
      case 'map':
        this.#map(value, 'modified');
        return;
      case 'list':
        this.#list(value);
        return;
    }
  }

  #list(values: readonly PrimitiveValue[]): void {
    if (++this.#depth > DEPTH_MAX) throw unwritable('Maps and lists are nested too deeply');
    this.#sink.int32(values.length);
    for (const value of values) this.value(value);
    this.#depth--;
  }

  #string(text: string, form: Utf8Form): void {
    const bytes = utf8Bytes(text, form);
    if (text.length < BIG_STRING_UNITS) {
      this.#sink.uint8(CODE.string);
      this.#sink.int16(bytes.length);
    } else {
      this.#sink.uint8(CODE.bigString);
      this.#sink.int32(bytes.length);
    }
    this.#sink.bytes(bytes);
  }

  #long(value: Long): void {
    if (typeof value === 'number' && !Number.isSafeInteger(value)) {
      throw unwritable(`${value} is not an integer that a number can hold exactly`);
    }
    const wide = BigInt(value);
    if (BigInt.asIntN(64, wide) !== wide) throw unwritable(`${wide.toString()} has over 64 bits`);
    this.#sink.int64(wide);
  }
}

type Utf8Form = 'standard' | 'modified';

function integer(value: number, bits: 8 | 16 | 32): number {
  const shift = 32 - bits;
  if ((value << shift) >> shift !== value) throw unwritable(`${value} is no ${bits}-bit integer`);
  return value;
}

/** What a user of the client sees and gives: JavaScript's own values. */
export type PlainValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly PlainValue[]
  | { readonly [key: string]: PlainValue };

/** Drops the type: numbers become number (a long beyond the safe integers a bigint). */
export function toPlain(primitive: PrimitiveValue): PlainValue {
  if (primitive.kind === 'list') return primitive.value.map(toPlain);
  if (primitive.kind === 'map') return plainEntries(primitive.value);
  return primitive.value;
}

/** The plain values of a map, in an object without a prototype: any key is safe in it. */
export function plainEntries(map: PrimitiveMap): { readonly [key: string]: PlainValue } {
  const plain = Object.create(null) as Record<string, PlainValue>;
  for (const [key, value] of map) plain[key] = toPlain(value);
  return plain;
}

/**
 * Chooses a type: an integer is an `int` if it fits 32 bits, else a `long`; other numbers are a
 * `double`; a bigint is a `long`. Use a `PrimitiveValue` where the receiver needs another.
 */
export function toPrimitive(plain: PlainValue): PrimitiveValue {
  if (plain === null) return { kind: 'null', value: null };
  if (typeof plain === 'boolean') return { kind: 'boolean', value: plain };
  if (typeof plain === 'string') return { kind: 'string', value: plain };
  if (typeof plain === 'bigint') return { kind: 'long', value: plain };
  if (typeof plain === 'number') return numeric(plain);
  if (plain instanceof Uint8Array) return { kind: 'bytes', value: plain };
  if (isList(plain)) return { kind: 'list', value: plain.map(toPrimitive) };
  return { kind: 'map', value: primitiveMap(plain) };
}

/** {@link toPrimitive} for each property of an object. */
export function primitiveMap(plain: { readonly [key: string]: PlainValue }): PrimitiveMap {
  return new Map(Object.entries(plain).map(([key, value]) => [key, toPrimitive(value)]));
}

function numeric(value: number): PrimitiveValue {
  if (!Number.isSafeInteger(value) || Object.is(value, -0)) return { kind: 'double', value };
  return { kind: (value | 0) === value ? 'int' : 'long', value };
}

/** `Array.isArray` does not narrow readonly arrays. */
function isList(plain: PlainValue): plain is readonly PlainValue[] {
  return Array.isArray(plain);
}
