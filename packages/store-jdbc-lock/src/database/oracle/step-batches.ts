import type {
  InsertStep,
  MatchQuery,
  PutStep,
  Step,
  StepRow,
  StepValue,
} from '../../write/step.ts';
import type { Statement } from '../session.ts';
import type { Batch, BindValue } from './oracle-session.ts';

/** So many conditions of a query are joined by `or`. More would make a statement that takes long to read. */
const CONDITIONS_MAX = 100;

/** What carries out a step, in order. */
export function batchesOf(step: Step): readonly Batch[] {
  switch (step.kind) {
    case 'insert':
      return [insertion(step)];
    case 'put':
      return [removal(step), insertion(step)];
    case 'run':
      return [batch(step.sql, step.rows)];
    case 'match': {
      const { sql, values, condition, rows } = step;
      return [
        batch(
          `${sql} (${condition})`,
          rows.map((row) => [...values, ...row]),
        ),
      ];
    }
  }
}

/** The query as often as it takes for all its conditions; the answers add up. */
export function statementsOf({
  sql,
  values,
  condition,
  rows,
  end,
}: MatchQuery): readonly Statement[] {
  const statements: Statement[] = [];
  for (let at = 0; at < rows.length; at += CONDITIONS_MAX) {
    const some = rows.slice(at, at + CONDITIONS_MAX);
    const conditions = some.map(() => `(${condition})`).join(' or ');
    statements.push({
      sql: numbered(`${sql} (${conditions}) ${end}`),
      values: [...values, ...some.flat()].map(bindValue),
    });
  }
  return statements;
}

/** Of a column without any value the driver would not know the type; it is null when it is left out. */
function insertion({ table, columns, rows }: InsertStep | PutStep): Batch {
  const values = rows.map((row) => row.map(bindValue));
  const used = columns
    .map((name, at) => ({ name, at }))
    .filter(({ at }) => values.some((row) => row[at] !== null));
  const names = used.map(({ name }) => name).join(', ');
  const placeholders = used.map((_, index) => `:${index + 1}`).join(', ');
  return {
    sql: `insert into ${table} (${names}) values (${placeholders})`,
    rows: values.map((row) => used.map(({ at }) => row[at] ?? null)),
  };
}

/**
 * Before the insertion that takes its place. No `merge`: long texts and bytes can be bound to the values of an insert
 * and of an update, and to nothing else.
 */
function removal({ table, columns: [key], rows }: PutStep): Batch {
  return batch(
    `delete from ${table} where ${key} = ?`,
    rows.map((row) => row.slice(0, 1)),
  );
}

function batch(sql: string, rows: readonly StepRow[]): Batch {
  return { sql: numbered(sql), rows: rows.map((row) => row.map(bindValue)) };
}

function numbered(sql: string): string {
  let last = 0;
  return sql.replaceAll('?', () => `:${(last += 1)}`);
}

/** Nothing, a text of no characters and a value of no bytes are the same to Oracle. */
function bindValue(value: StepValue): BindValue {
  if (value === '') return null;
  if (value === null || typeof value !== 'object') return value;
  const bytes = Buffer.concat(value);
  return bytes.length === 0 ? null : bytes;
}
