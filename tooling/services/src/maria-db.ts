import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startDatabaseServer, type DatabaseServer } from './database-server.ts';
import { ManagedProcess } from './managed-process.ts';
import { freePort } from './ports.ts';
import { unprivileged, unprivilegedDirectory } from './unprivileged-user.ts';

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
 * Starts MariaDB; resolves when it answers. User, password and database are `mq`,
 * and `mq` may do anything: `mysql://mq:mq@127.0.0.1:PORT/mq`. A commit is synced. Needs Debian's `mariadb-server`.
 */
export async function startMariaDb(options: MariaDbOptions): Promise<DatabaseServer> {
  const { directory } = options;
  const port = options.port ?? (await freePort());
  await unprivilegedDirectory(directory);
  await makeMariaDbFiles(directory);
  return serveMariaDb({ ...options, port });
}

/** Makes the files of a server, unless they are there. */
export async function makeMariaDbFiles(directory: string): Promise<void> {
  const data = join(directory, 'data');
  if (existsSync(data)) return;
  const statements = join(directory, 'database.sql');
  await writeFile(statements, DATABASE);
  const install = new ManagedProcess(
    'mariadb-install-db',
    [
      ...['--no-defaults', `--datadir=${data}`, `--extra-file=${statements}`],
      ...['--auth-root-authentication-method=normal', '--skip-test-db', '--skip-name-resolve'],
    ],
    unprivileged(),
  );
  await install.succeeded();
}

/** Starts MariaDB on a directory that has its files already. */
export async function serveMariaDb(
  options: MariaDbOptions & { readonly port: number },
): Promise<DatabaseServer> {
  const { directory, port } = options;
  const settings: Record<string, string> = {
    port: String(port),
    bind_address: '127.0.0.1',
    innodb_flush_log_at_trx_commit: '1',
    ...options.settings,
  };
  const args = Object.entries(settings).map(([name, value]) => `--${name}=${value}`);
  const file = (name: string): string => join(directory, name);
  return startDatabaseServer({
    port,
    uri: `mysql://mq:mq@127.0.0.1:${port}/mq`,
    launch: () =>
      new ManagedProcess(
        PROGRAM,
        [
          ...['--no-defaults', '--skip-name-resolve', `--datadir=${file('data')}`],
          ...[`--socket=${file('socket')}`, `--pid-file=${file('pid')}`],
          ...args,
        ],
        unprivileged(),
      ),
    ready: /ready for connections/,
    stopSignal: 'SIGTERM',
    kill: (server) => server.kill(),
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
