import type { Tables } from '../../schema/tables.ts';
import { hashOf } from '../names.ts';
import type { BinaryValue } from './bind-message.ts';
import type { PreparedStatement } from './prepared-query.ts';

/** Common table expressions of a statement, with the values they take. */
export interface Part {
  /** Parts of the same name have the same SQL. */
  readonly name: string;
  readonly values: readonly BinaryValue[];
  /**
   * @param parameter - SQL of the value with this index
   * @returns one or more of `name as (statement)`
   */
  sql(tables: Tables, parameter: (index: number) => string): string;
}

/** Statements of the same parts are the same text with other values: put together once, and prepared once in a session. */
export class StatementTexts {
  readonly #tables: Tables;
  /** At most one for each combination of parts. */
  readonly #texts = new Map<string, { readonly sql: string; readonly name: string }>();

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  statementOf(parts: readonly Part[]): PreparedStatement {
    const shape = parts.map(({ name }) => name).join(' ');
    let text = this.#texts.get(shape);
    if (text === undefined) {
      const sql = this.#sqlOf(parts);
      text = { sql, name: `baton_${hashOf(sql).slice(0, 16)}` };
      this.#texts.set(shape, text);
    }
    return { ...text, values: parts.flatMap(({ values }) => values) };
  }

  #sqlOf(parts: readonly Part[]): string {
    let count = 0;
    const expressions = parts.map((part) => {
      const before = count;
      count += part.values.length;
      return part.sql(this.#tables, (index) => `$${before + index + 1}`);
    });
    return `with ${expressions.join(',\n')}\nselect 1 from fence`;
  }
}
