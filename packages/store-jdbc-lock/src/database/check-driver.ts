import type { DatabaseKind } from './database.ts';
import { loadDriver, type DriverName } from './driver.ts';

const DRIVERS: Readonly<Record<DatabaseKind, DriverName>> = {
  postgresql: 'pg',
  mysql: 'mysql2',
  sqlite: 'better-sqlite3',
  oracle: 'oracledb',
};

/**
 * Loads the driver of such databases, so that a program can say that it is missing before it begins anything.
 *
 * @throws `BATON_INVALID_OPTION` with the command that installs it.
 */
export async function checkDriver(kind: DatabaseKind): Promise<void> {
  const name = DRIVERS[kind];
  await loadDriver(name, () => import(name) as Promise<unknown>);
}
