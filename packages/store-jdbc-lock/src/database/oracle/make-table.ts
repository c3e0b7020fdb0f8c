import { present } from '@batonmq/model';

/**
 * A table and its key in one statement, of the two that knex has. Each of them would be a transaction of its own, and
 * a table whose key never came would pass for done. The key has no name of its own, which could be too long.
 */
export function makeOracleTable([create = '', addKey = '']: readonly string[]): string {
  const columns = /^(?<head>create table .*)\)$/.exec(create)?.groups?.['head'];
  const key = / (?<key>primary key \([^)]*\))$/.exec(addKey)?.groups?.['key'];
  const sql = `${present(columns, 'knex creates the table first')}, ${present(key, 'and adds its key')})`;
  // A text of no characters is null.
  return sql.replaceAll('clob not null', 'clob');
}
