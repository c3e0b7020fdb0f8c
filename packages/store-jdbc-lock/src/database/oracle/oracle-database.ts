import { assert } from '@batonmq/model';
import { locationName } from '../../location.ts';
import type { Tables } from '../../schema/tables.ts';
import { builderFor } from '../builder.ts';
import type { Database } from '../database.ts';
import { loadDriver } from '../driver.ts';
import type { Statement } from '../session.ts';
import { connectToOracle } from './connect.ts';
import { oracleFailure } from './failure.ts';
import { makeOracleTable } from './make-table.ts';
import type { ServerOptions } from '../server-options.ts';
import { OracleSession } from './oracle-session.ts';
import { writeToOracle } from './oracle-write.ts';

/** On its way a write is in memory several times: here, in the driver, in the server. */
const WRITE_BYTES_MAX = 4 << 20;

/** An interval, within which nothing repeats where clocks are turned back. */
const SINCE_1970 = `(sys_extract_utc(systimestamp) - date '1970-01-01')`;

/**
 * Oracle Database 12.1 or newer, alone, as RAC, or with standbys. Not tested, for want of a server to run: its SQL is
 * parsed and compared with what Oracle's documentation says.
 *
 * There is no session lock, because `dbms_lock` needs a grant that few accounts have: a takeover waits until the lease has
 * expired. A holder that is frozen or cut off in the middle of a write keeps its rows locked beyond that, for as long as
 * the server keeps its session; `max_idle_blocker_time` and `sqlnet.expire_time` of the server bound it.
 */
export function oracleDatabase(options: ServerOptions): Database {
  return {
    kind: 'oracle',
    name: locationName({ kind: 'oracle', ...options }),
    knex: builderFor('oracledb'),
    now: `trunc(extract(day from ${SINCE_1970}) * 86400000 + extract(hour from ${SINCE_1970}) * 3600000 + extract(minute from ${SINCE_1970}) * 60000 + extract(second from ${SINCE_1970}) * 1000)`,
    bytesType: 'blob',
    textType: 'clob',
    writeBytesMax: WRITE_BYTES_MAX,
    makeTable: makeOracleTable,
    connect: async (purpose) => {
      const { default: driver } = await loadDriver('oracledb', () => import('oracledb'));
      return connectToOracle(driver, options, purpose);
    },
    failureOf: oracleFailure,
    sessionLockOn: () => Promise.resolve(undefined),
    write: (session, changes, tables, fence) => {
      assert(
        session instanceof OracleSession,
        'a session is used with the database that opened it',
      );
      return writeToOracle(session, changes, tables, fence);
    },
    usedBytes,
  };
}

/** The segments of the tables, of their indexes and of the long values in them. */
function usedBytes(tables: Tables): Statement {
  // As Oracle keeps names that are written without quotes.
  const names = Object.values<string>({ ...tables }).map((name) => name.toUpperCase());
  let bindCount = 0;
  const inNames = (): string => `in (${names.map(() => `:${(bindCount += 1)}`).join(', ')})`;
  return {
    sql:
      `select nvl(sum(bytes), 0) as bytes from user_segments where segment_name ${inNames()}` +
      ` or segment_name in (select index_name from user_indexes where table_name ${inNames()})` +
      ` or segment_name in (select segment_name from user_lobs where table_name ${inNames()})`,
    values: [...names, ...names, ...names],
  };
}
