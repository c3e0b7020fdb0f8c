import { BrokerError } from '@batonmq/model';

/** Drivers are optional: only that of the database in use has to be installed. */
export type DriverName = 'better-sqlite3' | 'mysql2' | 'oracledb' | 'pg';

/**
 * The driver, as `load` imports it. It may try it out as well, for instance where a native part is loaded late.
 *
 * @throws `BATON_INVALID_OPTION` with the command that helps: it is not installed, or does not run on this machine.
 */
export async function loadDriver<T>(name: DriverName, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    throw new BrokerError(
      'BATON_INVALID_OPTION',
      isMissing(name, cause)
        ? `The driver of this database is not installed; run: npm install ${name}`
        : `The driver ${name} does not run here; npm rebuild ${name} may help, or npm install ${name} for its newest version: ${String(cause)}`,
      { details: { driver: name }, cause },
    );
  }
}

/** Something that the driver itself needs may be missing too. */
function isMissing(name: DriverName, error: unknown): boolean {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === 'ERR_MODULE_NOT_FOUND' && message.includes(`'${name}'`);
}
