import { startPostgres, temporaryDirectory } from '@batonmq/services';
import { databaseSuite } from '../database-suite.ts';
import { databaseOn } from './postgresql-place.ts';

databaseSuite('PostgreSQL', async () => {
  const directory = await temporaryDirectory();
  const server = await startPostgres({ directory: directory.path });
  return {
    database: databaseOn([server.port]),
    close: async () => {
      await server[Symbol.asyncDispose]();
      await directory[Symbol.asyncDispose]();
    },
  };
});
