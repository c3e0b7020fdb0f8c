import { assert } from '@batonmq/model';
import type { Knex } from 'knex';
import { resolve } from 'node:path';
import type { Tables } from '../../schema/tables.ts';
import type { ChangeSet } from '../../write/change-set.ts';
import { portableWrite } from '../../write/portable-write.ts';
import { builderFor } from '../builder.ts';
import type { Database, Fence, SessionLock } from '../database.ts';
import type { Failure, Session, Statement } from '../session.ts';
import { loadSqliteDriver } from './sqlite-driver.ts';
import { sqliteFailure } from './sqlite-error.ts';
import { SqliteSession } from './sqlite-session.ts';
import { Turns } from '../turns.ts';

/** An SQLite database in a file, for brokers on one machine. The file is made if it is missing. */
export function sqliteDatabase(file: string): Database {
  return new SqliteDatabase(resolve(file));
}

class SqliteDatabase implements Database {
  readonly kind = 'sqlite';
  readonly name: string;
  readonly knex: Knex = builderFor('better-sqlite3');
  readonly now = `cast(round(unixepoch('subsec') * 1000) as integer)`;
  readonly bytesType = 'blob';
  readonly textType = 'text';
  readonly writeBytesMax = 8 << 20;
  readonly #file: string;
  readonly #writers = new Turns();

  constructor(file: string) {
    this.#file = file;
    this.name = `sqlite:${file}`;
  }

  async connect(): Promise<Session> {
    await loadSqliteDriver();
    return SqliteSession.open({ file: this.#file }, this.#writers);
  }

  failureOf(error: unknown): Failure {
    return sqliteFailure(error);
  }

  sessionLockOn(session: Session): Promise<SessionLock> {
    const own = ownSession(session);
    return Promise.resolve({
      take: (waitMs) => own.takeLock(waitMs),
      giveBack: () => own.giveLockBack(),
    });
  }

  async write(
    session: Session,
    changes: ChangeSet,
    tables: Tables,
    fence: Fence,
  ): Promise<boolean> {
    return ownSession(session).write(portableWrite(changes, tables, fence));
  }

  /** All of the file that is in use. */
  usedBytes(): Statement {
    return {
      sql: `select (page_count - freelist_count) * page_size as bytes
        from pragma_page_count(), pragma_freelist_count(), pragma_page_size()`,
      values: [],
    };
  }
}

function ownSession(session: Session): SqliteSession {
  assert(session instanceof SqliteSession, 'a session is used with the database that opened it');
  return session;
}
