import type { SessionLock } from '../database.ts';
import type { Session } from '../session.ts';

/** The lock was not free in time. */
const LOCK_NOT_AVAILABLE = '55P03';

/**
 * An advisory lock: https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS. It belongs to the
 * session, so it is of no use through a pooler that gives each transaction another one.
 */
export class PostgresqlSessionLock implements SessionLock {
  readonly #session: Session;
  /** SQL: 64 bits that stand for the table and the schema it is found in; each database has locks of its own. */
  readonly #key: string;
  /** The server counts how often a session takes a lock, and wants it back as often. */
  #isHeld = false;

  constructor(session: Session, table: string) {
    this.#session = session;
    const literal = `'${table.replaceAll("'", "''")}'`;
    this.#key = `hashtextextended(concat('batonmq ', current_schema(), '.', ${literal}), 0)`;
  }

  async take(waitMs: number): Promise<boolean> {
    if (!this.#isHeld) this.#isHeld = waitMs > 0 ? await this.#wait(waitMs) : await this.#try();
    return this.#isHeld;
  }

  async giveBack(): Promise<void> {
    if (!this.#isHeld) return;
    await this.#session.run({ sql: `select pg_advisory_unlock(${this.#key})`, values: [] });
    this.#isHeld = false;
  }

  async #try(): Promise<boolean> {
    const { rows } = await this.#session.run({
      sql: `select pg_try_advisory_lock(${this.#key})::int as is_taken`,
      values: [],
    });
    return rows[0]?.['is_taken'] === 1;
  }

  async #wait(waitMs: number): Promise<boolean> {
    // Two statements in one message are one transaction, and the setting holds for that long.
    const sql = `set local lock_timeout = ${Math.ceil(waitMs)}; select pg_advisory_lock(${this.#key})`;
    try {
      await this.#session.run({ sql, values: [] });
      return true;
    } catch (error) {
      if ((error as { code?: unknown }).code === LOCK_NOT_AVAILABLE) return false;
      throw error;
    }
  }
}
