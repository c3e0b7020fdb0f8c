import { BrokerError } from '@batonmq/model';
import type { JdbcLockStoreSettings } from '../options.ts';
import type { Database } from './database.ts';

export async function openDatabase(settings: JdbcLockStoreSettings): Promise<Database> {
  throw new BrokerError('BATON_UNSUPPORTED', settings.location.kind);
}
