import { EventEmitter } from 'node:events';
import oracledb from 'oracledb';

/** A column as a server describes it. */
interface Column {
  readonly name: string;
  readonly dbType: unknown;
}

export interface Answer {
  readonly columns?: readonly Column[];
  readonly rows?: readonly (readonly unknown[])[];
  readonly rowsAffected?: number;
}

/** One thing the driver was asked to do. */
export interface Request {
  readonly sql: string;
  /** One array for each time it is carried out. */
  readonly binds: readonly (readonly unknown[])[];
  readonly isCommitted: boolean;
}

/**
 * Stands where a connection of the driver does, remembers what is asked, and answers as it is told to: there is no
 * Oracle Database to ask.
 */
export class RecordedServer {
  readonly requests: Request[] = [];
  readonly socket = new Socket();
  readonly _impl = { nscon: { ntAdapter: { stream: this.socket } } };
  callTimeout = 0;
  readonly #answerOf: (sql: string) => Answer | Error | Promise<Answer>;

  constructor(answerOf: (sql: string) => Answer | Error | Promise<Answer> = () => ({})) {
    this.#answerOf = answerOf;
  }

  get texts(): readonly string[] {
    return this.requests.map(({ sql }) => sql);
  }

  /** The driver, as far as it is used. */
  get driver(): typeof oracledb {
    const getConnection = () => Promise.resolve(this);
    return { ...oracledb, getConnection } as unknown as typeof oracledb;
  }

  /** The connection, as the driver would give it. */
  get connection(): oracledb.Connection {
    return this as unknown as oracledb.Connection;
  }

  async execute(sql: string, binds: readonly unknown[], { autoCommit = false } = {}) {
    const { columns = [], rows = [], rowsAffected } = await this.#ask(sql, [binds], autoCommit);
    return { metaData: columns, rows, rowsAffected };
  }

  async executeMany(sql: string, binds: readonly (readonly unknown[])[]) {
    return this.#ask(sql, binds, false);
  }

  async commit() {
    await this.#ask('commit', [], true);
  }

  async rollback() {
    await this.#ask('rollback', [], false);
  }

  async #ask(
    sql: string,
    binds: readonly (readonly unknown[])[],
    isCommitted: boolean,
  ): Promise<Answer> {
    this.requests.push({ sql, binds, isCommitted });
    const answer = await this.#answerOf(sql);
    if (answer instanceof Error) throw answer;
    return answer;
  }
}

class Socket extends EventEmitter {
  destroy(): void {
    this.emit('close');
  }
}

/** An error of the server, as the driver makes them. */
export function oracleError(code: string): Error {
  return Object.assign(new Error(`${code}: as the server says`), { code });
}

/** Columns of numbers, named as the server names them, and one row. */
export function numbers(row: Readonly<Record<string, number | null>>): Answer {
  const columns = Object.keys(row).map((name) => ({
    name: name.toUpperCase(),
    dbType: oracledb.DB_TYPE_NUMBER,
  }));
  return { columns, rows: [Object.values(row)] };
}
