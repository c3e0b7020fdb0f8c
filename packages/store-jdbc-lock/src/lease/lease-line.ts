/**
 * Standing in line for the lease of a database.
 *
 * ```
 *   read the row --- free or expired --------------------------------------> take it, by expiry
 *      ^                                                                            |
 *      |   held: wait for the session lock, for one poll at most                    |
 *      +---- not got: read again                                                    v
 *      |---- got, and the holder of the row had had it ------------------> take it, by lock --> turn
 *      +---- got, and the holder has none: give it back, the holder wants it
 * ```
 *
 * The row alone decides who may write. The session lock only tells early that its holder is gone: databases free it
 * with the connection. Whoever took a row by mistake changes nothing that is not its own, because every
 * write checks the epoch.
 */
import { AbortError, BrokerError } from '@batonmq/model';
import type { RuntimeComponents } from '@batonmq/runtime';
import type { AcquireProgress } from '@batonmq/store-spi';
import { answered } from '../database/deadline.ts';
import type { Session } from '../database/session.ts';
import type { SteadySession } from '../database/steady-session.ts';
import type { JdbcLockStoreSettings } from '../options.ts';
import { pause } from '../pause.ts';
import { readLease, type Place } from '../schema/migrate.ts';
import type { Holder, LeaseRow } from './lease-row.ts';
import { LockOf } from './lock-of.ts';

/** For this part of a lease, who lost the connection leaves the lock to the holder, which may have lost its own too. */
const HEAD_START_DIVISOR = 4;

export interface LineRequest {
  readonly owner: string;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: AcquireProgress) => void;
}

/** The right to write, just begun. */
export interface Turn {
  readonly epoch: number;
  readonly schemaVersion: number;
  readonly mine: Holder;
  /** When the statement that began it was sent, by the clock of this process. */
  readonly takenAt: number;
}

export class LeaseLine {
  readonly #components: RuntimeComponents;
  readonly #place: Place;
  readonly #settings: JdbcLockStoreSettings;
  readonly #request: LineRequest;
  readonly #lockOf: LockOf;
  /** The connection it looked over last. */
  #session: Session | undefined;
  /** Until then the session lock proves nothing. */
  #lockCountsFrom = 0;
  #seen: LeaseRow | undefined;
  #reported: string | undefined;

  constructor(
    components: RuntimeComponents,
    place: Place,
    settings: JdbcLockStoreSettings,
    request: LineRequest,
  ) {
    this.#components = components;
    this.#place = place;
    this.#settings = settings;
    this.#request = request;
    this.#lockOf = new LockOf(place.database);
  }

  /**
   * Waits for a turn. The connection it was got over is the holder's from then on.
   *
   * @throws `BATON_ABORTED`, `BATON_STORE_FORMAT`, `BATON_NAME_IN_USE`, or what forbids to connect.
   */
  async stand(steady: SteadySession): Promise<Turn> {
    const { signal } = this.#request;
    try {
      for (;;) {
        const turn = await steady.run((session) => this.#look(session));
        if (turn !== undefined) return turn;
      }
    } catch (error) {
      if (signal.aborted) throw new AbortError('Waiting for the lease', signal.reason);
      throw error;
    }
  }

  /** One look at the row, and one wait; undefined if it is not our turn after that. */
  async #look(session: Session): Promise<Turn | undefined> {
    this.#noteSession(session);
    const { clock } = this.#components;
    const row = await answered(clock, session, readLease(session, this.#place));
    if (row.isExpired) return this.#take(session, row, 'expiry');
    this.#see(row);
    if (!(await this.#waitForLock(session))) return undefined;
    const now = await answered(clock, session, readLease(session, this.#place));
    if (now.isExpired) return this.#take(session, now, 'expiry');
    if (now.hasLock && now.epoch === row.epoch) return this.#take(session, now, 'lock');
    // Its holder came to the row when the one before was silent; it is trying to get the lock.
    await this.#lockOf.giveBack(session);
    await this.#sleep();
    return undefined;
  }

  async #take(session: Session, row: LeaseRow, from: 'expiry' | 'lock'): Promise<Turn | undefined> {
    const { clock, random, logger } = this.#components;
    const hasLock = await answered(clock, session, this.#lockOf.take(session, 0));
    const mine = { holder: random.uuid(), owner: this.#request.owner, hasLock };
    const takenAt = clock.now();
    const taking = session.run(this.#place.rows.take(row, from, mine));
    const { changedCount } = await answered(clock, session, taking);
    if (changedCount === 0) return undefined;
    const { owner, holder } = row;
    if (holder !== undefined) logger.log('warn', 'took the lease from its holder', { owner, from });
    return { epoch: row.epoch + 1, schemaVersion: row.schemaVersion, mine, takenAt };
  }

  /** True if the session lock is ours. Without one it is a sleep. */
  async #waitForLock(session: Session): Promise<boolean> {
    const { clock } = this.#components;
    const { pollIntervalMs } = this.#settings;
    if (clock.now() >= this.#lockCountsFrom && (await this.#lockOf.isThere(session))) {
      const taking = this.#lockOf.take(session, pollIntervalMs);
      return answered(clock, session, taking, { afterMs: pollIntervalMs });
    }
    await this.#sleep();
    return false;
  }

  /** Another connection than before: whatever ended the first may have ended that of a live holder. */
  #noteSession(session: Session): void {
    if (session === this.#session) return;
    if (this.#session !== undefined) {
      const headStartMs = this.#settings.leaseDurationMs / HEAD_START_DIVISOR;
      this.#lockCountsFrom = this.#components.clock.now() + headStartMs;
    }
    this.#session = session;
  }

  /** @throws `BATON_NAME_IN_USE` if a broker of our name is seen to be alive. */
  #see(row: LeaseRow): void {
    const { owner, onProgress } = this.#request;
    const before = this.#seen;
    this.#seen = row;
    const isAlive =
      before?.holder === row.holder && row.expiresAt > (before?.expiresAt ?? Infinity);
    if (row.owner === owner && isAlive) {
      throw new BrokerError(
        'BATON_NAME_IN_USE',
        `Another live broker named '${owner}' holds the lease; names must differ`,
        { details: { owner, epoch: row.epoch } },
      );
    }
    // One of our own name may be a former one of ours, of which nothing will be heard.
    if (this.#reported === row.holder || (row.owner === owner && before === undefined)) return;
    this.#reported = row.holder;
    onProgress({ type: 'waiting', holder: row.owner });
  }

  #sleep(): Promise<void> {
    return pause(this.#components.clock, this.#settings.pollIntervalMs, this.#request.signal);
  }
}
