import { mysqlDatabase } from '../../src/database/mysql/mysql-database.ts';
import type { ServerOptions } from '../../src/database/server-options.ts';
import type { DatabaseHost } from '../../src/location.ts';
import type { Database } from '../../src/database/database.ts';
import type { Row, Session } from '../../src/database/session.ts';
import { leaseTable, migrationTo, SCHEMA_VERSION } from '../../src/schema/migrations.ts';
import { tablesWith, type Tables } from '../../src/schema/tables.ts';

export const EPOCH = 3;

let placeCount = 0;

/** Names of tables that no other test of the file has. */
export function ownTables(): Tables {
  placeCount += 1;
  return tablesWith(`t${placeCount}_`);
}

/** How the database of `startMariaDb` is reached. */
export function optionsOn(
  ports: readonly number[],
  tables: Tables,
  options: Partial<ServerOptions> = {},
): ServerOptions {
  return {
    hosts: ports.map((port): DatabaseHost => ({ host: '127.0.0.1', port })),
    user: 'mq',
    password: 'mq',
    database: 'mq',
    connectTimeoutMs: 5_000,
    leaseDurationMs: 10_000,
    tables,
    ...options,
  };
}

/** The database of `startMariaDb`. */
export function databaseOn(...options: Parameters<typeof optionsOn>): Database {
  return mysqlDatabase(optionsOn(...options));
}

/** Makes all tables, and a lease of {@link EPOCH} that has written nothing. */
export async function makeTables(
  session: Session,
  database: Database,
  tables: Tables,
): Promise<void> {
  const toMake = [leaseTable(tables, database)];
  for (let version = 1; version <= SCHEMA_VERSION; version += 1) {
    toMake.push(migrationTo(version, tables, database));
  }
  for (const { statements } of toMake) {
    for (const statement of statements) await session.run(statement);
  }
  await session.run({
    sql: `insert into ${tables.lease} (id, schema_version, epoch, batch, has_lock, expires_at) values (1, ?, ?, 0, 0, 0)`,
    values: [SCHEMA_VERSION, EPOCH],
  });
}

export async function rowsOf(
  session: Session,
  sql: string,
  values: readonly unknown[] = [],
): Promise<readonly Row[]> {
  return (await session.run({ sql, values })).rows;
}
