import {
  toPrimitive,
  type PlainValue,
  type PrimitiveMap,
  type PrimitiveValue,
} from '@batonmq/message-content';

/**
 * A value with the type a receiver in another language expects. Plain values are given one: an
 * integer is an `int` or, beyond 32 bits, a `long`; other numbers are a `double`, a bigint is a `long`.
 */
export class TypedValue {
  readonly primitive: PrimitiveValue;

  constructor(primitive: PrimitiveValue) {
    this.primitive = primitive;
  }
}

/** A value of a property, a map or a stream. */
export type MessageValue = PlainValue | TypedValue;

/** 8 bits, signed. */
export const byte = (value: number): TypedValue => new TypedValue({ kind: 'byte', value });
/** 16 bits, signed. */
export const short = (value: number): TypedValue => new TypedValue({ kind: 'short', value });
/** 32 bits, signed. */
export const int = (value: number): TypedValue => new TypedValue({ kind: 'int', value });
/** 64 bits, signed. */
export const long = (value: number | bigint): TypedValue => new TypedValue({ kind: 'long', value });
/** 32 bits, floating. */
export const float = (value: number): TypedValue => new TypedValue({ kind: 'float', value });
/** 64 bits, floating. */
export const double = (value: number): TypedValue => new TypedValue({ kind: 'double', value });
/** One UTF-16 unit. */
export const char = (value: string): TypedValue => new TypedValue({ kind: 'char', value });

export function toPrimitiveValue(value: MessageValue): PrimitiveValue {
  return value instanceof TypedValue ? value.primitive : toPrimitive(value);
}

export function toPrimitiveMap(entries: Readonly<Record<string, MessageValue>>): PrimitiveMap {
  return new Map(Object.entries(entries).map(([key, value]) => [key, toPrimitiveValue(value)]));
}
