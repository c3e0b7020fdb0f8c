import BetterSqlite3 from 'better-sqlite3';

/** Time between two looks, milliseconds: half of it is what a takeover waits on average. A look takes 20 µs. */
const POLL_MS = 10;

/**
 * A small database beside the real one. Whoever has an exclusive transaction open on it holds the lock, and the
 * kernel ends that transaction with the process.
 */
export class LockFile {
  readonly #database: BetterSqlite3.Database;
  readonly #sleeper = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));

  constructor(file: string) {
    this.#database = new BetterSqlite3(file, { timeout: 0 });
  }

  /** Blocks the thread; there is no way to be told. */
  take(waitMs: number): boolean {
    for (let waitedMs = 0; !this.#tryTake(); waitedMs += POLL_MS) {
      if (waitedMs >= waitMs) return false;
      Atomics.wait(this.#sleeper, 0, 0, POLL_MS);
    }
    return true;
  }

  giveBack(): void {
    if (this.#database.inTransaction) this.#database.exec('rollback');
  }

  #tryTake(): boolean {
    if (this.#database.inTransaction) return true;
    try {
      this.#database.exec('begin exclusive');
      return true;
    } catch (error) {
      if ((error as { code?: unknown }).code === 'SQLITE_BUSY') return false;
      throw error;
    }
  }
}
