import { BrokerError } from '@batonmq/model';
import { builderFor } from '../builder.ts';
import { loadDriver } from '../driver.ts';
import type { Database } from '../database.ts';
import type { Session } from '../session.ts';
import { connectToMysql } from './connect.ts';
import { isFenceError, mysqlFailureOf } from './failure.ts';
import { MysqlSession } from './mysql-session.ts';
import { mysqlWrite } from './mysql-write.ts';
import type { ServerOptions } from '../server-options.ts';
import { mysqlSessionLock } from './session-lock.ts';
import { IDLE_AS_BEFORE } from './session-setup.ts';

/** Fits into a packet as MariaDB (16 MiB) and MySQL (64 MiB) allow by default. */
const WRITE_BYTES_MAX = 4 * 1_024 * 1_024;

/**
 * MySQL from 8.0 on and MariaDB from 10.6 on, alone, with replicas, or as a Galera cluster.
 *
 * Tests run against MariaDB. Not tested, for want of a server to run: MySQL itself, its waits for `GET_LOCK` in whole
 * seconds, and group replication.
 *
 * @throws `BATON_INVALID_OPTION` if certificates are to be held against an address.
 */
export function mysqlDatabase(options: ServerOptions): Database {
  checkNames(options);
  const { hosts, user, database, leaseDurationMs } = options;
  const places = hosts.map(({ host, port }) => `${host}:${port}`).join(',');
  return {
    kind: 'mysql',
    name: `mysql://${user}@${places}/${database}`,
    knex: builderFor('mysql2'),
    // Not from `now()`, which knows an hour twice where clocks are turned back.
    now: `(timestampdiff(microsecond, timestamp'1970-01-01 00:00:00', utc_timestamp(6)) div 1000)`,
    bytesType: 'longblob',
    textType: 'longtext character set utf8mb4 collate utf8mb4_bin',
    writeBytesMax: WRITE_BYTES_MAX,
    connect: async (purpose) => {
      const driver = await loadDriver('mysql2', () => import('mysql2'));
      return connectToMysql(driver, options, purpose);
    },
    failureOf: mysqlFailureOf,
    sessionLockOn: (session) =>
      Promise.resolve(mysqlSessionLock(own(session), database, options.tables)),
    write: async (session, changes, tables, fence) => {
      const { packetBytesMax, hasSeveralWriters } = own(session).facts;
      const limits = { packetBytesMax, areSingle: hasSeveralWriters, leaseDurationMs };
      const requests = mysqlWrite(changes, tables, fence, limits);
      try {
        await own(session).sendAll(requests, { sql: `rollback;${IDLE_AS_BEFORE}` });
        return true;
      } catch (error) {
        if (isFenceError(error)) return false;
        throw error;
      }
    },
    usedBytes: (tables) => {
      const names = Object.values(tables);
      return {
        sql: `select coalesce(sum(data_length + index_length), 0) as bytes from information_schema.tables
          where table_schema = database() and table_name in (${names.map(() => '?').join(', ')})`,
        values: names,
      };
    },
  };
}

/** The driver holds the certificate of whoever answers at an address against the name `localhost`. */
function checkNames({ hosts, tls }: ServerOptions): void {
  const address = hosts.find(({ host }) => ADDRESS.test(host));
  if (tls?.isVerified !== true || address === undefined) return;
  throw new BrokerError(
    'BATON_INVALID_OPTION',
    `'tls' is 'verified', and for MySQL that needs names of hosts; ${address.host} is an address`,
    { details: { host: address.host } },
  );
}

/** Of IPv4, or of IPv6. */
const ADDRESS = /^[\d.]+$|:/;

function own(session: Session): MysqlSession {
  if (session instanceof MysqlSession) return session;
  throw new TypeError('A session of another database');
}
