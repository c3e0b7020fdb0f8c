import type { DatabaseKind } from './database/database.ts';

export interface DatabaseHost {
  readonly host: string;
  readonly port: number;
}

/** A database that several programs reach over the network. */
export interface ServerLocation {
  readonly kind: Exclude<DatabaseKind, 'sqlite'>;
  readonly hosts: readonly DatabaseHost[];
  readonly user: string;
  readonly password?: string | undefined;
  /** The database; for Oracle the name of the service. */
  readonly database: string;
}

/**
 * A database in a file, for brokers on the machine whose disk it is on: SQLite's write-ahead log does not work on a
 * file system of a network, and not every such file system says so.
 *
 * There is one writer at a time, whoever it is: a holder that is frozen in the middle of a write keeps the others out
 * until it goes on or is killed, and a write that takes longer than the lease ends it.
 */
export interface FileLocation {
  readonly kind: 'sqlite';
  /**
   * Made if it is missing, in a directory that exists. Beside it lie its log (`-wal`, `-shm`), which belongs to it, and the
   * file that its holder locks (`-lock`). None of them may be deleted or replaced while a broker runs.
   */
  readonly file: string;
}

export type DatabaseLocation = ServerLocation | FileLocation;

/** What a location may leave to options beside it. */
export interface Credentials {
  readonly user?: string | undefined;
  readonly password?: string | undefined;
}

const KINDS: Readonly<Record<string, ServerLocation['kind']>> = {
  postgres: 'postgresql',
  postgresql: 'postgresql',
  mysql: 'mysql',
  mariadb: 'mysql',
  oracle: 'oracle',
};

const DEFAULT_PORTS = { postgresql: 5432, mysql: 3306, oracle: 1521 } as const;

const FORMS =
  'postgres://user:password@host:port/database, mysql://…, oracle://…/service or sqlite:FILE';

/** `scheme://user:password@hosts/database`, where hosts may be several. */
const SERVER_URL =
  /^(?<scheme>[a-z]+):\/\/(?:(?<user>[^:@/]*)(?::(?<password>[^@/]*))?@)?(?<hosts>[^/@?#]+)\/(?<database>[^/?#]+)$/;

/**
 * Reads a URL, or checks an object.
 *
 * @throws An Error whose message says what is wrong, and never what the password is.
 */
export function parseLocation(
  database: string | DatabaseLocation,
  beside: Credentials,
): DatabaseLocation {
  return checked(typeof database === 'string' ? parseUrl(database, beside) : database, beside);
}

/** As operators see it: without a password. */
export function locationName(location: DatabaseLocation): string {
  if (location.kind === 'sqlite') return `sqlite:${location.file}`;
  const { kind, hosts, user, database } = location;
  const places = hosts.map(
    ({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`,
  );
  return `${kind}://${encodeURIComponent(user)}@${places.join(',')}/${encodeURIComponent(database)}`;
}

function parseUrl(url: string, beside: Credentials): DatabaseLocation {
  if (url.startsWith('sqlite:')) {
    return { kind: 'sqlite', file: url.slice('sqlite:'.length).replace(/^\/\/(?=\/)/, '') };
  }
  const parts = SERVER_URL.exec(url)?.groups;
  const kind = KINDS[parts?.['scheme'] ?? ''];
  if (parts === undefined || kind === undefined) {
    throw new Error(`'database' is not one of ${FORMS}; options stand beside it, not in a query`);
  }
  const user = beside.user ?? decoded(parts['user'] ?? '');
  const password = parts['password'];
  return {
    kind,
    hosts: (parts['hosts'] ?? '').split(',').map((place) => parseHost(place, DEFAULT_PORTS[kind])),
    user,
    password: beside.password ?? (password === undefined ? undefined : decoded(password)),
    database: decoded(parts['database'] ?? ''),
  };
}

function parseHost(place: string, defaultPort: number): DatabaseHost {
  const {
    name = '',
    address,
    port,
  } = /^(?:\[(?<address>[0-9a-fA-F:.]+)\]|(?<name>[^:[\]]+))(?::(?<port>\d+))?$/.exec(place)
    ?.groups ?? {};
  return { host: address ?? name, port: port === undefined ? defaultPort : Number(port) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Error(`'database' has a '%' that is not part of a percent-encoding`);
  }
}

function checked(location: DatabaseLocation, beside: Credentials): DatabaseLocation {
  if (location.kind === 'sqlite') {
    if (typeof location.file !== 'string' || location.file === '' || location.file === ':memory:') {
      throw new Error(`'database' needs the path of a file: sqlite:FILE`);
    }
    if (beside.user !== undefined || beside.password !== undefined) {
      throw new Error(`'user' and 'password' have no meaning for SQLite`);
    }
    return location;
  }
  if (!Object.hasOwn(DEFAULT_PORTS, location.kind)) {
    throw new Error(
      `'database' is of kind '${location.kind}'; postgresql, mysql, oracle and sqlite are allowed`,
    );
  }
  const { hosts, user, database } = location;
  const isHost = ({ host, port }: DatabaseHost): boolean =>
    typeof host === 'string' && host !== '' && Number.isInteger(port) && port > 0 && port < 65_536;
  if (!Array.isArray(hosts) || hosts.length === 0 || !hosts.every(isHost)) {
    throw new Error(`'database' needs hosts, each with a name and a port from 1 to 65535`);
  }
  if (typeof user !== 'string' || user === '') throw new Error(`'database' needs a user`);
  if (typeof database !== 'string' || database === '') {
    throw new Error(`'database' needs the name of a database`);
  }
  return location;
}
