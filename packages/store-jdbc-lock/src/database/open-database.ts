import { BrokerError } from '@batonmq/model';
import type { JdbcLockStoreSettings } from '../options.ts';
import { tablesWith } from '../schema/tables.ts';
import type { Database } from './database.ts';

/** The database of the settings; only the code for its kind is loaded. Nothing is connected yet. */
export async function openDatabase(settings: JdbcLockStoreSettings): Promise<Database> {
  const { location, leaseDurationMs, connectTimeoutMs } = settings;
  const tables = tablesWith(settings.tablePrefix);
  switch (location.kind) {
    case 'postgresql': {
      const { postgresqlDatabase } = await import('./postgresql/postgresql-database.ts');
      const { tls } = settings;
      return postgresqlDatabase({
        ...location,
        password: location.password ?? '',
        ...(tls !== 'off' && {
          tls: { mode: tls === 'verified' ? 'verify-full' : 'require' },
        }),
        leaseDurationMs,
        connectTimeoutMs,
        applicationName: 'batonmq',
        tables,
      });
    }
    case 'mysql': {
      const { mysqlDatabase } = await import('./mysql/mysql-database.ts');
      const { tls } = settings;
      return mysqlDatabase({
        ...location,
        ...(tls !== 'off' && { tls: { isVerified: tls === 'verified' } }),
        leaseDurationMs,
        connectTimeoutMs,
        tables,
      });
    }
    case 'sqlite': {
      const { sqliteDatabase } = await import('./sqlite/sqlite-database.ts');
      return sqliteDatabase(location.file);
    }
    default:
      throw new BrokerError('BATON_UNSUPPORTED', location.kind);
  }
}
