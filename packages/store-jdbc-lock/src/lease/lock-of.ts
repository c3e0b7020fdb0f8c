import type { Database, SessionLock } from '../database/database.ts';
import type { Session } from '../database/session.ts';

/** The session lock, over whichever connection there is now. */
export class LockOf {
  readonly #database: Database;
  #session: Session | undefined;
  #lock: Promise<SessionLock | undefined> | undefined;

  constructor(database: Database) {
    this.#database = database;
  }

  /** False where the database has no lock that holds on each of its nodes. */
  async isThere(session: Session): Promise<boolean> {
    return (await this.#of(session)) !== undefined;
  }

  /** True if it is ours now. */
  async take(session: Session, waitMs: number): Promise<boolean> {
    return (await (await this.#of(session))?.take(waitMs)) ?? false;
  }

  async giveBack(session: Session): Promise<void> {
    await (await this.#of(session))?.giveBack();
  }

  #of(session: Session): Promise<SessionLock | undefined> {
    if (this.#lock === undefined || this.#session !== session) {
      this.#session = session;
      this.#lock = this.#database.sessionLockOn(session);
    }
    return this.#lock;
  }
}
