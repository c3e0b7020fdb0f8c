import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startDatabaseServer, type DatabaseServer } from './database-server.ts';
import { ManagedProcess } from './managed-process.ts';
import { freePort } from './ports.ts';
import { killWithDescendants } from './process-tree.ts';
import { runUnprivileged, unprivilegedDirectory } from './unprivileged.ts';

/** Where only root finds it by its name. */
const PROGRAM = '/usr/sbin/mariadbd';

/** What every server has from its beginning. Accounts can be made once their tables are read. */
const DATABASE = `
FLUSH PRIVILEGES;
CREATE DATABASE mq;
CREATE USER mq@'127.0.0.1' IDENTIFIED BY 'mq';
GRANT ALL ON *.* TO mq@'127.0.0.1';
`;

export interface MariaDbOptions {
  /** Where it keeps everything; what an earlier start left there is used. */
  readonly directory: string;
  /** Port on the loopback interface. @defaultValue a free one */
  readonly port?: number;
  /** Server settings by name: `{ wait_timeout: '5' }`. */
  readonly settings?: Readonly<Record<string, string>>;
}

/**
 * Starts MariaDB; resolves when it answers. User, password and database are `mq`, and that
 * user may do anything: `mysql://mq:mq@127.0.0.1:PORT/mq`. A commit is synced. Needs Debian's
 * `mariadb-server`.
 */
export async function startMariaDb(options: MariaDbOptions): Promise<DatabaseServer> {
  const { directory } = options;
  const port = options.port ?? (await freePort());
  await unprivilegedDirectory(directory);
  await makeMariaDbFiles(directory);
  return serveMariaDb({ directory, port, settings: () => options.settings ?? {} });
}

/** Makes the files of a server, unless they are there. */
export async function makeMariaDbFiles(directory: string): Promise<void> {
  const data = mariaDbData(directory);
  if (existsSync(data)) return;
  const statements = join(directory, 'database.sql');
  await writeFile(statements, DATABASE);
  await runUnprivileged('mariadb-install-db', [
    ...['--no-defaults', `--datadir=${data}`, `--extra-file=${statements}`],
    `--tmpdir=${directory}`,
    ...['--auth-root-authentication-method=normal', '--skip-test-db', '--skip-name-resolve'],
  ]).succeeded();
}

/** The directory of the server's own files, below the one it was given. */
export function mariaDbData(directory: string): string {
  return join(directory, 'data');
}

/** A server on a directory that has its files already. */
export interface MariaDbService {
  readonly directory: string;
  readonly port: number;
  /** Asked at each start. */
  settings(): Readonly<Record<string, string>>;
  /** Waits for what has to come after it listens. @defaultValue nothing */
  answers?(): Promise<void>;
}

/** Starts MariaDB on the files of its directory. */
export async function serveMariaDb(service: MariaDbService): Promise<DatabaseServer> {
  const { directory, port } = service;
  return startDatabaseServer({
    port,
    uri: `mysql://mq:mq@127.0.0.1:${port}/mq`,
    launch: () => {
      const settings: Record<string, string> = {
        datadir: mariaDbData(directory),
        socket: join(directory, 'socket'),
        pid_file: join(directory, 'pid'),
        // A server that starts removes what it takes for its own left-overs.
        tmpdir: directory,
        port: String(port),
        bind_address: '127.0.0.1',
        skip_name_resolve: 'ON',
        innodb_flush_log_at_trx_commit: '1',
        ...service.settings(),
      };
      const args = Object.entries(settings).map(([name, value]) => `--${name}=${value}`);
      return runUnprivileged(PROGRAM, ['--no-defaults', ...args]);
    },
    ready: /mariadbd: ready for connections/,
    answers: async () => service.answers?.(),
    stopSignal: 'SIGTERM',
    kill: killWithDescendants,
  });
}

/** Runs statements as `mq`; the rows of the result are lines, their columns parted by tabs. */
export async function mariaDbQuery(
  server: Pick<DatabaseServer, 'port'>,
  statements: string,
): Promise<string> {
  const client = new ManagedProcess('mariadb', [
    ...['--no-defaults', '--protocol=tcp', '--host=127.0.0.1', `--port=${server.port}`],
    ...['--user=mq', '--password=mq', '--database=mq', '--batch', '--skip-column-names'],
    ...['--execute', statements],
  ]);
  await client.succeeded();
  return client.output;
}
