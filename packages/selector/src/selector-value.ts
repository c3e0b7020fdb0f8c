/**
 * A value with the type it has in Java, because Java's types decide what two values compare to. A
 * decoded message property is one as it is.
 */
export type SelectorValue =
  | { readonly kind: 'null'; readonly value: null }
  | { readonly kind: 'boolean'; readonly value: boolean }
  | { readonly kind: 'string'; readonly value: string }
  | SelectorNumber
  | SelectorList
  /** Compares to nothing but its like. */
  | { readonly kind: 'char'; readonly value: string }
  | { readonly kind: 'bytes' | 'map'; readonly value: unknown };

export type SelectorNumber =
  | { readonly kind: 'byte' | 'short' | 'int' | 'float' | 'double'; readonly value: number }
  /** A bigint where a number could not hold it exactly. */
  | { readonly kind: 'long'; readonly value: number | bigint }
  /** A literal beyond 64 bits. */
  | { readonly kind: 'big'; readonly value: bigint };

export interface SelectorList {
  readonly kind: 'list';
  readonly value: readonly (SelectorValue | undefined)[];
}

export const TRUE: SelectorValue = { kind: 'boolean', value: true };
export const FALSE: SelectorValue = { kind: 'boolean', value: false };

export function stringValue(value: string): SelectorValue {
  return { kind: 'string', value };
}

export function isNumber(value: SelectorValue): value is SelectorNumber {
  switch (value.kind) {
    case 'byte':
    case 'short':
    case 'int':
    case 'long':
    case 'float':
    case 'double':
    case 'big':
      return true;
    default:
      return false;
  }
}

/** The same value of the same type, as `INLIST` asks. */
export function isSame(one: SelectorValue, other: SelectorValue): boolean {
  if (one.kind !== other.kind) return false;
  if (one.kind !== 'list' || other.kind !== 'list') {
    // A long may be here as a number or as a bigint.
    if (one.kind === 'long' || one.kind === 'big') {
      return BigInt(one.value) === BigInt(other.value as number | bigint);
    }
    return Object.is(one.value, other.value);
  }
  if (one.value.length !== other.value.length) return false;
  return one.value.every((left, index) => {
    const right = other.value[index];
    return left === undefined || right === undefined ? left === right : isSame(left, right);
  });
}
