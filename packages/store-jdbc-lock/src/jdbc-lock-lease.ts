import { epoch, type DestinationNumber, type Epoch, type Sequence } from '@batonmq/model';
import type {
  Lease,
  LeaseLoss,
  ReadLimits,
  RecoveryVisitor,
  StoredMessage,
  WriteBatch,
} from '@batonmq/store-spi';
import type { FirstSequences } from './content/first-sequences.ts';
import { readPage } from './content/page-reader.ts';
import { recover } from './content/recovery.ts';
import type { SteadySession } from './database/steady-session.ts';
import type { HeldLease } from './lease/held-lease.ts';
import type { Place } from './schema/migrate.ts';
import { storeError } from './store-error.ts';
import type { GroupCommit } from './write/group-commit.ts';

/** The tables for as long as their lease is held. */
export class JdbcLockLease implements Lease {
  readonly epoch: Epoch;
  readonly lost: Promise<LeaseLoss>;
  readonly #place: Place;
  readonly #held: HeldLease;
  readonly #commit: GroupCommit;
  /** Reads do not wait behind writes. */
  readonly #reading: SteadySession;
  readonly #firstSequences: FirstSequences;
  #releasing: Promise<void> | undefined;

  constructor(
    place: Place,
    held: HeldLease,
    commit: GroupCommit,
    reading: SteadySession,
    firstSequences: FirstSequences,
  ) {
    this.epoch = epoch(held.epoch);
    this.lost = held.lost;
    this.#place = place;
    this.#held = held;
    this.#commit = commit;
    this.#reading = reading;
    this.#firstSequences = firstSequences;
  }

  get isCurrent(): boolean {
    return this.#held.loss === undefined;
  }

  async recover(visitor: RecoveryVisitor): Promise<void> {
    // A visitor is told things once, so a recovery that was interrupted is not begun again.
    const session = await this.#reading.get().catch((error: unknown) => this.#refuse(error));
    await recover(session, this.#place, this.#firstSequences, visitor).catch((error: unknown) =>
      this.#refuse(error),
    );
  }

  append(batch: WriteBatch): Promise<void> {
    return this.#commit.append(batch);
  }

  read(
    destination: DestinationNumber,
    from: Sequence,
    limits: ReadLimits,
  ): Promise<readonly StoredMessage[]> {
    return readPage(this.#reading, this.#place, destination, from, limits).catch((error: unknown) =>
      this.#refuse(error),
    );
  }

  /** What was appended is committed first: nobody may get the lease while this one still writes. */
  release(): Promise<void> {
    this.#releasing ??= this.#commit.close().then(() => this.#held.release());
    return this.#releasing;
  }

  #refuse(error: unknown): never {
    throw this.isCurrent ? storeError(error, this.#place.database) : this.#held.endedError();
  }
}
