import type { DatabaseKind } from './database.ts';
import { loadDriver, type DriverName } from './driver.ts';
import { loadSqliteDriver } from './sqlite/sqlite-driver.ts';

const DRIVERS: Readonly<Record<DatabaseKind, () => Promise<unknown>>> = {
  postgresql: () => load('pg'),
  mysql: () => load('mysql2'),
  sqlite: loadSqliteDriver,
  oracle: () => load('oracledb'),
};

/**
 * Loads the driver of such databases, so that a program can say that it is missing before it begins anything.
 *
 * @throws `BATON_INVALID_OPTION` with the command that installs it.
 */
export async function checkDriver(kind: DatabaseKind): Promise<void> {
  await DRIVERS[kind]();
}

function load(name: DriverName): Promise<unknown> {
  return loadDriver(name, () => import(name) as Promise<unknown>);
}
