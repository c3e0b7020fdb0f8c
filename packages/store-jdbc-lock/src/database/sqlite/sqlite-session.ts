import { assert } from '@batonmq/model';
import { Worker } from 'node:worker_threads';
import type { PortableWrite } from '../../write/portable-write.ts';
import type { Outcome, Session, Statement } from '../session.ts';
import { encodeWrite } from './encode-write.ts';
import type { Answer, Request, ThreadData } from './messages.ts';
import { SqliteError } from './sqlite-error.ts';
import { Turns } from '../turns.ts';

/** Threads run what is compiled, also where the rest runs from its source: both are as deep in the package. */
const THREAD = new URL('../../../dist/database/sqlite/thread.js', import.meta.url);

interface Waiting {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

/** The database file, open in a thread of its own. */
export class SqliteSession implements Session {
  readonly ended: Promise<Error>;
  readonly #file: string;
  readonly #thread: Worker;
  /** In the order in which the thread answers. */
  readonly #waiting: Waiting[] = [];
  readonly #own = new Turns();
  readonly #writers: Turns;
  #isOpen = false;
  #end: SqliteError | undefined;

  /** @param writers - the sessions of this process that write: SQLite lets nobody wait in line */
  static async open(data: ThreadData, writers: Turns): Promise<SqliteSession> {
    const session = new SqliteSession(data, writers);
    try {
      await session.#answer();
      session.#isOpen = true;
      return session;
    } catch (error) {
      session.destroy();
      throw error;
    }
  }

  private constructor(data: ThreadData, writers: Turns) {
    this.#file = data.file;
    this.#writers = writers;
    this.#thread = new Worker(THREAD, { workerData: data, execArgv: [], name: 'baton-sqlite' });
    this.#thread.on('message', (answer: Answer) => {
      this.#settle(answer);
    });
    this.#thread.on('error', (error) => {
      this.#fail(String(error));
    });
    this.ended = new Promise((resolve) => {
      this.#thread.once('exit', () => {
        resolve(this.#fail('the thread ended'));
      });
    });
  }

  async run(statement: Statement): Promise<Outcome> {
    const { sql, values } = statement;
    const ask = async (): Promise<Outcome> => {
      const answer = await this.#ask({ type: 'run', statement: { sql, values } });
      assert(answer.type === 'ran', 'a statement is answered with its outcome');
      return answer.outcome;
    };
    const isRead = /^\s*select\b/i.test(sql);
    return this.#own.next(isRead ? ask : () => this.#writers.next(ask));
  }

  /** False: the fence does not hold, and nothing changed. */
  async write(write: PortableWrite): Promise<boolean> {
    const encoded = encodeWrite(write);
    return this.#own.next(() =>
      this.#writers.next(async () => {
        const answer = await this.#ask({ type: 'write', write: encoded }, [encoded.block]);
        assert(answer.type === 'written', 'a write is answered with whether it was done');
        return answer.isDone;
      }),
    );
  }

  async takeLock(waitMs: number): Promise<boolean> {
    return this.#own.next(async () => {
      const answer = await this.#ask({ type: 'take-lock', waitMs });
      assert(answer.type === 'lock', 'a lock is answered with whether it is held');
      return answer.isHeld;
    });
  }

  async giveLockBack(): Promise<void> {
    await this.#own.next(() => this.#ask({ type: 'give-lock-back' }));
  }

  destroy(): void {
    this.#fail('it was closed');
    void this.#thread.terminate();
  }

  async #ask(request: Request, transfer: readonly ArrayBuffer[] = []): Promise<Answer> {
    if (this.#end !== undefined) throw this.#end;
    this.#thread.postMessage(request, transfer);
    return this.#answer();
  }

  async #answer(): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
    });
  }

  #settle(answer: Answer): void {
    const waiting = this.#waiting.shift();
    if (answer.type !== 'failed') waiting?.resolve(answer);
    else waiting?.reject(new SqliteError(this.#file, answer.code, answer.reason));
  }

  /** The first reason stays. */
  #fail(reason: string): SqliteError {
    const code = this.#isOpen ? 'SESSION_ENDED' : 'NO_THREAD';
    this.#end ??= new SqliteError(this.#file, code, reason);
    for (const { reject } of this.#waiting.splice(0)) reject(this.#end);
    return this.#end;
  }
}
