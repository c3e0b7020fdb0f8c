import { startGalera, startMariaDb, temporaryDirectory } from '@batonmq/services';
import type { Statement } from '../../src/database/session.ts';
import { databaseSuite } from '../database-suite.ts';
import { databaseOn, ownTables } from './mysql-place.ts';

const measure = (table: string): Statement => ({ sql: `analyze table ${table}`, values: [] });

databaseSuite('MariaDB', async () => {
  const directory = await temporaryDirectory();
  const server = await startMariaDb({ directory: directory.path });
  return {
    database: databaseOn([server.port], ownTables()),
    measure,
    close: async () => {
      await server[Symbol.asyncDispose]();
      await directory[Symbol.asyncDispose]();
    },
  };
});

databaseSuite(
  'Galera',
  async () => {
    const directory = await temporaryDirectory();
    const cluster = await startGalera({ directory: directory.path });
    return {
      database: databaseOn(
        cluster.nodes.map(({ port }) => port),
        ownTables(),
      ),
      measure,
      close: async () => {
        await cluster[Symbol.asyncDispose]();
        await directory[Symbol.asyncDispose]();
      },
    };
  },
  { hasSessionLock: false },
);
