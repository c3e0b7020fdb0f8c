import type { Files } from '@batonmq/runtime';
import type { JdbcLockStoreSettings } from '../options.ts';
import { tablesWith } from '../schema/tables.ts';
import type { Database } from './database.ts';
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
  const { location, leaseDurationMs, connectTimeoutMs } = settings;
  const tables = tablesWith(settings.tablePrefix);
  const limits = { leaseDurationMs, connectTimeoutMs };
  switch (location.kind) {
    case 'postgresql': {
      const { postgresqlDatabase } = await import('./postgresql/postgresql-database.ts');
      const tls = await serverTls(settings, files);
      return postgresqlDatabase({ ...location, ...limits, tls, tables });
    }
    case 'mysql': {
      const { mysqlDatabase } = await import('./mysql/mysql-database.ts');
      const tls = await serverTls(settings, files);
      return mysqlDatabase({ ...location, ...limits, tls, tables });
    }
    case 'sqlite': {
      const { sqliteDatabase } = await import('./sqlite/sqlite-database.ts');
      return sqliteDatabase(location.file);
    }
    case 'oracle': {
      const { oracleDatabase } = await import('./oracle/oracle-database.ts');
      const tls = await serverTls(settings, files);
      return oracleDatabase({ ...location, ...limits, tls });
    }
  }
}
