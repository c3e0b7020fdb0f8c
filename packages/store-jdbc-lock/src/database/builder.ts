import knexModule, { type Knex } from 'knex';

/** Builds statements for a dialect of knex; it has no driver and no connection. */
export function builderFor(client: 'better-sqlite3' | 'mysql2' | 'oracledb' | 'pg'): Knex {
  return knexModule.knex({
    client,
    ...(client === 'better-sqlite3' && { useNullAsDefault: true }),
    // Without quotes, as in the steps of a write: Oracle makes another name of one in quotes.
    ...(client === 'oracledb' && { wrapIdentifier: (name: string) => name }),
  });
}
