import type { Connection, ConnectionOptions } from 'mysql2';
import type { Purpose } from '../database.ts';
import { firstUsable } from '../first-usable.ts';
import { UnusableHostError } from '../session-error.ts';
import { MysqlSession, type ServerFacts } from './mysql-session.ts';
import type { DatabaseHost } from '../../location.ts';
import type { ServerOptions } from '../server-options.ts';
import { GALERA_SETUP, sessionSetup } from './session-setup.ts';

/** What is used of the driver. */
export interface MysqlDriver {
  createConnection(options: ConnectionOptions): Connection;
}

/** Statements that stay prepared: more than writes have, which is one for each table and power of two. */
const PREPARED_STATEMENTS_MAX = 64;

const KEEP_ALIVE_DELAY_MS = 10_000;

/** A session on the first host that takes writes. */
export function connectToMysql(
  driver: MysqlDriver,
  options: ServerOptions,
  purpose: Purpose,
): Promise<MysqlSession> {
  return firstUsable(options.hosts, (host) => connectTo(host, driver, options, purpose));
}

async function connectTo(
  host: DatabaseHost,
  driver: MysqlDriver,
  options: ServerOptions,
  purpose: Purpose,
): Promise<MysqlSession> {
  const connection = driver.createConnection(connectionOptions(host, options));
  try {
    await new Promise<void>((resolve, reject) => {
      connection.connect((error) => {
        if (error === null) resolve();
        else reject(error);
      });
    });
    // Until a session has it: the driver throws what nobody listens to.
    connection.on('error', () => undefined);
    return new MysqlSession(connection, await setUp(connection, options, purpose));
  } catch (error) {
    connection.destroy();
    throw error;
  }
}

function connectionOptions(host: DatabaseHost, options: ServerOptions): ConnectionOptions {
  const { user, password, database, tls, connectTimeoutMs } = options;
  return {
    host: host.host,
    port: host.port,
    user,
    ...(password !== undefined && { password }),
    database,
    ...(tls !== undefined && {
      ssl: {
        rejectUnauthorized: tls.isVerified,
        verifyIdentity: tls.isVerified,
        ...(tls.ca !== undefined && { ca: tls.ca }),
      },
    }),
    connectTimeout: connectTimeoutMs,
    charset: 'UTF8MB4_BIN',
    multipleStatements: true,
    // Sums are whole numbers, too.
    decimalNumbers: true,
    // A row is changed also when its new values are the old ones. No server may ask for our files.
    flags: ['FOUND_ROWS', '-LOCAL_FILES'],
    maxPreparedStatements: PREPARED_STATEMENTS_MAX,
    enableKeepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_DELAY_MS,
  };
}

/** @throws UnusableHostError if the host takes no writes. */
async function setUp(
  connection: Connection,
  options: ServerOptions,
  purpose: Purpose,
): Promise<ServerFacts> {
  const { leaseDurationMs, connectTimeoutMs, tables } = options;
  const ask = (sql: string): Promise<unknown> =>
    new Promise((resolve, reject) => {
      connection.query({ sql, timeout: connectTimeoutMs }, (error, result) => {
        if (error === null) resolve(result);
        else reject(error);
      });
    });
  const statements = [
    sessionSetup(purpose, leaseDurationMs),
    `show global variables where variable_name in (${quoted(VARIABLES)})`,
    `show global status where variable_name in (${quoted(STATUS)})`,
    `select table_name as name, engine as engine from information_schema.tables
      where table_schema = database() and table_name in (${quoted(Object.values(tables))}) and engine <> 'InnoDB'`,
  ];
  const results = (await ask(statements.join(';'))) as readonly unknown[];
  const [variables, status, otherTables] = results.slice(-3) as [Facts, Facts, OtherTables];
  const facts = new Map([...variables, ...status].map((row) => [row.Variable_name, row.Value]));
  checkTakesWrites(facts);
  checkEngines(otherTables);
  const isGalera = facts.get('wsrep_on') === 'ON';
  if (isGalera) await ask(GALERA_SETUP);
  return {
    isMariaDb: facts.get('version')?.includes('MariaDB') === true,
    hasSeveralWriters: isGalera || (facts.get('group_replication_group_name') ?? '') !== '',
    packetBytesMax: Number(facts.get('max_allowed_packet')),
  };
}

const VARIABLES = [
  'group_replication_group_name',
  'innodb_read_only',
  'max_allowed_packet',
  'read_only',
  'super_read_only',
  'version',
  'wsrep_on',
];
const STATUS = ['wsrep_cluster_status', 'wsrep_local_state_comment', 'wsrep_ready'];

type Facts = readonly { readonly Variable_name: string; readonly Value: string }[];
type OtherTables = readonly { readonly name: string; readonly engine: string }[];

/** Also where our account could write in spite of it: what is written to a replica is lost. */
function checkTakesWrites(facts: ReadonlyMap<string, string>): void {
  for (const name of ['read_only', 'super_read_only', 'innodb_read_only']) {
    const value = facts.get(name);
    if (value !== undefined && value !== 'OFF') throw new UnusableHostError(`${name} is ${value}`);
  }
  if (facts.get('wsrep_on') !== 'ON') return;
  const expected = [
    ['wsrep_ready', 'ON'],
    ['wsrep_cluster_status', 'Primary'],
    ['wsrep_local_state_comment', 'Synced'],
  ] as const;
  for (const [name, value] of expected) {
    const actual = facts.get(name);
    if (actual !== value) throw new UnusableHostError(`${name} is ${actual}, not ${value}`);
  }
}

function checkEngines(others: OtherTables): void {
  const [other] = others;
  if (other === undefined) return;
  throw new Error(
    `Table ${other.name} has the engine ${other.engine}, which has no transactions; "alter table ${other.name} engine = InnoDB" changes it`,
  );
}

function quoted(names: readonly string[]): string {
  return names.map((name) => `'${name}'`).join(', ');
}
