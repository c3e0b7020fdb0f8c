import { PayloadBlock } from '../../write/payload-block.ts';
import type { PortableWrite } from '../../write/portable-write.ts';
import type { InsertStep, MatchQuery, PutStep, Step, StepRow } from '../../write/step.ts';
import type { Cell, EncodedStep, EncodedWrite } from './messages.ts';

/** Copies the bytes once; the block may go to the thread without another copy. */
export function encodeWrite(write: PortableWrite): EncodedWrite {
  const { fence, removedCounts, removedPlaces, steps, growths, removesDestinations, tables } =
    write;
  const block = new PayloadBlock();
  return {
    fence: encodeStep(fence, block),
    removedCounts: removedCounts && encodeQuery(removedCounts, block),
    removedPlaces: removedPlaces && encodeQuery(removedPlaces, block),
    steps: steps.map((step) => encodeStep(step, block)),
    closing: { growths, removesDestinations, tables },
    block: block.toArrayBuffer(),
  };
}

export function encodeStep(step: Step, block: PayloadBlock): EncodedStep {
  switch (step.kind) {
    case 'insert':
      return flat(insertion('insert', step), [], step.rows, block);
    case 'put':
      return flat(insertion('insert or replace', step), [], step.rows, block);
    case 'run':
      return flat(step.sql, [], step.rows, block);
    case 'match':
      return flat(`${step.sql} (${step.condition})`, step.values, step.rows, block);
  }
}

function encodeQuery(
  { sql, values, condition, rows, end }: MatchQuery,
  block: PayloadBlock,
): EncodedStep {
  return flat(`${sql} (${condition}) ${end}`, values, rows, block);
}

function insertion(verb: string, { table, columns }: InsertStep | PutStep): string {
  const placeholders = columns.map(() => '?').join(', ');
  return `${verb} into ${table} (${columns.join(', ')}) values (${placeholders})`;
}

/** @param first - cells that every row begins with */
function flat(
  sql: string,
  first: StepRow,
  rows: readonly StepRow[],
  block: PayloadBlock,
): EncodedStep {
  const cells: Cell[] = [];
  for (const row of rows) {
    for (const value of first) cells.push(isBytes(value) ? block.add(value) : value);
    for (const value of row) cells.push(isBytes(value) ? block.add(value) : value);
  }
  return { sql, width: first.length + (rows[0]?.length ?? 0), cells };
}

function isBytes(value: StepRow[number]): value is readonly Uint8Array[] {
  return typeof value === 'object' && value !== null;
}
