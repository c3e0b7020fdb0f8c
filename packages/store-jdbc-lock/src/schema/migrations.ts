import type { Knex } from 'knex';
import type { Database } from '../database/database.ts';
import type { Statement } from '../database/session.ts';
import type { Tables } from './tables.ts';

/** One step from a version of the schema to the next. What was published is never changed. */
type Migration = (schema: Knex.SchemaBuilder, tables: Tables, database: Database) => Knex.SchemaBuilder;

const MIGRATIONS: readonly Migration[] = [
  (schema, tables, { bytesType, textType }) =>
    schema
      .createTable(tables.destinations, (table) => {
        table.bigInteger('destination').notNullable().primary();
        table.specificType('destination_key', textType).notNullable();
        table.bigInteger('message_count').notNullable();
        table.bigInteger('message_bytes').notNullable();
        table.bigInteger('next_sequence').notNullable();
      })
      .createTable(tables.messages, (table) => {
        table.bigInteger('destination').notNullable();
        table.bigInteger('sequence').notNullable();
        table.integer('redelivery_count').notNullable();
        table.integer('byte_count').notNullable();
        table.bigInteger('body');
        table.specificType('payload', bytesType);
        table.primary(['destination', 'sequence']);
      })
      .createTable(tables.bodies, (table) => {
        table.bigInteger('body').notNullable().primary();
        table.integer('place_count').notNullable();
        table.specificType('payload', bytesType).notNullable();
      })
      .createTable(tables.producers, (table) => {
        table.specificType('producer', textType).notNullable();
        table.bigInteger('sequence').notNullable();
        table.string('producer_hash', 64).notNullable().primary();
      })
      .createTable(tables.states, (table) => {
        table.specificType('space', textType).notNullable();
        table.specificType('state_key', textType).notNullable();
        table.specificType('value', bytesType).notNullable();
        table.string('state_hash', 64).notNullable().primary();
      }),
];

/** The version that this package writes. */
export const SCHEMA_VERSION = MIGRATIONS.length;

/** What leads from `version` to {@link SCHEMA_VERSION}, to be run in one transaction where the database allows that. */
export function migrationsFrom(
  version: number,
  tables: Tables,
  database: Database,
): readonly Statement[] {
  return MIGRATIONS.slice(version).flatMap((migrate) =>
    migrate(database.knex.schema, tables, database)
      .toSQL()
      .map(({ sql, bindings }) => ({ sql, values: bindings ?? [] })),
  );
}
