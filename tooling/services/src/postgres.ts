import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startDatabaseServer, type DatabaseServer } from './database-server.ts';
import { ManagedProcess, type ProcessExit } from './managed-process.ts';
import { freePort } from './ports.ts';
import { killWithDescendants } from './process-tree.ts';
import { runUnprivileged, unprivilegedDirectory } from './unprivileged.ts';

/** Debian keeps the programs of each major version in a directory named for it. */
const VERSIONS = '/usr/lib/postgresql';

export interface PostgresOptions {
  /** Where it keeps everything; what an earlier start left there is used. */
  readonly directory: string;
  /** Port on the loopback interface. @defaultValue a free one */
  readonly port?: number;
  /** Server settings by name: `{ max_connections: '20' }`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Set to false for a server that does not sync what it writes. @defaultValue true */
  readonly isDurable?: boolean;
}

/**
 * Starts PostgreSQL; resolves when it answers. Everybody on the loopback interface is let in as `mq`,
 * who may do anything; the database is `mq` too: `postgres://mq@127.0.0.1:PORT/mq`.
 * Needs Debian's `postgresql`.
 */
export async function startPostgres(options: PostgresOptions): Promise<DatabaseServer> {
  const { directory } = options;
  const port = options.port ?? (await freePort());
  await unprivilegedDirectory(directory);
  const data = postgresData(directory);
  const isNew = !existsSync(data);
  if (isNew) {
    await runPostgresProgram('initdb', [
      ...['--pgdata', data, '--username', 'mq', '--auth', 'trust'],
      ...['--encoding', 'UTF8', '--locale', 'C.UTF-8', '--no-sync'],
    ]);
  }
  const server = await servePostgres({ ...options, port });
  if (isNew) await postgresQuery(server, 'CREATE DATABASE mq', { database: 'postgres' });
  return server;
}

/** Starts PostgreSQL on a directory that has its files already. */
export async function servePostgres(
  options: PostgresOptions & { readonly port: number },
): Promise<DatabaseServer> {
  const { directory, port } = options;
  const settings: Record<string, string> = {
    port: String(port),
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    // In files of its directory; elsewhere it would outlive a kill.
    dynamic_shared_memory_type: 'mmap',
    fsync: options.isDurable === false ? 'off' : 'on',
    ...options.settings,
  };
  const data = postgresData(directory);
  const program = join(await programs(), 'postgres');
  const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  return startDatabaseServer({
    port,
    uri: `postgres://mq@127.0.0.1:${port}/mq`,
    launch: () => runUnprivileged(program, ['-D', data, ...args]),
    ready: /database system is ready to accept/,
    stopSignal: 'SIGINT',
    kill: (server) => killPostgres(server, data),
  });
}

/** Runs one statement as `mq`; the rows of its result are lines, their columns parted by `|`. */
export async function postgresQuery(
  server: Pick<DatabaseServer, 'port'>,
  statement: string,
  { database = 'mq' } = {},
): Promise<string> {
  return runPostgresProgram('psql', [
    ...['--host', '127.0.0.1', '--port', String(server.port), '--username', 'mq'],
    ...['--dbname', database, '--no-psqlrc', '--quiet', '--tuples-only', '--no-align'],
    ...['--set', 'ON_ERROR_STOP=1', '--command', statement],
  ]);
}

/** Runs one of PostgreSQL's programs to its end; what it said. */
export async function runPostgresProgram(name: string, args: readonly string[]): Promise<string> {
  const program = runUnprivileged(join(await programs(), name), args);
  await program.succeeded();
  return program.output;
}

/** The directory of the server's own files, below the one it was given. */
export function postgresData(directory: string): string {
  return join(directory, 'data');
}

async function programs(): Promise<string> {
  const names = existsSync(VERSIONS) ? await readdir(VERSIONS) : [];
  const newest = Math.max(...names.map(Number).filter((version) => !Number.isNaN(version)));
  if (!Number.isFinite(newest)) throw new Error(`Install postgresql; ${VERSIONS} has no version`);
  return join(VERSIONS, String(newest), 'bin');
}

async function killPostgres(server: ManagedProcess, data: string): Promise<ProcessExit> {
  const exit = await killWithDescendants(server);
  // A power cut takes the shared memory too. Left behind, it stays in the machine until a start on
  // the same files finds it.
  const segment = await sharedMemorySegment(data);
  if (segment !== undefined) await new ManagedProcess('ipcrm', ['--shmem-id', segment]).exited;
  return exit;
}

/** A running server notes the key and the id of its segment in line 7 of this file. */
async function sharedMemorySegment(data: string): Promise<string | undefined> {
  const text = await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '');
  return text.split('\n')[6]?.trim().split(/\s+/)[1];
}
