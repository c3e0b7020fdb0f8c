import type { Client, QueryResult } from 'pg';
import type { Outcome, Row, Session, Statement } from '../session.ts';
import { Turns } from '../turns.ts';
import { BindMessage } from './bind-message.ts';
import { ConnectionLostError } from '../session-error.ts';
import { PreparedQuery, type PreparedStatement } from './prepared-query.ts';

/**
 * With these warnings a server answers a commit that no standby has confirmed, because somebody cancelled the wait
 * for it or the server stops. It looks like success otherwise.
 */
const UNCONFIRMED_COMMIT = new Set(['01000', '57P01']);

/** Statements go to the server one after the other. */
export class PostgresqlSession implements Session {
  readonly ended: Promise<Error>;
  readonly #client: Client;
  readonly #onEnd: (reason: Error) => void;
  readonly #bindMessage = new BindMessage();
  #endReason: Error | undefined;
  readonly #turns = new Turns();
  #failCurrent: ((reason: Error) => void) | undefined;
  #warning: string | undefined;

  /** @param client - connected */
  constructor(client: Client) {
    this.#client = client;
    let onEnd: (reason: Error) => void = () => undefined;
    this.ended = new Promise((resolve) => (onEnd = resolve));
    this.#onEnd = onEnd;
    client.on('error', (error) => {
      this.#end(error);
    });
    client.on('end', () => {
      this.#end(new Error('The server closed the connection'));
    });
    client.on('notice', ({ code, message }) => {
      if (code !== undefined && UNCONFIRMED_COMMIT.has(code)) this.#warning = message;
    });
  }

  async run(statement: Statement): Promise<Outcome> {
    return this.#turns.next(() => this.#run(statement));
  }

  /** Resolves with the number of rows that the statement gives. */
  async runPrepared(statement: PreparedStatement): Promise<number> {
    return this.#turns.next(() => this.#runPrepared(statement));
  }

  /** Commits what `work` did if it resolves with true, and undoes it otherwise. */
  async transaction(
    work: (runPrepared: PostgresqlSession['runPrepared']) => Promise<boolean>,
  ): Promise<boolean> {
    return this.#turns.next(async () => {
      await this.#run({ sql: 'begin', values: [] });
      try {
        const isWanted = await work((statement) => this.#runPrepared(statement));
        await this.#run({ sql: isWanted ? 'commit' : 'rollback', values: [] });
        return isWanted;
      } catch (error) {
        await this.#run({ sql: 'rollback', values: [] }).catch(() => {
          this.destroy();
        });
        throw error;
      }
    });
  }

  destroy(): void {
    this.#end(new Error('The connection was ended by this broker'));
    // `Client.end` says good-bye first, and waits for what a cut link never brings.
    (
      this.#client as unknown as { connection: { stream: { destroy(): void } } }
    ).connection.stream.destroy();
  }

  async #run({ sql, values }: Statement): Promise<Outcome> {
    const result = await this.#answered<QueryResult | QueryResult[]>((resolve, reject) => {
      this.#client.query({ text: sql, values: [...values] }).then(resolve, reject);
    });
    // Of several statements in one text the driver gives an array.
    const { rows, rowCount } = Array.isArray(result) ? (result.at(-1) as QueryResult) : result;
    return { rows: rows as Row[], changedCount: rowCount ?? 0 };
  }

  async #runPrepared(statement: PreparedStatement): Promise<number> {
    return this.#answered((resolve, reject) => {
      this.#client.query(new PreparedQuery(statement, this.#bindMessage, resolve, reject));
    });
  }

  async #answered<T>(
    ask: (resolve: (answer: T) => void, reject: (error: Error) => void) => void,
  ): Promise<T> {
    if (this.#endReason !== undefined) throw lost(this.#endReason);
    this.#warning = undefined;
    const answer = await new Promise<T>((resolve, reject) => {
      this.#failCurrent = reject;
      ask(resolve, reject);
    });
    this.#failCurrent = undefined;
    this.#checkConfirmed();
    return answer;
  }

  #checkConfirmed(): void {
    if (this.#warning === undefined) return;
    const reason = new Error(this.#warning);
    this.destroy();
    throw lost(reason);
  }

  #end(reason: Error): void {
    if (this.#endReason !== undefined) return;
    this.#endReason = reason;
    this.#failCurrent?.(lost(reason));
    this.#onEnd(reason);
  }
}

function lost(reason: Error): ConnectionLostError {
  return new ConnectionLostError(`Connection to PostgreSQL lost: ${reason.message}`, {
    cause: reason,
  });
}
