import type { StepRow, StepValue } from '../../write/step.ts';

/** The placeholders replaced by the values, one after another. */
export function filled(sql: string, values: StepRow): string {
  let next = 0;
  return sql.replaceAll('?', () => literal(values[next++] ?? null));
}

/** In hexadecimal nothing can mean anything, whatever the modes and character sets of the session are. */
export function literal(value: StepValue): string {
  if (value === null) return 'null';
  if (typeof value === 'number') return String(value);
  if (typeof value === 'string') return `_utf8mb4 X'${Buffer.from(value).toString('hex')}'`;
  return `X'${joined(value).toString('hex')}'`;
}

export function isBytes(value: StepValue): value is readonly Uint8Array[] {
  return typeof value === 'object' && value !== null;
}

export function byteCountOf(pieces: readonly Uint8Array[]): number {
  return pieces.reduce((sum, { length }) => sum + length, 0);
}

export function joined(pieces: readonly Uint8Array[]): Buffer {
  const [first] = pieces;
  if (pieces.length !== 1 || first === undefined) return Buffer.concat(pieces);
  return Buffer.from(first.buffer, first.byteOffset, first.length);
}
