import { BrokerError } from '@batonmq/model';
import type { RuntimeComponents } from '@batonmq/runtime';
import {
  STORE_PLUGIN,
  STORE_SPI_VERSION,
  type AcquireOptions,
  type Lease,
  type Store,
  type StoreInspection,
  type StoreManifest,
  type StorePlugin,
} from '@batonmq/store-spi';
import { FirstSequences } from './content/first-sequences.ts';
import { inspectTables } from './content/inspection.ts';
import { nextBodyOf } from './content/recovery.ts';
import { answered } from './database/deadline.ts';
import type { Purpose } from './database/database.ts';
import { openDatabase } from './database/open-database.ts';
import { SteadySession } from './database/steady-session.ts';
import { JdbcLockLease } from './jdbc-lock-lease.ts';
import { HeldLease } from './lease/held-lease.ts';
import { LeaseLine, type LineRequest, type Turn } from './lease/lease-line.ts';
import { LeaseRows } from './lease/lease-row.ts';
import {
  resolveJdbcLockOptions,
  type JdbcLockStoreOptions,
  type JdbcLockStoreSettings,
} from './options.ts';
import { migrate, type Place } from './schema/migrate.ts';
import { tablesWith } from './schema/tables.ts';
import { closedError, hasCode, storeError } from './store-error.ts';
import { GroupCommit } from './write/group-commit.ts';

const MANIFEST: StoreManifest = Object.freeze({
  name: '@batonmq/store-jdbc-lock',
  spiVersion: STORE_SPI_VERSION,
  capabilities: Object.freeze({ isDurable: true, isShared: true }),
});

/**
 * A store in a SQL database that several brokers share; a row of it says whose turn it is.
 *
 * @throws `BATON_INVALID_OPTION` naming everything that is wrong with the options.
 */
export function jdbcLockStore(options: JdbcLockStoreOptions): StorePlugin {
  return jdbcLockStoreWith(options, openDatabase);
}

/** With another way to the database: for machines that die in tests. */
export function jdbcLockStoreWith(
  options: JdbcLockStoreOptions,
  open: typeof openDatabase,
): StorePlugin {
  const settings = resolveJdbcLockOptions(options);
  return {
    [STORE_PLUGIN]: true,
    manifest: MANIFEST,
    create: (components) => new JdbcLockStore(settings, components, open),
  };
}

class JdbcLockStore implements Store {
  readonly manifest = MANIFEST;
  readonly #settings: JdbcLockStoreSettings;
  readonly #components: RuntimeComponents;
  readonly #openDatabase: typeof openDatabase;
  readonly #closing = new AbortController();
  #place: Promise<Place> | undefined;
  #acquiring: Promise<Lease> | undefined;
  #lease: JdbcLockLease | undefined;

  constructor(
    settings: JdbcLockStoreSettings,
    components: RuntimeComponents,
    open: typeof openDatabase,
  ) {
    this.#settings = settings;
    this.#components = components;
    this.#openDatabase = open;
  }

  acquire(options: AcquireOptions): Promise<Lease> {
    if (this.#closing.signal.aborted) return Promise.reject(closedError('The store was closed'));
    if (this.#acquiring || this.#lease?.isCurrent) {
      const problem = 'acquire() was called while a lease is held or being acquired';
      return Promise.reject(new BrokerError('BATON_INVALID_STATE', problem));
    }
    this.#acquiring = this.#acquire(options).finally(() => (this.#acquiring = undefined));
    return this.#acquiring;
  }

  async inspect(): Promise<StoreInspection> {
    if (this.#closing.signal.aborted) throw closedError('The store was closed');
    const place = await this.#open();
    try {
      const session = await place.database.connect('work');
      const looking = inspectTables(session, place);
      const facts = await answered(this.#components.clock, session, looking).finally(() => {
        session.destroy();
      });
      return { ...facts, isHeldHere: this.#lease?.isCurrent === true };
    } catch (error) {
      throw storeError(error, place.database);
    }
  }

  async close(): Promise<void> {
    this.#closing.abort(closedError('The store was closed'));
    await this.#acquiring?.catch(() => undefined);
    await this.#lease?.release();
  }

  async #acquire({ owner, signal, onProgress }: AcquireOptions): Promise<Lease> {
    const ends = [this.#closing.signal, ...(signal === undefined ? [] : [signal])];
    const request: LineRequest = {
      owner,
      signal: AbortSignal.any(ends),
      onProgress: onProgress ?? (() => undefined),
    };
    // A lease that was lost may still be ending its connections.
    await this.#lease?.release();
    const place = await this.#open();
    try {
      for (;;) {
        const lease = await this.#standAndTakeOver(place, request);
        if (lease !== undefined) return lease;
      }
    } catch (error) {
      if (this.#closing.signal.aborted) throw closedError('The store was closed');
      throw storeError(error, place.database);
    }
  }

  /** `undefined`: the lease was lost again before it was of use; back to the end of the line. */
  async #standAndTakeOver(place: Place, request: LineRequest): Promise<Lease | undefined> {
    const ending = new AbortController();
    const leave = (): void => {
      ending.abort(request.signal.reason);
    };
    request.signal.addEventListener('abort', leave);
    if (request.signal.aborted) leave();
    try {
      const steady = this.#steadySession(place, 'lock', ending.signal);
      const turn = await new LeaseLine(this.#components, place, this.#settings, request).stand(
        steady,
      );
      const held = new HeldLease(this.#components, place, this.#settings, turn, steady, ending);
      return await this.#takeOver(place, held, turn);
    } catch (error) {
      ending.abort(error);
      throw error;
    } finally {
      request.signal.removeEventListener('abort', leave);
    }
  }

  async #takeOver(place: Place, held: HeldLease, turn: Turn): Promise<Lease | undefined> {
    const writing = this.#steadySession(place, 'work', held.signal);
    try {
      const nextBody = await writing.run(async (session) => {
        await migrate(session, place, turn, this.#components.logger);
        return nextBodyOf(session, place);
      });
      const reading = this.#steadySession(place, 'work', held.signal);
      const firstSequences = new FirstSequences(place, reading);
      const commit = new GroupCommit({
        place,
        lease: held,
        steady: writing,
        nextBody,
        firstSequences,
      });
      this.#lease = new JdbcLockLease(place, held, commit, reading, firstSequences);
      return this.#lease;
    } catch (error) {
      const isLost = held.loss !== undefined || hasCode(error, 'BATON_FENCED');
      // Whatever failed, the lease must not stay behind with nobody to use it.
      await held.release();
      if (isLost) return undefined;
      throw error;
    }
  }

  #open(): Promise<Place> {
    this.#place ??= this.#openDatabase(this.#settings, this.#components.files).then((database) => {
      const { tablePrefix, leaseDurationMs } = this.#settings;
      const tables = tablesWith(tablePrefix);
      return { database, tables, rows: new LeaseRows(database, tables, leaseDurationMs) };
    });
    return this.#place;
  }

  #steadySession({ database }: Place, purpose: Purpose, signal: AbortSignal): SteadySession {
    const { clock, logger } = this.#components;
    return new SteadySession({ clock, logger, database, purpose, signal });
  }
}
