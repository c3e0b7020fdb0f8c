import { BrokerError } from '@batonmq/model';
import type { Logger } from '@batonmq/runtime';
import type { Database } from '../database/database.ts';
import type { Session } from '../database/session.ts';
import { statementOf } from '../database/statement-of.ts';
import { leaseRowOf, type LeaseRow, type LeaseRows } from '../lease/lease-row.ts';
import { fencedError } from '../store-error.ts';
import { leaseTable, migrationTo, SCHEMA_VERSION, type TableToMake } from './migrations.ts';
import type { Tables } from './tables.ts';

/** Where a store is in its database. */
export interface Place {
  readonly database: Database;
  readonly tables: Tables;
  readonly rows: LeaseRows;
}

/**
 * Reads the lease, or nothing if there is no store yet.
 *
 * @throws `BATON_STORE_FORMAT` if a newer version of this package made the tables.
 */
export async function findLease(session: Session, place: Place): Promise<LeaseRow | undefined> {
  if (!(await isThere(session, place, place.tables.lease))) return undefined;
  const { rows } = await session.run(place.rows.read());
  return rows[0] === undefined ? undefined : readable(leaseRowOf(rows[0]), place);
}

/** Reads the lease, after making it if there is none. Several may try at once: one makes it. @throws as {@link findLease}. */
export async function readLease(session: Session, place: Place): Promise<LeaseRow> {
  const found = await findLease(session, place);
  if (found !== undefined) return found;
  let failure: unknown;
  const unlessDone = (error: unknown): void => {
    if (place.database.failureOf(error) === 'disconnected') throw error;
    failure = error;
  };
  await make(session, place, leaseTable(place.tables, place.database)).catch(unlessDone);
  await session.run(place.rows.insert()).catch(unlessDone);
  const made = await findLease(session, place);
  if (made === undefined) throw failure;
  return made;
}

/**
 * Brings the tables to the version of this package. Only the holder of the lease does; each step is recorded
 * under its epoch, and one that was not is done again by the next holder.
 *
 * @throws `BATON_FENCED` if another broker took over meanwhile.
 */
export async function migrate(
  session: Session,
  place: Place,
  { epoch, schemaVersion }: Pick<LeaseRow, 'epoch' | 'schemaVersion'>,
  logger: Logger,
): Promise<void> {
  const { database, tables, rows } = place;
  for (let version = schemaVersion + 1; version <= SCHEMA_VERSION; version += 1) {
    logger.log('info', 'changing the tables', { database: database.name, version });
    await make(session, place, migrationTo(version, tables, database));
    const { changedCount } = await session.run(rows.setSchemaVersion(epoch, version));
    if (changedCount === 0) throw fencedError(epoch);
  }
}

async function make(
  session: Session,
  place: Place,
  { name, statements }: TableToMake,
): Promise<void> {
  if (await isThere(session, place, name)) return;
  for (const statement of statements) await session.run(statement);
}

/** Every database says in its own way that there is no such table; none of them lets a query of it succeed. */
async function isThere(session: Session, { database }: Place, table: string): Promise<boolean> {
  try {
    await session.run(
      statementOf(database.knex(table).whereRaw('1 = 0').select(database.knex.raw('1'))),
    );
    return true;
  } catch (error) {
    if (database.failureOf(error) === 'fatal') return false;
    throw error;
  }
}

function readable(row: LeaseRow, { database }: Place): LeaseRow {
  if (row.schemaVersion <= SCHEMA_VERSION) return row;
  throw new BrokerError(
    'BATON_STORE_FORMAT',
    `The tables in ${database.name} have version ${row.schemaVersion}; this program knows versions up to ${SCHEMA_VERSION}. Use a newer one`,
    { details: { database: database.name, version: row.schemaVersion, known: SCHEMA_VERSION } },
  );
}
