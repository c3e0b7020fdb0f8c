import type { Knex } from 'knex';
import type { Tables } from '../schema/tables.ts';
import type { ChangeSet } from '../write/change-set.ts';
import type { Failure, Session, Statement } from './session.ts';

export type DatabaseKind = 'postgresql' | 'mysql' | 'sqlite' | 'oracle';

/** What a connection is for; its limits follow from that. */
export type Purpose =
  /** Waits for the lock, keeps it, renews the lease. The database ends it when it was silent for a lease. */
  | 'lock'
  /** Reads, writes, migrates. */
  | 'work';

/** The right to write, as each write checks and moves it on in its own transaction. */
export interface Fence {
  readonly epoch: number;
  /** Number of this write: one more than that of the write before. */
  readonly batch: number;
}

/**
 * One database as it is reached, and its form of SQL. A folder beside this file holds one of them; nothing outside
 * the folder knows which it is.
 */
export interface Database {
  readonly kind: DatabaseKind;
  /** As operators see it: without a password. */
  readonly name: string;
  /** Builds statements in the form of the database; it is never connected. */
  readonly knex: Knex;
  /** SQL: the present as milliseconds since 1970, by the clock of the database, at the start of the statement. */
  readonly now: string;
  /** Column type of any number of bytes. */
  readonly bytesType: string;
  /** Column type of names: compared byte by byte, of any length. */
  readonly textType: string;
  /** Payload bytes of one write; a larger message makes a write of its own. */
  readonly writeBytesMax: number;
  /**
   * Connects to the first of the hosts that takes writes.
   *
   * @throws what the driver throws, within the connect timeout.
   */
  connect(purpose: Purpose): Promise<Session>;
  failureOf(error: unknown): Failure;
  /**
   * The lock that the database frees when the connection of its holder is gone; none where it has none that holds on
   * every node.
   */
  sessionLockOn(session: Session): Promise<SessionLock | undefined>;
  /**
   * Carries out `changes` in one transaction if the lease row is still as the fence says: epoch as given and the batch
   * before this one. False, with nothing changed, if it is not.
   *
   * @throws what the driver throws; unless {@link failureOf} says `disconnected`, nothing took effect.
   */
  write(session: Session, changes: ChangeSet, tables: Tables, fence: Fence): Promise<boolean>;
  /**
   * SQL that makes a table in one transaction, from the statements that `knex` has for it. Missing where `knex` has one
   * that will do.
   */
  readonly makeTable?: (
    statements: readonly string[],
    table: keyof Tables,
    tables: Tables,
  ) => string;
  /** Resolves with a row whose `bytes` are what the tables and their indexes take up. */
  usedBytes(tables: Tables): Statement;
}

/** Taken and given back over the `lock` connection it was asked for. */
export interface SessionLock {
  /** True if it is this connection's now, or was before. Waits for `waitMs` at most, and wakes up when it becomes free. */
  take(waitMs: number): Promise<boolean>;
  giveBack(): Promise<void>;
}
