/**
 * Appends become durable in groups: while one transaction is under way, everything that arrives gathers for the next
 * one. One way to the database and back, one commit, one promise per append.
 *
 * ```
 *            append()              end of the call stack          committed
 *   idle ---------------> gathering ---------------------> writing ----------> idle, or writing again
 *                                                         |   ^
 *                             refused for now, connection |   | asked the database which
 *                             lost: outcome unknown       v   | batch was the last, again
 *                                                        asking
 *   any state -- the lease ends --> failed (for good)
 * ```
 *
 * 1. An append settles after its transaction is committed under the epoch of the lease, in the order of the calls.
 * 2. Transactions are numbered, and each moves the number on. So one whose outcome is unknown is
 *    simply sent again: it takes effect once.
 */
import { BrokerError } from '@batonmq/model';
import type { WriteBatch } from '@batonmq/store-spi';
import type { FirstSequences } from '../content/first-sequences.ts';
import type { Database } from '../database/database.ts';
import type { SteadySession } from '../database/steady-session.ts';
import type { HeldLease } from '../lease/held-lease.ts';
import type { Place } from '../schema/migrate.ts';
import { fencedError, hasCode, storeError } from '../store-error.ts';
import { ChangeSet } from './change-set.ts';

interface PendingAppend {
  readonly batch: WriteBatch;
  /** Payload bytes. */
  readonly byteCount: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export interface GroupCommitOptions {
  readonly place: Place;
  readonly lease: HeldLease;
  /** Where it writes; nobody else does. */
  readonly steady: SteadySession;
  /** Above the number of every shared body there is. */
  readonly nextBody: number;
  readonly firstSequences: FirstSequences;
}

export class GroupCommit {
  readonly #options: GroupCommitOptions;
  #waiting: PendingAppend[] = [];
  #isRunning = false;
  #isClosing = false;
  #batch = 0;
  #nextBody: number;
  #idleWaiters: (() => void)[] = [];

  constructor(options: GroupCommitOptions) {
    this.#options = options;
    this.#nextBody = options.nextBody;
    void options.lease.lost.then(() => {
      for (const append of this.#waiting.splice(0)) append.reject(options.lease.endedError());
    });
  }

  append(batch: WriteBatch): Promise<void> {
    const { lease } = this.#options;
    if (lease.loss !== undefined || this.#isClosing) return Promise.reject(lease.endedError());
    return new Promise((resolve, reject) => {
      this.#waiting.push({ batch, byteCount: payloadBytes(batch), resolve, reject });
      if (this.#isRunning) return;
      this.#isRunning = true;
      void this.#run();
    });
  }

  /** Resolves when nothing is under way; nothing is taken in any more. */
  async close(): Promise<void> {
    this.#isClosing = true;
    if (!this.#isRunning) return;
    await new Promise<void>((resolve) => this.#idleWaiters.push(resolve));
  }

  async #run(): Promise<void> {
    // Appends of one call stack belong together.
    await Promise.resolve();
    while (this.#waiting.length > 0) await this.#commit(this.#takeGroup());
    this.#isRunning = false;
    for (const wake of this.#idleWaiters.splice(0)) wake();
  }

  /** As many as make a good transaction, and one at least. */
  #takeGroup(): PendingAppend[] {
    const { writeBytesMax } = this.#options.place.database;
    let byteCount = 0;
    const end = this.#waiting.findIndex((append, at) => {
      byteCount += append.byteCount;
      return at > 0 && byteCount > writeBytesMax;
    });
    return this.#waiting.splice(0, end === -1 ? this.#waiting.length : end);
  }

  async #commit(group: readonly PendingAppend[]): Promise<void> {
    const changes = new ChangeSet(this.#nextBody);
    for (const { batch } of group) changes.add(batch);
    this.#options.firstSequences.addTo(changes);
    try {
      await this.#write(changes, this.#batch + 1);
    } catch (error) {
      await this.#fail(group, storeError(error, this.#options.place.database));
      return;
    }
    this.#batch += 1;
    this.#nextBody = changes.nextBody;
    this.#options.firstSequences.noteWritten(changes);
    for (const append of group) append.resolve();
  }

  /** Resolves when it is known to be committed. @throws if it was not, or if nobody knows and the lease has ended. */
  async #write(changes: ChangeSet, batch: number): Promise<void> {
    const { place, lease, steady } = this.#options;
    const { database, tables } = place;
    let isInDoubt = false;
    try {
      for (;;) {
        const session = await steady.get();
        try {
          if (await database.write(session, changes, tables, { epoch: lease.epoch, batch })) {
            steady.worked();
            return;
          }
        } catch (error) {
          isInDoubt ||= database.failureOf(error) === 'disconnected';
          await steady.recover(session, error);
        }
        const { batch: last } = await lease.renew();
        if (last === batch) return;
        if (last !== batch - 1) throw fencedError(lease.epoch);
      }
    } catch (error) {
      throw isInDoubt ? inDoubtError(error, database) : error;
    }
  }

  /** For want of room each append of the group is tried alone: only those that need some are refused. */
  async #fail(group: readonly PendingAppend[], error: Error): Promise<void> {
    const { lease } = this.#options;
    if (!hasCode(error, 'BATON_STORE_FULL')) {
      lease.fail(error);
      for (const append of group) append.reject(error);
    } else if (group.length === 1) {
      group[0]?.reject(error);
    } else {
      for (const append of group) await this.#commit([append]);
    }
  }
}

/** Not "fenced", which says that nothing took effect. */
function inDoubtError(cause: unknown, { name }: Database): BrokerError {
  return new BrokerError(
    'BATON_STORE_FAILED',
    `The connection to ${name} was lost during a commit, and the lease before it could be asked what became of it`,
    { details: { database: name }, cause },
  );
}

function payloadBytes(batch: WriteBatch): number {
  let bytes = 0;
  for (const record of batch) {
    if (record.type !== 'message-added') continue;
    for (const piece of record.payload) bytes += piece.length;
  }
  return bytes;
}
