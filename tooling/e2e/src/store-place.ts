import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  mariaDbQuery,
  postgresQuery,
  runBatonMq,
  startMariaDb,
  startPostgres,
  temporaryDirectory,
  type DatabaseServer,
} from '@batonmq/services';

/** Where the brokers of a run have their messages. */
export const STORE_KINDS = ['file', 'postgres', 'mariadb'] as const;
export type StoreKind = (typeof STORE_KINDS)[number];
export type DatabaseKind = Exclude<StoreKind, 'file'>;

/** Room that a directory may keep when all is consumed: segments in use and made ahead, and checkpoints. */
const DRAINED_DISK_BYTES_MAX = 320 * 1024 * 1024;

/** A new and empty place for the messages of several brokers; gone when disposed. */
export interface StorePlace extends AsyncDisposable {
  /** For `--store`. */
  readonly uri: string;
  /** A standby reads along, and says so when it has read everything. */
  readonly isReadAlong: boolean;
  /** After the brokers have ended: throws if what is stored is not as it has to be. */
  verify(): Promise<void>;
  /** After everything was consumed: waits until its room is free again. What there was and is, for people. */
  freed(): Promise<string>;
}

/** A place in a database that may be ended and started again. */
export interface DatabasePlace extends StorePlace {
  readonly server: DatabaseServer;
}

export function isStoreKind(text: string): text is StoreKind {
  return STORE_KINDS.some((kind) => kind === text);
}

export async function startStorePlace(kind: StoreKind): Promise<StorePlace> {
  return kind === 'file' ? directoryPlace() : startDatabasePlace(kind);
}

async function directoryPlace(): Promise<StorePlace> {
  const directory = await temporaryDirectory();
  const { path } = directory;
  return {
    uri: `file:${path}`,
    isReadAlong: true,
    verify: () => runBatonMq(['store', 'verify', path]).succeeded(),
    freed: () => freedDisk(path),
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
}

export async function startDatabasePlace(kind: DatabaseKind): Promise<DatabasePlace> {
  const directory = await temporaryDirectory();
  const { start, query } = SERVERS[kind];
  const server = await start({ directory: directory.path });
  return {
    uri: server.uri,
    server,
    isReadAlong: false,
    verify: async () => {
      const faults = await query(server, FAULTS);
      if (faults !== '') throw new Error(`The tables do not agree:\n${faults}`);
    },
    freed: async () => {
      const left = await query(server, LEFT);
      if (left !== '0') throw new Error(`${left} messages are left in the tables`);
      return 'no message is left in the tables';
    },
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]();
      await directory[Symbol.asyncDispose]();
    },
  };
}

const SERVERS: Readonly<
  Record<
    DatabaseKind,
    {
      readonly start: (options: { directory: string }) => Promise<DatabaseServer>;
      readonly query: (server: DatabaseServer, sql: string) => Promise<string>;
    }
  >
> = {
  postgres: { start: startPostgres, query: postgresQuery },
  mariadb: { start: startMariaDb, query: mariaDbQuery },
};

/** The probes' own queue is never empty. */
const LEFT = `select message_count from baton_destinations where destination_key = 'queue://backlog'`;

/** Counters that are not what they count, and bodies that nobody or not everybody shows. */
const FAULTS = `
select 'counters', destination_key from baton_destinations d
  where message_count <> (select count(*) from baton_messages m where m.destination = d.destination)
  or message_bytes <> (select coalesce(sum(byte_count), 0) from baton_messages m where m.destination = d.destination)
  or next_sequence <= (select coalesce(max(sequence), 0) from baton_messages m where m.destination = d.destination)
union all
select 'body', concat(body, '') from baton_bodies b
  where place_count <> (select count(*) from baton_messages m where m.body = b.body)
union all
select 'message', concat(destination, '/', sequence) from baton_messages m
  where (payload is null) = (body is null)
  or (body is not null and not exists (select 1 from baton_bodies b where b.body = m.body))
  or not exists (select 1 from baton_destinations d where d.destination = m.destination)`;

/** What the files of a directory take when nothing is freed any more. */
async function freedDisk(directory: string): Promise<string> {
  const fullBytes = await diskBytes(directory);
  for (let attempt = 0; ; attempt += 1) {
    const bytes = await diskBytes(directory);
    if (bytes <= DRAINED_DISK_BYTES_MAX) {
      return `disk: ${megabytes(fullBytes)} after the drain, ${megabytes(bytes)} when it is freed`;
    }
    if (attempt === 100) throw new Error(`${megabytes(bytes)} are in use after the drain`);
    await delay(100);
  }
}

async function diskBytes(directory: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    // A file may be removed between the listing and the look.
    bytes += (await stat(join(entry.parentPath, entry.name)).catch(() => undefined))?.size ?? 0;
  }
  return bytes;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}
