import { present } from '@batonmq/model';
import type { Knex } from 'knex';
import type { Database } from '../database/database.ts';
import type { Statement } from '../database/session.ts';
import type { Tables } from './tables.ts';

/**
 * One step from a version of the schema to the next: one statement, because not every database has transactions for
 * such statements. What was published is never changed. docs/formats/sql.md describes the result.
 */
interface Migration {
  /** The table it makes: the step was done if it is there. */
  readonly creates: keyof Tables;
  readonly columns: (
    table: Knex.CreateTableBuilder,
    types: Pick<Database, 'bytesType' | 'textType'>,
  ) => void;
}

const MIGRATIONS: readonly Migration[] = [
  {
    creates: 'destinations',
    columns: (table, { textType }) => {
      table.bigInteger('destination').notNullable().primary();
      table.specificType('destination_key', textType).notNullable();
      table.bigInteger('message_count').notNullable();
      table.bigInteger('message_bytes').notNullable();
      table.bigInteger('next_sequence').notNullable();
    },
  },
  {
    creates: 'messages',
    columns: (table, { bytesType }) => {
      table.bigInteger('destination').notNullable();
      table.bigInteger('sequence').notNullable();
      table.integer('redelivery_count').notNullable();
      table.integer('byte_count').notNullable();
      table.bigInteger('body');
      table.specificType('payload', bytesType);
      table.primary(['destination', 'sequence']);
    },
  },
  {
    creates: 'bodies',
    columns: (table, { bytesType }) => {
      table.bigInteger('body').notNullable().primary();
      table.integer('place_count').notNullable();
      table.specificType('payload', bytesType);
    },
  },
  {
    creates: 'producers',
    columns: (table, { textType }) => {
      table.string('producer_hash', 64).notNullable().primary();
      table.specificType('producer', textType).notNullable();
      table.bigInteger('sequence').notNullable();
    },
  },
  {
    creates: 'states',
    columns: (table, { bytesType, textType }) => {
      table.string('state_hash', 64).notNullable().primary();
      table.specificType('space', textType).notNullable();
      table.specificType('state_key', textType).notNullable();
      table.specificType('value', bytesType);
    },
  },
];

/** The version that this package writes. */
export const SCHEMA_VERSION = MIGRATIONS.length;

/** A table, and what makes it. */
export interface TableToMake {
  readonly name: string;
  readonly statements: readonly Statement[];
}

/** The table that version `to` adds to the one before. */
export function migrationTo(to: number, tables: Tables, database: Database): TableToMake {
  const { creates, columns } = present(MIGRATIONS[to - 1], 'versions are numbered from 1');
  const name = tables[creates];
  return {
    name,
    statements: creating(database, tables, creates, (table) => {
      columns(table, database);
    }),
  };
}

/** The table that everything else hangs by; it is there before there is a lease, so it is no migration. */
export function leaseTable(tables: Tables, database: Database): TableToMake {
  const statements = creating(database, tables, 'lease', (table) => {
    table.integer('id').notNullable().primary();
    table.integer('schema_version').notNullable();
    table.bigInteger('epoch').notNullable();
    table.bigInteger('batch').notNullable();
    table.string('holder', 36);
    table.specificType('owner', database.textType);
    table.integer('has_lock').notNullable();
    table.bigInteger('expires_at').notNullable();
  });
  return { name: tables.lease, statements };
}

function creating(
  { knex, makeTable }: Database,
  tables: Tables,
  table: keyof Tables,
  columns: (table: Knex.CreateTableBuilder) => void,
): readonly Statement[] {
  const texts = knex.schema
    .createTable(tables[table], columns)
    .toSQL()
    .map(({ sql }) => sql);
  const inOne = makeTable === undefined ? texts : [makeTable(texts, table, tables)];
  return inOne.map((sql) => ({ sql, values: [] }));
}
