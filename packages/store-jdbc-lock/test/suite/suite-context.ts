import { present } from '@batonmq/model';
import type { Database, Purpose, SessionLock } from '../../src/database/database.ts';
import type { Session, Statement } from '../../src/database/session.ts';
import type { Tables } from '../../src/schema/tables.ts';
import { TableWriter } from '../fixtures/table-writer.ts';

/** A database, and what ends the server of it. */
export interface OpenedDatabase {
  readonly database: Database;
  /** For a database that looks only now and then how large a table is: has it look. */
  readonly measure?: (table: string) => Statement;
  close(): Promise<void>;
}

export interface LockSession {
  readonly session: Session;
  readonly lock: SessionLock;
}

/** The database of a run of the suite, and the sessions of one test. */
export class SuiteContext {
  readonly #open: () => Promise<OpenedDatabase>;
  #opened: OpenedDatabase | undefined;
  readonly #sessions: Session[] = [];

  constructor(open: () => Promise<OpenedDatabase>) {
    this.#open = open;
  }

  get database(): Database {
    return present(this.#opened, 'tests run after it was opened').database;
  }

  async measure(session: Session, tables: Tables): Promise<void> {
    const measure = this.#opened?.measure;
    if (measure === undefined) return;
    for (const table of Object.values<string>({ ...tables })) {
      await session.run(measure(table));
    }
  }

  async open(): Promise<void> {
    this.#opened = await this.#open();
  }

  /** Tables of their own. */
  async newWriter(): Promise<TableWriter> {
    return TableWriter.create(this.database, await this.newSession('work'));
  }

  async newSession(purpose: Purpose): Promise<Session> {
    const session = await this.database.connect(purpose);
    this.#sessions.push(session);
    return session;
  }

  /** The lock over two sessions. */
  async twoLocks(): Promise<readonly [LockSession, LockSession]> {
    return [await this.#newLock(), await this.#newLock()];
  }

  endSessions(): void {
    for (const session of this.#sessions.splice(0)) session.destroy();
  }

  async close(): Promise<void> {
    await this.#opened?.close();
  }

  async #newLock(): Promise<LockSession> {
    const session = await this.newSession('lock');
    const lock = await this.database.sessionLockOn(session);
    return { session, lock: present(lock, 'the database has a session lock') };
  }
}
