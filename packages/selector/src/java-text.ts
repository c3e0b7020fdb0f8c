/** How Java writes values as text and reads them from it. */
import type { SelectorNumber, SelectorValue } from './selector-value.ts';

const INTEGER = /^[+-]?\d+$/;
const FLOATING = /^[+-]?(?:NaN|Infinity|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[fFdD]?)$/;
const INTEGER_BITS = { byte: 8, short: 16, int: 32, long: 64 } as const;

/** What `'text' + value` appends. */
export function javaText(value: SelectorValue | undefined): string {
  if (value === undefined) return 'null';
  switch (value.kind) {
    case 'double':
      return floatingText(value.value, shortestDouble(value.value));
    case 'float':
      return floatingText(value.value, shortestFloat(value.value));
    case 'list':
      return `[${value.value.map(javaText).join(', ')}]`;
    default:
      return String(value.value);
  }
}

/** Reads a text as the type of `like`; none if it is no such number. */
export function readNumber(text: string, like: SelectorNumber['kind']): SelectorNumber | undefined {
  switch (like) {
    case 'byte':
    case 'short':
    case 'int':
    case 'long':
      return readInteger(text, like);
    case 'float':
    case 'double': {
      const trimmed = text.trim();
      if (!FLOATING.test(trimmed)) return undefined;
      const value = Number(trimmed.replace(/(?<=[\d.])[fFdD]$/, ''));
      return { kind: like, value: like === 'float' ? Math.fround(value) : value };
    }
    case 'big':
      return undefined;
  }
}

function readInteger(text: string, kind: keyof typeof INTEGER_BITS): SelectorNumber | undefined {
  // A long has 19 digits at most; leading zeros beyond reason are not worth a conversion.
  if (!INTEGER.test(text) || text.length > 64) return undefined;
  const value = BigInt(text.startsWith('+') ? text.slice(1) : text);
  if (BigInt.asIntN(INTEGER_BITS[kind], value) !== value) return undefined;
  return kind === 'long' ? { kind, value } : { kind, value: Number(value) };
}

/** Significant digits and the decimal exponent of the first one. */
interface Digits {
  readonly digits: string;
  readonly exponent: number;
}

/** Java writes a decimal point always, and an exponent outside of 10⁻³ to 10⁷. */
function floatingText(value: number, { digits, exponent }: Digits): string {
  if (!Number.isFinite(value)) return String(value);
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  if (value === 0) return `${sign}0.0`;
  if (exponent < -3 || exponent >= 7) {
    return `${sign}${digits.charAt(0)}.${digits.slice(1) || '0'}E${exponent}`;
  }
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0');
  return `${sign}${whole}.${digits.slice(exponent + 1) || '0'}`;
}

function shortestDouble(value: number): Digits {
  return digitsOf(Math.abs(value).toExponential());
}

function shortestFloat(value: number): Digits {
  const size = Math.abs(value);
  let text = size.toExponential(8);
  for (let decimals = 0; decimals < 8; decimals++) {
    const shorter = size.toExponential(decimals);
    if (Math.fround(Number(shorter)) !== size) continue;
    text = shorter;
    break;
  }
  return digitsOf(text);
}

function digitsOf(text: string): Digits {
  const [mantissa = '', exponent = '0'] = text.split('e');
  return { digits: mantissa.replace('.', ''), exponent: Number(exponent) };
}
