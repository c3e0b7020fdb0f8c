import { BrokerError } from '@batonmq/model';
import type { JdbcLockStoreSettings } from '../options.ts';
import type { Database } from './database.ts';
import { sqliteDatabase } from './sqlite/sqlite-database.ts';

export function openDatabase({ location }: JdbcLockStoreSettings): Promise<Database> {
  switch (location.kind) {
    case 'sqlite':
      return Promise.resolve(sqliteDatabase(location.file));
    default:
      return Promise.reject(new BrokerError('BATON_UNSUPPORTED', location.kind));
  }
}
