import { temporaryDirectory } from '@batonmq/services';
import { join } from 'node:path';
import { sqliteDatabase } from '../../src/database/sqlite/sqlite-database.ts';
import { databaseSuite } from '../database-suite.ts';
import { buildPackage } from '../fixtures/build-package.ts';

databaseSuite('SQLite', async () => {
  await buildPackage();
  const directory = await temporaryDirectory();
  return {
    database: sqliteDatabase(join(directory.path, 'messages.db')),
    close: async () => directory[Symbol.asyncDispose](),
  };
});
