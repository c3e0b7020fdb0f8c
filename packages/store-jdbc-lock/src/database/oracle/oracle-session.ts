import type OracleDriver from 'oracledb';
import type { Connection, Result } from 'oracledb';
import type { Outcome, Row, Session, Statement, Value } from '../session.ts';
import { Turns } from '../turns.ts';
import { connectionLost } from '../session-error.ts';

/** What is used of the driver. */
export type Driver = Pick<
  typeof OracleDriver,
  'DB_TYPE_BLOB' | 'DB_TYPE_CLOB' | 'DB_TYPE_RAW' | 'DB_TYPE_VARCHAR' | 'OUT_FORMAT_ARRAY'
>;

/** A value as the driver takes it. */
export type BindValue = number | string | Buffer | null;

/** One statement for many rows: they go to the server at once. */
export interface Batch {
  readonly sql: string;
  readonly rows: readonly (readonly BindValue[])[];
}

/** What may be done within a transaction. */
export interface Transaction {
  ask(statement: Statement): Promise<readonly Row[]>;
  /** Resolves with the number of rows that were inserted, changed or deleted. */
  change(batch: Batch): Promise<number>;
}

/** So many rows come with one answer. */
const FETCH_ROWS = 1_000;

/** Statements go to the server one after the other. */
export class OracleSession implements Session {
  readonly ended: Promise<Error>;
  readonly #driver: Driver;
  readonly #connection: Connection;
  readonly #turns = new Turns();
  #onEnd: (reason: Error) => void = () => undefined;
  #endReason: Error | undefined;
  #failCurrent: ((reason: Error) => void) | undefined;

  constructor(driver: Driver, connection: Connection) {
    this.#driver = driver;
    this.#connection = connection;
    this.ended = new Promise((resolve) => {
      this.#onEnd = resolve;
    });
    socketOf(connection).on('close', () => {
      this.#end(new Error('The server closed it'));
    });
  }

  run(statement: Statement): Promise<Outcome> {
    return this.#turns.next(async () => {
      const result = await this.#execute(statement, { autoCommit: true });
      return { rows: this.#rowsOf(result), changedCount: result.rowsAffected ?? 0 };
    });
  }

  /** Commits what `work` did if it resolves with true, and undoes it otherwise. */
  transaction(work: (transaction: Transaction) => Promise<boolean>): Promise<boolean> {
    const connection = this.#connection;
    return this.#turns.next(async () => {
      try {
        const isWanted = await work({
          ask: async (statement) => this.#rowsOf(await this.#execute(statement, {})),
          change: (batch) => this.#executeMany(batch),
        });
        await this.#untilEnd(() => (isWanted ? connection.commit() : connection.rollback()));
        return isWanted;
      } catch (error) {
        await this.#untilEnd(() => connection.rollback()).catch(() => {
          this.destroy();
        });
        throw error;
      }
    });
  }

  destroy(): void {
    this.#end(new Error('This broker ended it'));
    // `Connection.close` says good-bye first, and waits for what a cut link never brings.
    socketOf(this.#connection).destroy();
  }

  #execute(
    { sql, values }: Statement,
    { autoCommit = false }: { autoCommit?: boolean },
  ): Promise<Result<readonly Value[]>> {
    const { DB_TYPE_BLOB, DB_TYPE_CLOB, DB_TYPE_RAW, DB_TYPE_VARCHAR, OUT_FORMAT_ARRAY } =
      this.#driver;
    return this.#untilEnd(() =>
      this.#connection.execute<readonly Value[]>(sql, [...values], {
        autoCommit,
        outFormat: OUT_FORMAT_ARRAY,
        fetchArraySize: FETCH_ROWS,
        // With the row, and not as something to be read later.
        fetchTypeHandler: ({ dbType }) => {
          if (dbType === DB_TYPE_BLOB) return { type: DB_TYPE_RAW };
          return dbType === DB_TYPE_CLOB ? { type: DB_TYPE_VARCHAR } : undefined;
        },
      }),
    );
  }

  async #executeMany({ sql, rows }: Batch): Promise<number> {
    const binds = rows.map((row) => [...row]);
    const result = await this.#untilEnd(() => this.#connection.executeMany(sql, binds));
    return result.rowsAffected ?? 0;
  }

  /** Names as written come in upper case, and texts of no characters as null. */
  #rowsOf({ metaData = [], rows = [] }: Result<readonly Value[]>): readonly Row[] {
    const columns = metaData.map(({ name, dbType }) => ({
      name: name.toLowerCase(),
      none: dbType === this.#driver.DB_TYPE_CLOB ? '' : null,
    }));
    return rows.map((row) =>
      Object.fromEntries(columns.map(({ name, none }, at) => [name, row[at] ?? none])),
    );
  }

  #untilEnd<T>(send: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#endReason !== undefined) {
        reject(connectionLost(this.#endReason));
        return;
      }
      this.#failCurrent = reject;
      send().then(resolve, reject);
    });
  }

  #end(reason: Error): void {
    if (this.#endReason !== undefined) return;
    this.#endReason = reason;
    this.#failCurrent?.(connectionLost(reason));
    this.#onEnd(reason);
  }
}

/** What is used of a socket. */
interface Socket {
  on(event: 'close', listener: () => void): void;
  destroy(): void;
}

/** The driver says nothing of a connection that ends while nothing is asked, and ends none at once. */
function socketOf(connection: Connection): Socket {
  return (
    connection as unknown as {
      readonly _impl: { readonly nscon: { readonly ntAdapter: { readonly stream: Socket } } };
    }
  )._impl.nscon.ntAdapter.stream;
}
