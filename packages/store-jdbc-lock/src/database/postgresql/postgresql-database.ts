import { assert } from '@batonmq/model';
import { locationName } from '../../location.ts';
import type { Tables } from '../../schema/tables.ts';
import { builderFor } from '../builder.ts';
import type { Database } from '../database.ts';
import { loadDriver } from '../driver.ts';
import { connectToPostgresql } from './connect.ts';
import { postgresqlFailure } from './failure.ts';
import type { ServerOptions } from '../server-options.ts';
import { PostgresqlSession } from './postgresql-session.ts';
import { writeToPostgresql } from './postgresql-write.ts';
import { PostgresqlSessionLock } from './session-lock.ts';
import { StatementTexts } from './statement-texts.ts';
import { tableSettings } from './table-settings.ts';

/** On its way a write is in memory several times: here, in the driver, in the server. Smaller ones wait for more syncs. */
const WRITE_BYTES_MAX = 8 << 20;

/** PostgreSQL 14 or newer. */
export function postgresqlDatabase(options: ServerOptions): Database {
  const textsFor = textsByTables();
  return {
    kind: 'postgresql',
    name: locationName({ kind: 'postgresql', ...options }),
    knex: builderFor('pg'),
    now: '(extract(epoch from clock_timestamp()) * 1000)::bigint',
    bytesType: 'bytea',
    textType: 'text collate "C"',
    writeBytesMax: WRITE_BYTES_MAX,
    connect: async (purpose) => {
      const { default: pg } = await loadDriver('pg', () => import('pg'));
      return connectToPostgresql(pg.Client, options, purpose);
    },
    failureOf: postgresqlFailure,
    sessionLockOn: (session) =>
      Promise.resolve(new PostgresqlSessionLock(session, options.tables.lease)),
    write: async (session, changes, tables, fence) => {
      assert(
        session instanceof PostgresqlSession,
        'a session is used with the database that opened it',
      );
      return writeToPostgresql(session, changes, textsFor(tables), fence);
    },
    // The server takes a text of several statements as one transaction.
    makeTable: (statements, table, tables) =>
      [...statements, ...tableSettings(table, tables)].join(';\n'),
    usedBytes: (tables) => ({
      sql: `select coalesce(sum(pg_total_relation_size(to_regclass(name))), 0)::bigint as bytes
        from unnest($1::text[]) as t(name)`,
      values: [Object.values(tables)],
    }),
  };
}

function textsByTables(): (tables: Tables) => StatementTexts {
  const known = new WeakMap<Tables, StatementTexts>();
  return (tables) => {
    const texts = known.get(tables) ?? new StatementTexts(tables);
    known.set(tables, texts);
    return texts;
  };
}
