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

/** The protocol allows for 65,535 parameters. */
const ROWS_MAX = 1_000;

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
  const payloadBytes = step.rows.reduce((sum, row) => sum + payloadBytesOf(row), 0);
  if (payloadBytes > TEXT_PAYLOAD_BYTES_MAX) addPreparedRows(packets, step);
  else addTextRows(packets, step);
}

function addTextRows(packets: Packets, step: InsertStep | PutStep): void {
  const head = `insert into ${step.table} (${step.columns.join(', ')}) values `;
  const end = endOf(step);
  const rows = step.rows.map((row) => `(${row.map(literal).join(',')})`);
  const sizeMax = packets.bytesMax - head.length - end.length;
  for (const chunk of chunksOf(rows, { countMax: ROWS_MAX, sizeMax, sizeOf: textSizeOf })) {
    packets.add(`${head}${chunk.join(',')}${end}`);
  }
}

function addPreparedRows(packets: Packets, step: InsertStep | PutStep): void {
  const head = `insert into ${step.table} (${step.columns.join(', ')}) values `;
  const end = endOf(step);
  const row = `(${step.columns.map(() => '?').join(',')})`;
  const sizeMax = packets.bytesMax;
  for (const chunk of chunksOf(step.rows, {
    countMax: ROWS_MAX,
    sizeMax,
    sizeOf: parametersSizeOf,
  })) {
    const rows = Array<string>(chunk.length).fill(row).join(',');
    const byteCount = chunk.reduce((sum, each) => sum + parametersSizeOf(each), 0);
    packets.addPrepared(`${head}${rows}${end}`, chunk.flat().map(parameter), byteCount);
  }
}

/** `values()` is the one form that MariaDB and MySQL both know. */
function endOf({ kind, columns }: InsertStep | PutStep): string {
  if (kind === 'insert') return '';
  const assignments = columns.slice(1).map((column) => `${column} = values(${column})`);
  return ` on duplicate key update ${assignments.join(', ')}`;
}

function payloadBytesOf(row: StepRow): number {
  return row.reduce<number>((sum, value) => sum + (isBytes(value) ? byteCountOf(value) : 0), 0);
}

function parametersSizeOf(row: StepRow): number {
  return row.reduce<number>((sum, value) => sum + PARAMETER_BYTES + parameterBytesOf(value), 0);
}

function parameterBytesOf(value: StepValue): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  return isBytes(value) ? byteCountOf(value) : 0;
}

function textSizeOf(text: string): number {
  return text.length + 1;
}

function parameter(value: StepValue): number | string | null | Uint8Array {
  return isBytes(value) ? joined(value) : value;
}
