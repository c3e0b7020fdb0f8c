import { silentLogger } from '@batonmq/runtime';
import { destinationNumber, sequence } from '@batonmq/model';
import type { WriteRecord } from '@batonmq/store-spi';
import oracledb from 'oracledb';
import { FirstSequences } from '../../src/content/first-sequences.ts';
import { inspectTables } from '../../src/content/inspection.ts';
import { readPage } from '../../src/content/page-reader.ts';
import { nextBodyOf, recover } from '../../src/content/recovery.ts';
import { connectToOracle } from '../../src/database/oracle/connect.ts';
import { oracleDatabase } from '../../src/database/oracle/oracle-database.ts';
import type { SteadySession } from '../../src/database/steady-session.ts';
import { LeaseRows, type LeaseRow } from '../../src/lease/lease-row.ts';
import { migrate, readLease } from '../../src/schema/migrate.ts';
import { SCHEMA_VERSION } from '../../src/schema/migrations.ts';
import { tablesWith } from '../../src/schema/tables.ts';
import { ChangeSet } from '../../src/write/change-set.ts';
import {
  A,
  added,
  B,
  bytes,
  C,
  dropped,
  message,
  redelivered,
  removed,
  shared,
} from '../fixtures/records.ts';
import {
  numbers,
  oracleError,
  RecordedServer,
  type Answer,
  type Request,
} from './recorded-server.ts';

const OPTIONS = {
  hosts: [{ host: 'db', port: 1521 }],
  user: 'baton',
  database: 'messages',
  connectTimeoutMs: 5_000,
  leaseDurationMs: 10_000,
  tables: tablesWith('baton_'),
};

export const ORACLE = oracleDatabase(OPTIONS);

const PRIMARY: Answer = {
  columns: [{ name: 'ROLE', dbType: oracledb.DB_TYPE_VARCHAR }],
  rows: [['PRIMARY']],
};
const LEASE = numbers({
  schema_version: 0,
  epoch: 1,
  batch: 0,
  holder: null,
  owner: null,
  has_lock: 0,
  expires_at: 0,
  is_expired: 1,
});
const CURRENT_LEASE = numbers({ schema_version: SCHEMA_VERSION, epoch: 1 });
const MINE = { holder: '5a3c1d0e-0000-4000-8000-000000000001', owner: 'a', hasLock: false };
/** Of a table in full, so that a second piece is asked for. */
const ROWS = 5_000;

/** One batch of every kind of record, of which each leaves something to do. */
const EVERY_RECORD: readonly WriteRecord[] = [
  dropped(C),
  added(destinationNumber(9), 'queue://nine'),
  message(A, 7, bytes('in '), bytes('pieces')),
  message(A, 8),
  shared([A, B], 9, bytes('shared')),
  removed(A, 1),
  removed(A, 3),
  redelivered(A, 4, 2),
  { type: 'producer-marked', producer: 'p', sequence: 3 },
  { type: 'producer-forgotten', producer: 'q' },
  { type: 'state-put', space: 's', key: '', value: bytes('v') },
  { type: 'state-put', space: 's', key: 'none', value: bytes('') },
  { type: 'state-removed', space: 's', key: 'gone' },
];

/** Everything a broker can ask of Oracle, as the driver is asked. */
export async function everyStatement(prefix: string): Promise<readonly Request[]> {
  return [
    ...(await whileTablesAreMade(prefix)),
    ...(await whileTablesAreRead(prefix)),
    ...(await whileWriting(prefix, EVERY_RECORD)),
    // Of a whole column without a value: no payload of its own, no shared one, no value.
    ...(await whileWriting(prefix, [shared([A, B], 9, bytes('shared'))])),
    ...(await whileWriting(prefix, [message(A, 7, bytes('own'))])),
    ...(await whileWriting(prefix, [
      { type: 'state-put', space: 's', key: 'k', value: bytes('') },
    ])),
  ];
}

async function whileTablesAreMade(prefix: string): Promise<readonly Request[]> {
  const made = new Set<string>();
  const server = new RecordedServer((sql) => {
    if (sql.includes('sys_context')) return PRIMARY;
    const table = /^create table (\w+)/.exec(sql)?.[1];
    if (table !== undefined) made.add(table);
    const probed = /^select 1 from (\w+)/.exec(sql)?.[1];
    if (probed !== undefined && !made.has(probed)) return oracleError('ORA-00942');
    return sql.startsWith('select') ? LEASE : { rowsAffected: 1 };
  });
  const { session, place } = await placeOn(server, prefix);
  const { rows } = place;
  const lease: LeaseRow = await readLease(session, place);
  for (const statement of [
    rows.take(lease, 'expiry', MINE),
    rows.take(lease, 'lock', MINE),
    rows.renew(1, MINE),
    rows.release(1, MINE),
  ]) {
    await session.run(statement);
  }
  await migrate(session, place, { epoch: 1, schemaVersion: 0 }, silentLogger);
  return server.requests;
}

async function whileTablesAreRead(prefix: string): Promise<readonly Request[]> {
  const row = numbers({
    destination: 1,
    destination_key: 1,
    message_count: 1,
    message_bytes: 1,
    next_sequence: 2,
    first_sequence: 1,
    producer_hash: 1,
    producer: 1,
    state_hash: 1,
    space: 1,
    state_key: 1,
    sequence: 1,
  });
  const full = { ...row, rows: Array(ROWS).fill(row.rows?.[0]) as number[][] };
  const server = new RecordedServer((sql) => {
    if (sql.includes('sys_context')) return PRIMARY;
    if (sql.includes('is_expired')) return CURRENT_LEASE;
    return sql.includes('rownum') && !sql.includes(' > :') ? full : row;
  });
  const { session, place } = await placeOn(server, prefix);
  const nothing = (): void => undefined;
  const over = { run: (work: (over: typeof session) => unknown) => work(session) };
  const steady = over as unknown as SteadySession;
  const visitor = { destination: nothing, producer: nothing, state: nothing };
  await recover(session, place, new FirstSequences(place, steady), visitor);
  await nextBodyOf(session, place);
  await inspectTables(session, place);
  await readPage(steady, place, A, sequence(7), {
    messageCountMax: 10,
    bytesMax: 1_000,
  });
  return server.requests;
}

/** What a write sends if the fence holds, and something that was shared goes. */
export async function whileWriting(
  prefix: string,
  records: readonly WriteRecord[],
): Promise<readonly Request[]> {
  const server = new RecordedServer((sql) => {
    if (sql.includes('sys_context')) return PRIMARY;
    if (sql.includes('shared_count')) {
      return numbers({ destination: 1, message_count: 2, message_bytes: 30, shared_count: 1 });
    }
    if (sql.includes('place_count') && sql.startsWith('select')) {
      return numbers({ body: 4, place_count: 1 });
    }
    return { rowsAffected: 1 };
  });
  const { session, place } = await placeOn(server, prefix);
  server.requests.length = 0;
  const changes = new ChangeSet(40);
  changes.add(records);
  await ORACLE.write(session, changes, place.tables, { epoch: 1, batch: 8 });
  return server.requests;
}

async function placeOn(server: RecordedServer, prefix: string) {
  const session = await connectToOracle(server.driver, OPTIONS, 'work');
  const tables = tablesWith(prefix);
  const rows = new LeaseRows(ORACLE, tables, OPTIONS.leaseDurationMs);
  return { session, place: { database: ORACLE, tables, rows } };
}
