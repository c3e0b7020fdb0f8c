import type { Files } from '@batonmq/runtime';
import type { ServerLocation } from '../location.ts';
import type { JdbcLockStoreSettings } from '../options.ts';
import { tablesWith } from '../schema/tables.ts';
import type { Database } from './database.ts';
import type { ServerOptions } from './server-options.ts';
import { serverTls } from './server-tls.ts';

/**
 * The database of the settings; only the code for its kind is loaded. Nothing is connected yet.
 *
 * @throws `BATON_INVALID_OPTION` for a file of the settings that cannot be read.
 */
export async function openDatabase(
  settings: JdbcLockStoreSettings,
  files: Files,
): Promise<Database> {
  const { location } = settings;
  switch (location.kind) {
    case 'postgresql': {
      const { postgresqlDatabase } = await import('./postgresql/postgresql-database.ts');
      return postgresqlDatabase(await serverOptions(location, settings, files));
    }
    case 'mysql': {
      const { mysqlDatabase } = await import('./mysql/mysql-database.ts');
      return mysqlDatabase(await serverOptions(location, settings, files));
    }
    case 'oracle': {
      const { oracleDatabase } = await import('./oracle/oracle-database.ts');
      return oracleDatabase(await serverOptions(location, settings, files));
    }
    case 'sqlite': {
      const { sqliteDatabase } = await import('./sqlite/sqlite-database.ts');
      return sqliteDatabase(location.file);
    }
  }
}

async function serverOptions(
  location: ServerLocation,
  settings: JdbcLockStoreSettings,
  files: Files,
): Promise<ServerOptions> {
  const { leaseDurationMs, connectTimeoutMs, tablePrefix } = settings;
  return {
    ...location,
    tls: await serverTls(settings, files),
    connectTimeoutMs,
    leaseDurationMs,
    tables: tablesWith(tablePrefix),
  };
}
