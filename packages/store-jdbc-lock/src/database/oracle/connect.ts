import type OracleDriver from 'oracledb';
import type { Connection } from 'oracledb';
import type { Purpose } from '../database.ts';
import { firstUsable } from '../first-usable.ts';
import { UnusableHostError } from '../session-error.ts';
import type { DatabaseHost } from '../../location.ts';
import type { ServerOptions } from '../server-options.ts';
import { OracleSession } from './oracle-session.ts';

/** For so long a `work` session waits for an answer. */
const WORK_CALL_TIMEOUT_MS = 60_000;

/** Idle for so long, the system asks whether the other side is still there. */
const KEEP_ALIVE_MINUTES = 1;

/** The order of keys and what a commit waits for are ours, however the server is set up. */
const SESSION_SETTINGS = {
  nls_comp: 'binary',
  nls_sort: 'binary',
  commit_logging: 'immediate',
  commit_wait: 'wait',
};

/** A session on the first host that takes writes. */
export function connectToOracle(
  driver: typeof OracleDriver,
  options: ServerOptions,
  purpose: Purpose,
): Promise<OracleSession> {
  return firstUsable(options.hosts, (host) =>
    within(options.connectTimeoutMs, connectTo(host, driver, options, purpose)),
  );
}

/** The driver's own timeouts end before the server has let us in. */
function within(timeoutMs: number, connecting: Promise<OracleSession>): Promise<OracleSession> {
  const late = AbortSignal.timeout(timeoutMs);
  return new Promise((resolve, reject) => {
    late.addEventListener('abort', () => {
      reject(new UnusableHostError(`It has not answered within ${timeoutMs} ms`));
    });
    connecting.then((session) => {
      if (late.aborted) session.destroy();
      else resolve(session);
    }, reject);
  });
}

async function connectTo(
  host: DatabaseHost,
  driver: typeof OracleDriver,
  options: ServerOptions,
  purpose: Purpose,
): Promise<OracleSession> {
  const { user, password, tls, leaseDurationMs } = options;
  const connection: Connection = await driver.getConnection({
    user,
    ...(password !== undefined && { password }),
    connectString: connectDescriptor(host, options),
    expireTime: KEEP_ALIVE_MINUTES,
    ...(tls?.ca !== undefined && { walletContent: tls.ca }),
  });
  connection.callTimeout = purpose === 'lock' ? leaseDurationMs : WORK_CALL_TIMEOUT_MS;
  const session = new OracleSession(driver, connection);
  try {
    for (const sql of sessionStatements()) await session.run({ sql, values: [] });
    await checkTakesWrites(session);
    return session;
  } catch (error) {
    session.destroy();
    throw error;
  }
}

/** Where the listener is, and what it is asked for, in the form of `tnsnames.ora`. */
export function connectDescriptor(
  { host, port }: DatabaseHost,
  { database, tls, connectTimeoutMs }: ServerOptions,
): string {
  const protocol = tls === undefined ? 'TCP' : 'TCPS';
  const seconds = Math.ceil(connectTimeoutMs / 1_000);
  return (
    `(DESCRIPTION=(CONNECT_TIMEOUT=${seconds})` +
    `(ADDRESS=(PROTOCOL=${protocol})(HOST=${host})(PORT=${port}))` +
    `(CONNECT_DATA=(SERVICE_NAME=${database})))`
  );
}

export function sessionStatements(): readonly string[] {
  return Object.entries(SESSION_SETTINGS).map(
    ([name, value]) => `alter session set ${name} = ${value}`,
  );
}

/** Needs no rights, unlike `v$database`. */
export const ROLE_QUERY = `select sys_context('USERENV', 'DATABASE_ROLE') as role from dual`;

/** What is written to a standby that takes writes is lost when it follows its primary again. */
async function checkTakesWrites(session: OracleSession): Promise<void> {
  const { rows } = await session.run({ sql: ROLE_QUERY, values: [] });
  const role = rows[0]?.['role'];
  if (role !== 'PRIMARY') throw new UnusableHostError(`Its role is ${String(role)}, not PRIMARY`);
}
