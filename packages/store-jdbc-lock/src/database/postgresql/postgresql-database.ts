import knex from 'knex';
import type { Tables } from '../../schema/tables.ts';
import type { Database } from '../database.ts';
import { connectToPostgresql } from './connect.ts';
import { postgresqlFailureOf } from './failure.ts';
import type { PostgresqlOptions } from './options.ts';
import { PostgresqlSession } from './postgresql-session.ts';
import { writeToPostgresql } from './postgresql-write.ts';
import { PostgresqlSessionLock } from './session-lock.ts';
import { StatementTexts } from './statement-texts.ts';

/**
 * What a write holds at most in several copies on its way: in Node.js, in the driver, in the server. Smaller writes take
 * more of the server's syncs.
 */
const WRITE_BYTES_MAX = 8 * 1024 * 1024;

/** PostgreSQL 14 or newer over the driver `pg`. */
export function postgresqlDatabase(options: PostgresqlOptions): Database {
  const { hosts, user, database, tables } = options;
  const textsOfTables = new WeakMap<Tables, StatementTexts>();
  const textsOf = (of: Tables): StatementTexts => {
    const known = textsOfTables.get(of) ?? new StatementTexts(of);
    textsOfTables.set(of, known);
    return known;
  };
  return {
    kind: 'postgresql',
    name: `postgres://${user}@${hosts.map(({ host, port }) => `${host}:${port}`).join(',')}/${database}`,
    knex: knex({ client: 'pg' }),
    now: '(extract(epoch from clock_timestamp()) * 1000)::bigint',
    bytesType: 'bytea',
    textType: 'text collate "C"',
    writeBytesMax: WRITE_BYTES_MAX,
    connect: async (purpose) => {
      const { default: pg } = await import('pg');
      return connectToPostgresql(pg.Client, options, purpose);
    },
    failureOf: postgresqlFailureOf,
    sessionLockOn: (session) => Promise.resolve(new PostgresqlSessionLock(session, tables.lease)),
    write: async (session, changes, of, fence) => {
      if (!(session instanceof PostgresqlSession))
        throw new TypeError('Not a session of PostgreSQL');
      return writeToPostgresql(session, changes, textsOf(of), fence);
    },
    usedBytes: (of) => ({
      sql: 'select coalesce(sum(pg_total_relation_size(to_regclass(name))), 0)::bigint as bytes from unnest($1::text[]) as t(name)',
      values: [Object.values(of)],
    }),
  };
}
