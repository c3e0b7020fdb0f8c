import { createHash } from 'node:crypto';
import type { Tables } from '../../schema/tables.ts';
import type { SessionLock } from '../database.ts';
import type { MysqlSession } from './mysql-session.ts';

/**
 * The server's lock of a name. It is one node's, hence none where several nodes take writes.
 *
 * MySQL waits in whole seconds: there a wait is rounded up.
 */
export function mysqlSessionLock(
  session: MysqlSession,
  database: string,
  tables: Tables,
): SessionLock | undefined {
  if (session.facts.hasSeveralWriters) return undefined;
  const name = lockName(database, tables);
  return {
    take: async (waitMs) => {
      const seconds = session.facts.isMariaDb ? waitMs / 1_000 : Math.ceil(waitMs / 1_000);
      // Whoever takes it twice has to give it back twice.
      const { rows } = await session.run({
        sql: `select if(is_used_lock(?) <=> connection_id(), 1, get_lock(?, ${seconds})) as is_mine`,
        values: [name, name],
      });
      return rows[0]?.['is_mine'] === 1;
    },
    giveBack: async () => {
      await session.run({ sql: 'select release_lock(?)', values: [name] });
    },
  };
}

/** Names are those of the whole server, and of 64 characters at most. */
function lockName(database: string, tables: Tables): string {
  const hash = createHash('sha256')
    .update(JSON.stringify([database, tables.lease]))
    .digest('hex');
  return `batonmq ${hash.slice(0, 48)}`;
}
