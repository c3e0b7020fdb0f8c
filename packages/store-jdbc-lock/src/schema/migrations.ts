import type { Knex } from 'knex';
import type { Database } from '../database/database.ts';
import type { Statement } from '../database/session.ts';
import type { Tables } from './tables.ts';

/**
 * One step from a version of the schema to the next: one statement, because not every database has transactions for
 * such statements. What was published is never changed. docs/formats/sql.md describes the result.
 */
type Migration = (
  schema: Knex.SchemaBuilder,
  tables: Tables,
  types: Pick<Database, 'bytesType' | 'textType'>,
) => Knex.SchemaBuilder;

const MIGRATIONS: readonly Migration[] = [
  (schema, tables, { textType }) =>
    schema.createTable(tables.destinations, (table) => {
      table.bigInteger('destination').notNullable().primary();
      table.specificType('destination_key', textType).notNullable();
      table.bigInteger('message_count').notNullable();
      table.bigInteger('message_bytes').notNullable();
      table.bigInteger('next_sequence').notNullable();
    }),
  (schema, tables, { bytesType }) =>
    schema.createTable(tables.messages, (table) => {
      table.bigInteger('destination').notNullable();
      table.bigInteger('sequence').notNullable();
      table.integer('redelivery_count').notNullable();
      table.integer('byte_count').notNullable();
      table.bigInteger('body');
      table.specificType('payload', bytesType);
      table.primary(['destination', 'sequence']);
    }),
  (schema, tables, { bytesType }) =>
    schema.createTable(tables.bodies, (table) => {
      table.bigInteger('body').notNullable().primary();
      table.integer('place_count').notNullable();
      table.specificType('payload', bytesType);
    }),
  (schema, tables, { textType }) =>
    schema.createTable(tables.producers, (table) => {
      table.string('producer_hash', 64).notNullable().primary();
      table.specificType('producer', textType).notNullable();
      table.bigInteger('sequence').notNullable();
    }),
  (schema, tables, { bytesType, textType }) =>
    schema.createTable(tables.states, (table) => {
      table.string('state_hash', 64).notNullable().primary();
      table.specificType('space', textType).notNullable();
      table.specificType('state_key', textType).notNullable();
      table.specificType('value', bytesType);
    }),
];

/** The version that this package writes. */
export const SCHEMA_VERSION = MIGRATIONS.length;

/** What makes version `to` of the one before. */
export function migrationTo(to: number, tables: Tables, database: Database): readonly Statement[] {
  const migrate = MIGRATIONS[to - 1];
  if (migrate === undefined) return [];
  return migrate(database.knex.schema, tables, database)
    .toSQL()
    .map(({ sql, bindings }) => ({ sql, values: bindings ?? [] }));
}

/** The table that everything else hangs by; it is there before there is a lease, so it is no migration. */
export function leaseTable(tables: Tables, { knex, textType }: Database): readonly Statement[] {
  return knex.schema
    .createTable(tables.lease, (table) => {
      table.integer('id').notNullable().primary();
      table.integer('schema_version').notNullable();
      table.bigInteger('epoch').notNullable();
      table.bigInteger('batch').notNullable();
      table.string('holder', 36);
      table.specificType('owner', textType);
      table.integer('has_lock').notNullable();
      table.bigInteger('expires_at').notNullable();
    })
    .toSQL()
    .map(({ sql, bindings }) => ({ sql, values: bindings ?? [] }));
}
