/**
 * The row that says who may write, and the statements about it. Every time in it is of the clock of the database, in
 * milliseconds since 1970, so that brokers need no clocks that agree.
 */
import type { Database } from '../database/database.ts';
import type { Row, Statement } from '../database/session.ts';
import { escapeName, unescapeName } from '../database/names.ts';
import { statementOf } from '../database/statement-of.ts';
import type { Tables } from '../schema/tables.ts';

/** The row as it was read. */
export interface LeaseRow {
  readonly schemaVersion: number;
  /** 0 before the first lease. */
  readonly epoch: number;
  /** Number of the last write of the epoch. */
  readonly batch: number;
  /** Unique for each lease; missing when it was released. */
  readonly holder: string | undefined;
  /** Name of the holder's broker. */
  readonly owner: string;
  /** The holder has the session lock too: whoever gets that knows that the holder's connection is gone. */
  readonly hasLock: boolean;
  readonly expiresAt: number;
  /** By the clock of the database, when the row was read. */
  readonly isExpired: boolean;
}

export interface Holder {
  readonly holder: string;
  readonly owner: string;
  readonly hasLock: boolean;
}

export class LeaseRows {
  readonly #database: Database;
  readonly #table: string;
  readonly #leaseDurationMs: number;

  constructor(database: Database, tables: Tables, leaseDurationMs: number) {
    this.#database = database;
    this.#table = tables.lease;
    this.#leaseDurationMs = leaseDurationMs;
  }

  /** The only row there is, as nobody has held it. Fails if it is there. */
  insert(): Statement {
    return statementOf(
      this.#database.knex(this.#table).insert({
        id: 1,
        schema_version: 0,
        epoch: 0,
        batch: 0,
        has_lock: 0,
        expires_at: 0,
      }),
    );
  }

  /** {@link leaseRowOf} reads what it gives. */
  read(): Statement {
    const { knex, now } = this.#database;
    return statementOf(
      knex(this.#table)
        .where({ id: 1 })
        .select('schema_version', 'epoch', 'batch', 'holder', 'owner', 'has_lock', 'expires_at')
        .select(knex.raw(`case when expires_at <= ${now} then 1 else 0 end as is_expired`)),
    );
  }

  /**
   * Begins the epoch after `former`, unless somebody was faster: then it changes no row. `from`: what gives the
   * right to: that the lease has expired, which is looked at again, or that the session lock was got.
   */
  take(former: LeaseRow, from: 'expiry' | 'lock', mine: Holder): Statement {
    const { knex, now } = this.#database;
    const update = knex(this.#table)
      .where({ id: 1, epoch: former.epoch })
      .update({
        epoch: former.epoch + 1,
        batch: 0,
        ...this.#held(mine),
        owner: escapeName(mine.owner),
      });
    return statementOf(
      from === 'expiry' ? update.whereRaw(`(holder is null or expires_at <= ${now})`) : update,
    );
  }

  /** Changes no row if another epoch has begun. */
  renew(epoch: number, mine: Holder): Statement {
    return statementOf(
      this.#database
        .knex(this.#table)
        .where({ id: 1, epoch, holder: mine.holder })
        .update(this.#held(mine)),
    );
  }

  release(epoch: number, { holder }: Holder): Statement {
    return statementOf(
      this.#database
        .knex(this.#table)
        .where({ id: 1, epoch, holder })
        .update({ holder: null, has_lock: 0, expires_at: 0 }),
    );
  }

  /** Changes no row if another epoch has begun. */
  setSchemaVersion(epoch: number, version: number): Statement {
    return statementOf(
      this.#database.knex(this.#table).where({ id: 1, epoch }).update({ schema_version: version }),
    );
  }

  #held({ holder, hasLock }: Holder): Record<string, unknown> {
    const { knex, now } = this.#database;
    return {
      holder,
      has_lock: hasLock ? 1 : 0,
      expires_at: knex.raw(`${now} + ${this.#leaseDurationMs}`),
    };
  }
}

export function leaseRowOf(row: Row): LeaseRow {
  const holder = row['holder'];
  return {
    schemaVersion: Number(row['schema_version']),
    epoch: Number(row['epoch']),
    batch: Number(row['batch']),
    holder: typeof holder === 'string' ? holder : undefined,
    owner: unescapeName(String(row['owner'] ?? '')),
    hasLock: row['has_lock'] === 1,
    expiresAt: Number(row['expires_at']),
    isExpired: holder === null || row['is_expired'] === 1,
  };
}
