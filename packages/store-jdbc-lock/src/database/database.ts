import type { Knex } from 'knex';
import type { ChangeSet } from '../write/change-set.ts';
import type { Tables } from '../schema/tables.ts';
import type { Failure, Session, Statement } from './session.ts';

export type DatabaseKind = 'postgresql' | 'mysql' | 'sqlite' | 'oracle';

/** What a connection is for; its limits follow from that. */
export type Purpose =
  /** Waits for the lock and keeps it: it may be idle for as long as a lease lasts, and no longer. */
  | 'lock'
  /** Reads and writes. */
  | 'work';

/** One database as it is reached, and its form of SQL. */
export interface Database {
  readonly kind: DatabaseKind;
  /** As operators see it: without a password. */
  readonly name: string;
  /** Builds statements; it is not connected. */
  readonly knex: Knex;
  /** The present as milliseconds since 1970, by the clock of the database. */
  readonly now: string;
  /** Column type of any number of bytes. */
  readonly bytesType: string;
  /** Column type of names: compared byte by byte, without a limit that names could reach. */
  readonly textType: string;
  /** @throws what the driver throws. */
  connect(purpose: Purpose): Promise<Session>;
  failureOf(error: unknown): Failure;
  /** A session lock that the database frees when its holder is gone; none if it has none that holds everywhere. */
  readonly sessionLock: SessionLock | undefined;
  /**
   * What carries out a change in one transaction if `epoch` is the newest and `batch` follows the one before;
   * otherwise it changes nothing. {@link readBatch} tells.
   */
  writeOf(changes: ChangeSet, tables: Tables, epoch: number, batch: number): readonly Statement[];
}

export interface SessionLock {
  /** Resolves with a row whose `is_mine` is 1 if the session has it now. Waits for `waitMs` at most. */
  take(name: string, waitMs: number): Statement;
}
