import { isBrokerError } from '@batonmq/model';
import type { Clock, Logger } from '@batonmq/runtime';
import { pause } from '../pause.ts';
import type { Database, Purpose } from './database.ts';
import type { Session } from './session.ts';

const BACK_OFF_FIRST_MS = 20;
const BACK_OFF_MAX_MS = 1_000;

export interface SteadySessionOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly database: Database;
  readonly purpose: Purpose;
  /** Ends it: whatever waits or is under way rejects with the reason. */
  readonly signal: AbortSignal;
}

/**
 * A connection that is made again when it was lost, for as long as it is wanted. A database that restarts, or
 * hands over to a standby of its own, is a pause and not an error.
 */
export class SteadySession {
  readonly #options: SteadySessionOptions;
  #connecting: Promise<Session> | undefined;
  #current: Session | undefined;
  /** Failures since something was done. */
  #failureCount = 0;

  constructor(options: SteadySessionOptions) {
    this.#options = options;
    const end = (): void => {
      if (this.#current !== undefined) this.#forget(this.#current);
    };
    options.signal.addEventListener('abort', end, { once: true });
  }

  /** Does what may be done twice, until it is done. @throws what no other connection would change. */
  async run<T>(work: (session: Session) => Promise<T>): Promise<T> {
    for (;;) {
      const session = await this.get();
      try {
        const done = await work(session);
        this.worked();
        return done;
      } catch (error) {
        await this.recover(session, error);
      }
    }
  }

  /** The connection; waits until there is one. @throws the reason of the signal, or what forbids to connect. */
  async get(): Promise<Session> {
    if (this.#current !== undefined) return this.#current;
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = undefined;
    });
    return this.#connecting;
  }

  /**
   * After `error` of `session`: resolves when it is time to try again, over another connection if this one is lost.
   *
   * @throws `error` if another try would not help; the reason of the signal.
   */
  async recover(session: Session, error: unknown): Promise<void> {
    const { database, signal, logger } = this.#options;
    signal.throwIfAborted();
    if (isBrokerError(error)) throw error;
    const failure = database.failureOf(error);
    if (failure === 'full' || failure === 'fatal') throw error;
    if (failure === 'disconnected') {
      logger.log('warn', 'the connection to the database was lost', {
        database: database.name,
        error,
      });
      this.#forget(session);
    }
    await this.#backOff();
  }

  /** Something was done over the connection: what fails from here on is tried again soon. */
  worked(): void {
    this.#failureCount = 0;
  }

  #forget(session: Session): void {
    session.destroy();
    if (this.#current === session) this.#current = undefined;
  }

  async #connect(): Promise<Session> {
    const { database, purpose, signal, logger } = this.#options;
    for (;;) {
      signal.throwIfAborted();
      try {
        return this.#adopt(await database.connect(purpose));
      } catch (error) {
        signal.throwIfAborted();
        if (isBrokerError(error) || database.failureOf(error) === 'fatal') throw error;
        // Once for each time that it is away.
        const level = this.#failureCount === 0 ? 'warn' : 'debug';
        logger.log(level, 'the database cannot be reached', { database: database.name, error });
        await this.#backOff();
      }
    }
  }

  #adopt(session: Session): Session {
    if (this.#options.signal.aborted) session.destroy();
    this.#options.signal.throwIfAborted();
    this.#current = session;
    void session.ended.then(() => {
      this.#forget(session);
    });
    return session;
  }

  /** Longer each time while it goes on failing, so that a database that starts is not kept busy by those who wait. */
  #backOff(): Promise<void> {
    const { clock, signal } = this.#options;
    const delayMs = Math.min(BACK_OFF_MAX_MS, BACK_OFF_FIRST_MS * 2 ** this.#failureCount);
    this.#failureCount += 1;
    return pause(clock, delayMs, signal);
  }
}
