import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sqliteDatabase } from '../src/database/sqlite/sqlite-database.ts';
import { databaseSuite } from './database-suite.ts';

databaseSuite('SQLite', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'baton-sqlite-'));
  return {
    database: sqliteDatabase(join(directory, 'messages.db')),
    close: () => rm(directory, { recursive: true }),
  };
});
