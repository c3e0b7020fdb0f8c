import type { Knex } from 'knex';
import type { Statement } from './session.ts';

/** What a builder has built, in the form of its database. */
export function statementOf(builder: Knex.QueryBuilder | Knex.Raw): Statement {
  const { sql, bindings } = builder.toSQL().toNative();
  return { sql, values: bindings };
}
