import BetterSqlite3 from 'better-sqlite3';
import { PayloadBlock } from '../../write/payload-block.ts';
import { asksForPlaces, closingSteps } from '../../write/portable-write.ts';
import type { Outcome, Row, Statement } from '../session.ts';
import { encodeStep } from './encode-write.ts';
import type { Cell, EncodedStep, EncodedWrite, ThreadData } from './messages.ts';

/** More than there are different statements. */
const STATEMENTS_MAX = 256;

/** How long a statement waits while another process writes; less than it may take to be answered. */
const BUSY_TIMEOUT_MS = 4_000;

/** What the log keeps of the disk after a transaction that was larger than usual. */
const LOG_BYTES_KEPT = 64 << 20;

/** The file is open in a way that cannot do what is asked of it. */
export class NoWriteAheadLog extends Error {
  readonly code = 'NO_WRITE_AHEAD_LOG';
}

/** The database file, opened in the thread of a session. */
export class Connection {
  readonly #database: BetterSqlite3.Database;
  readonly #statements = new Map<string, BetterSqlite3.Statement>();

  constructor({ file }: ThreadData) {
    this.#database = new BetterSqlite3(file, { timeout: BUSY_TIMEOUT_MS });
    this.#useWriteAheadLog();
    // A commit is on the disk when it returns; the driver's own default is less in this mode.
    this.#database.pragma('synchronous = full');
    this.#database.pragma('fullfsync = on');
    this.#database.pragma('foreign_keys = off');
    this.#database.pragma(`journal_size_limit = ${LOG_BYTES_KEPT}`);
  }

  run({ sql, values }: Statement): Outcome {
    const statement = this.#prepare(sql);
    if (!statement.reader) return { rows: [], changedCount: statement.run(...values).changes };
    const rows = statement.all(...values) as Row[];
    return { rows, changedCount: statement.readonly ? 0 : rows.length };
  }

  /** False: the fence does not hold, and nothing changed. */
  write(write: EncodedWrite): boolean {
    this.run(BEGIN);
    try {
      const isDone = this.#writeAll(write);
      this.run(isDone ? COMMIT : ROLLBACK);
      return isDone;
    } catch (error) {
      // Some errors have ended the transaction by themselves.
      if (this.#database.inTransaction) this.run(ROLLBACK);
      throw error;
    }
  }

  #writeAll({ fence, removedCounts, removedPlaces, steps, closing, block }: EncodedWrite): boolean {
    if (this.#execute(fence, block) !== 1) return false;
    const counts = this.#query(removedCounts, block);
    const places = asksForPlaces(closing, counts) ? this.#query(removedPlaces, block) : [];
    for (const step of steps) this.#execute(step, block);
    const noBytes = new PayloadBlock();
    for (const step of closingSteps(closing, counts, places)) {
      this.#execute(encodeStep(step, noBytes), block);
    }
    return true;
  }

  #execute(step: EncodedStep, block: ArrayBuffer): number {
    const statement = this.#prepare(step.sql);
    let changedCount = 0;
    for (const row of rowsOf(step, block)) changedCount += statement.run(row).changes;
    return changedCount;
  }

  #query(query: EncodedStep | undefined, block: ArrayBuffer): readonly Row[] {
    if (query === undefined) return [];
    const statement = this.#prepare(query.sql);
    const found: Row[] = [];
    for (const row of rowsOf(query, block)) {
      // There may be more than a call takes arguments.
      for (const answer of statement.all(row) as Row[]) found.push(answer);
    }
    return found;
  }

  #prepare(sql: string): BetterSqlite3.Statement {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    if (this.#statements.size >= STATEMENTS_MAX) this.#statements.clear();
    const statement = this.#database.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }

  /** It stays with the file; changing it asks for a lock that nobody else may have just now. */
  #useWriteAheadLog(): void {
    if (this.#database.pragma('journal_mode', { simple: true }) === 'wal') return;
    const mode = this.#database.pragma('journal_mode = wal', { simple: true });
    if (mode !== 'wal') throw new NoWriteAheadLog(`the journal mode stays ${String(mode)}`);
  }
}

// At the start: a transaction that becomes a writing one halfway may be refused.
const BEGIN: Statement = { sql: 'begin immediate', values: [] };
const COMMIT: Statement = { sql: 'commit', values: [] };
const ROLLBACK: Statement = { sql: 'rollback', values: [] };

function* rowsOf({ width, cells }: EncodedStep, block: ArrayBuffer): Iterable<unknown[]> {
  for (let start = 0; start < cells.length; start += width) {
    yield cells.slice(start, start + width).map((cell) => valueOf(cell, block));
  }
}

function valueOf(cell: Cell, block: ArrayBuffer): number | string | Uint8Array | null {
  if (typeof cell !== 'object' || cell === null) return cell;
  return new Uint8Array(block, cell.offset, cell.byteCount);
}
