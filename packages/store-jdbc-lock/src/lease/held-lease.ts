/**
 * A lease that is held: renewed in time, and given up in time.
 *
 * ```
 *            another epoch has begun, or no renewal was confirmed for a lease
 *   holding -----------------------------------------------------------------> lost
 *      | release()                                                              |
 *      +--------------------------> released                 release() <--------+
 * ```
 *
 * 1. Writes need no lease to be safe: each checks the epoch in its own transaction. The lease is for what no
 *    transaction guards: whoever may no longer write must not go on to serve what it has in memory.
 * 2. So it ends by the clock of this process, a whole lease after the last renewal was *sent*: before the
 *    clock of the database lets another one in.
 * 3. Once lost, always lost.
 */
import { BrokerError } from '@batonmq/model';
import type { CancelTimer, RuntimeComponents } from '@batonmq/runtime';
import type { LeaseLoss } from '@batonmq/store-spi';
import type { Session } from '../database/session.ts';
import type { SteadySession } from '../database/steady-session.ts';
import type { JdbcLockStoreSettings } from '../options.ts';
import type { Place } from '../schema/migrate.ts';
import { fencedError, hasCode, storeError } from '../store-error.ts';
import type { Turn } from './lease-line.ts';
import { leaseRowOf, type Holder, type LeaseRow } from './lease-row.ts';
import { LockOf } from './lock-of.ts';

export class HeldLease {
  readonly epoch: number;
  readonly lost: Promise<LeaseLoss>;
  /** Aborted when it ends: ends every connection of the lease. */
  readonly signal: AbortSignal;
  readonly #components: RuntimeComponents;
  readonly #place: Place;
  readonly #settings: JdbcLockStoreSettings;
  readonly #steady: SteadySession;
  readonly #ending: AbortController;
  readonly #lockOf: LockOf;
  /** The connection that has the session lock. */
  #lockedOver: Session | undefined;
  #mine: Holder;
  #resolveLost: (loss: LeaseLoss) => void = () => undefined;
  #loss: LeaseLoss | undefined;
  #cancelRenewal: CancelTimer = () => undefined;
  #cancelExpiry: CancelTimer = () => undefined;
  /** The last renewal that was asked for. */
  #renewing: Promise<unknown> = Promise.resolve();

  /** `steady`: the connection that the turn was got over; `ending` is its signal's. */
  constructor(
    components: RuntimeComponents,
    place: Place,
    settings: JdbcLockStoreSettings,
    turn: Turn,
    steady: SteadySession,
    ending: AbortController,
  ) {
    this.epoch = turn.epoch;
    this.signal = ending.signal;
    this.lost = new Promise((resolve) => {
      this.#resolveLost = resolve;
    });
    this.#components = components;
    this.#place = place;
    this.#settings = settings;
    this.#mine = turn.mine;
    this.#steady = steady;
    this.#ending = ending;
    this.#lockOf = new LockOf(place.database);
    this.#expireAfter(turn.takenAt);
    this.#renewLater();
  }

  get loss(): LeaseLoss | undefined {
    return this.#loss;
  }

  /**
   * Renews the lease, now, and reads it. Whatever this epoch committed before is as durable then as the database makes
   * anything, because the renewal was committed after it.
   *
   * @throws `BATON_FENCED` if another epoch has begun; the reason of the loss if the lease ends first.
   */
  renew(): Promise<LeaseRow> {
    // Never one that is under way: what it has read may be older than what is asked for.
    const renewing = this.#renewing.then(() => this.#renew());
    this.#renewing = renewing.catch(() => undefined);
    return renewing;
  }

  fail(cause: Error): void {
    this.#lose({ reason: hasCode(cause, 'BATON_FENCED') ? 'fenced' : 'failed', cause });
  }

  /** Why nothing may be written any more. */
  endedError(): BrokerError {
    const { reason, cause } = this.#loss ?? { reason: 'released' as const };
    if (reason === 'released') {
      return new BrokerError('BATON_CLOSED', `The lease of epoch ${this.epoch} was released`);
    }
    const code = reason === 'fenced' ? 'BATON_FENCED' : 'BATON_STORE_FAILED';
    return new BrokerError(code, `The lease of epoch ${this.epoch} has ended`, {
      details: { epoch: this.epoch },
      cause,
    });
  }

  /** Lets the next in line have its turn at once. Idempotent. */
  async release(): Promise<void> {
    this.#cancelRenewal();
    await this.#renewing;
    if (this.#loss !== undefined) return;
    const { clock, logger } = this.#components;
    try {
      // One attempt: whoever comes next can do without.
      const session = await this.#steady.get();
      const cancel = clock.setTimer(this.#settings.connectTimeoutMs, () => {
        session.destroy();
      });
      await session.run(this.#place.rows.release(this.epoch, this.#mine)).finally(cancel);
    } catch (error) {
      logger.log('warn', 'the lease could not be given back; it will expire', { error });
    } finally {
      this.#lose({ reason: 'released' });
    }
  }

  async #renew(): Promise<LeaseRow> {
    let sentAt = 0;
    const row = await this.#steady.run(async (session) => {
      await this.#keepLock(session);
      sentAt = this.#components.clock.now();
      const { changedCount } = await session.run(this.#place.rows.renew(this.epoch, this.#mine));
      const { rows } = await session.run(this.#place.rows.read());
      const read = rows[0] === undefined ? undefined : leaseRowOf(rows[0]);
      if (changedCount === 0 || read?.epoch !== this.epoch) {
        throw fencedError(this.epoch, read?.owner);
      }
      return read;
    });
    this.#expireAfter(sentAt);
    return row;
  }

  /** A holder that came by expiry, or that lost the connection, has yet to get the lock. */
  async #keepLock(session: Session): Promise<void> {
    if (this.#lockedOver === session) return;
    const hasLock = await this.#lockOf.take(session, 0);
    this.#mine = { ...this.#mine, hasLock };
    this.#lockedOver = hasLock ? session : undefined;
  }

  #renewLater(): void {
    const { clock } = this.#components;
    this.#cancelRenewal = clock.setTimer(this.#settings.keepAliveIntervalMs, () => {
      this.renew().then(
        () => {
          if (this.#loss === undefined) this.#renewLater();
        },
        (error: unknown) => {
          this.fail(storeError(error, this.#place.database));
        },
      );
    });
  }

  #expireAfter(sentAt: number): void {
    if (this.#loss !== undefined) return;
    const { clock } = this.#components;
    const leftMs = sentAt + this.#settings.leaseDurationMs - clock.now();
    this.#cancelExpiry();
    this.#cancelExpiry = clock.setTimer(Math.max(0, leftMs), () => {
      this.fail(this.#silenceError());
    });
  }

  #lose(loss: LeaseLoss): void {
    if (this.#loss !== undefined) return;
    this.#loss = loss;
    this.#cancelRenewal();
    this.#cancelExpiry();
    this.#resolveLost(loss);
    this.#ending.abort(this.endedError());
  }

  #silenceError(): BrokerError {
    const { name } = this.#place.database;
    return new BrokerError(
      'BATON_STORE_FAILED',
      `${name} has not confirmed the lease of epoch ${this.epoch} for ${this.#settings.leaseDurationMs} ms`,
      { details: { database: name, epoch: this.epoch } },
    );
  }
}
