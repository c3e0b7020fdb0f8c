import type { Connection, ResultSetHeader } from 'mysql2';
import type { Outcome, Row, Session, Statement } from '../session.ts';
import { connectionLost } from '../session-error.ts';

/** What goes to the server in one packet. */
export interface Request {
  /** One statement, or several with `;` between them if there are no values. */
  readonly sql: string;
  /** The statement is prepared for them, and stays so. */
  readonly values?: readonly (number | string | null | Uint8Array)[];
}

/** What the server told of itself when the session began. */
export interface ServerFacts {
  readonly isMariaDb: boolean;
  /** It is a node of a cluster in which several take writes, each with locks of its own. */
  readonly hasSeveralWriters: boolean;
  /** No packet to the server may be longer. */
  readonly packetBytesMax: number;
}

/** Requests go to the server one after the other. */
export class MysqlSession implements Session {
  readonly ended: Promise<Error>;
  readonly facts: ServerFacts;
  readonly #connection: Connection;
  #onEnd: (reason: Error) => void = () => undefined;
  #endReason: Error | undefined;
  /** Settled when what came last is. */
  #last: Promise<unknown> = Promise.resolve();
  #failCurrent: ((reason: Error) => void) | undefined;

  /** `connection` is connected and set up. */
  constructor(connection: Connection, facts: ServerFacts) {
    this.#connection = connection;
    this.facts = facts;
    this.ended = new Promise((resolve) => {
      this.#onEnd = resolve;
    });
    connection.on('error', (error: Error) => {
      this.#end(error);
    });
    socketOf(connection).on('close', () => {
      this.#end(new Error('The server closed it'));
    });
  }

  run(statement: Statement): Promise<Outcome> {
    return this.#inTurn(async () => {
      const { sql, values } = statement;
      const result = await this.#ask<readonly Row[] | ResultSetHeader>((done) => {
        if (values.length === 0) this.#connection.query(sql, done);
        else this.#connection.query(sql, [...values], done);
      });
      return 'affectedRows' in result
        ? { rows: [], changedCount: result.affectedRows }
        : { rows: result, changedCount: 0 };
    });
  }

  /** Sends the requests with nothing between them, up to the first that fails; `undo` follows that one. */
  sendAll(requests: readonly Request[], undo: Request): Promise<void> {
    return this.#inTurn(async () => {
      try {
        for (const request of requests) await this.#send(request);
      } catch (error) {
        await this.#send(undo).catch(() => {
          this.destroy();
        });
        throw error;
      }
    });
  }

  destroy(): void {
    this.#end(new Error('This broker ended it'));
    this.#connection.destroy();
    // The driver would wait until everything is sent, which a cut link never lets happen.
    socketOf(this.#connection).destroy();
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => undefined);
    return result;
  }

  #send({ sql, values }: Request): Promise<unknown> {
    return this.#ask((done) => {
      if (values === undefined) this.#connection.query(sql, done);
      else this.#connection.execute(sql, [...values], done);
    });
  }

  /** The driver forgets what is under way when it ends a connection itself, so it is rejected here. */
  #ask<T>(send: (done: (error: Error | null, result: unknown) => void) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#endReason !== undefined) {
        reject(connectionLost(this.#endReason));
        return;
      }
      this.#failCurrent = reject;
      send((error, result) => {
        this.#failCurrent = undefined;
        if (error === null) {
          resolve(result as T);
          return;
        }
        if ('fatal' in error && error.fatal === true) this.#end(error);
        reject(error);
      });
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

function socketOf(connection: Connection): Socket {
  return (connection as unknown as { readonly stream: Socket }).stream;
}
