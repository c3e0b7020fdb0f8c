import type {
  InsertStep,
  MatchQuery,
  MatchStep,
  PutStep,
  Step,
  StepRow,
  StepValue,
} from '../../write/step.ts';
import { chunksOf } from './chunks.ts';
import { conditionOf } from './condition-texts.ts';
import { byteCountOf, filled, isBytes, joined, literal } from './literals.ts';
import type { Packets } from './packets.ts';

/**
 * So many payload bytes of a step go as text, with the statements around it. More go as parameters: measured with
 * 1000 messages of 1 KB, that takes a quarter of the time and a seventh of the work here.
 */
const TEXT_PAYLOAD_BYTES_MAX = 16 * 1_024;

/** The server takes memory for each condition of a statement, and looks through the whole table for want of it. */
const CONDITIONS_MAX = 500;

/** Bounds what the server has to parse at once. */
const TEXT_ROWS_MAX = 1_000;

/** Of one prepared statement; the server keeps 2.4 KB for each, measured with MariaDB. */
const PREPARED_ROWS_MAX = 256;

/** What a parameter takes beside its bytes, at most: type, length, number. */
const PARAMETER_BYTES = 16;

/** Adds what carries out a step. @throws ValueTooLargeError */
export function addStep(packets: Packets, step: Step): void {
  switch (step.kind) {
    case 'insert':
    case 'put':
      addRows(packets, step);
      break;
    case 'run':
      for (const row of step.rows) packets.add(filled(step.sql, row));
      break;
    case 'match':
      for (const sql of matchTexts(step)) packets.add(sql);
      break;
  }
}

/** The statement as often as it takes for all its conditions. */
export function matchTexts({
  sql,
  values,
  condition,
  rows,
}: Omit<MatchStep, 'kind'> | MatchQuery): readonly string[] {
  return chunksOf(rows, { countMax: CONDITIONS_MAX }).map(
    (chunk) => `${filled(sql, values)} (${conditionOf(condition, chunk)})`,
  );
}

function addRows(packets: Packets, step: InsertStep | PutStep): void {
  let rest = step.rows;
  while (payloadBytesOf(rest) > TEXT_PAYLOAD_BYTES_MAX) {
    const chunk = rest.slice(0, preparedCountOf(rest, packets.bytesMax));
    rest = rest.slice(chunk.length);
    addPreparedRows(packets, step, chunk);
  }
  addTextRows(packets, step, rest);
}

/** A power of two: so a few statements do for every number of rows, and the server keeps each. */
function preparedCountOf(rows: readonly StepRow[], bytesMax: number): number {
  let count = PREPARED_ROWS_MAX;
  while (count > 1 && (count > rows.length || parameterBytesOf(rows.slice(0, count)) > bytesMax)) {
    count /= 2;
  }
  return count;
}

function addPreparedRows(
  packets: Packets,
  step: InsertStep | PutStep,
  rows: readonly StepRow[],
): void {
  const row = `(${step.columns.map(() => '?').join(',')})`;
  const marks = Array<string>(rows.length).fill(row).join(',');
  const values = rows.flat().map((value) => (isBytes(value) ? joined(value) : value));
  packets.addPrepared(`${headOf(step)}${marks}${endOf(step)}`, values, parameterBytesOf(rows));
}

function addTextRows(packets: Packets, step: InsertStep | PutStep, rows: readonly StepRow[]): void {
  const head = headOf(step);
  const end = endOf(step);
  const texts = rows.map((row) => `(${row.map(literal).join(',')})`);
  const sizeMax = packets.bytesMax - head.length - end.length;
  const sizeOf = (text: string): number => text.length + 1;
  for (const chunk of chunksOf(texts, { countMax: TEXT_ROWS_MAX, sizeMax, sizeOf })) {
    packets.add(`${head}${chunk.join(',')}${end}`);
  }
}

function headOf({ table, columns }: InsertStep | PutStep): string {
  return `insert into ${table} (${columns.join(', ')}) values `;
}

/** `values()` is the one form that MariaDB and MySQL both know. */
function endOf({ kind, columns }: InsertStep | PutStep): string {
  if (kind === 'insert') return '';
  const assignments = columns.slice(1).map((column) => `${column} = values(${column})`);
  return ` on duplicate key update ${assignments.join(', ')}`;
}

function payloadBytesOf(rows: readonly StepRow[]): number {
  return sumOf(rows, (value) => (isBytes(value) ? byteCountOf(value) : 0));
}

function parameterBytesOf(rows: readonly StepRow[]): number {
  return sumOf(rows, (value) => {
    if (typeof value === 'string') return PARAMETER_BYTES + Buffer.byteLength(value);
    return PARAMETER_BYTES + (isBytes(value) ? byteCountOf(value) : 0);
  });
}

function sumOf(rows: readonly StepRow[], sizeOf: (value: StepValue) => number): number {
  let sum = 0;
  for (const row of rows) {
    for (const value of row) sum += sizeOf(value);
  }
  return sum;
}
