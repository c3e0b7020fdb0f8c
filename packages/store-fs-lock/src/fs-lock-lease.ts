import { BrokerError, type DestinationNumber, type Epoch, type Sequence } from '@batonmq/model';
import type { Journal } from '@batonmq/journal';
import type {
  Lease,
  LeaseLoss,
  ReadLimits,
  RecoveryVisitor,
  StoredMessage,
  StoreInspection,
  WriteBatch,
} from '@batonmq/store-spi';
import type { HeldLock } from './held-lock.ts';
import { storeInspection } from './inspect.ts';

/** A journal for as long as the lock on its directory is held. */
export class FsLockLease implements Lease {
  readonly epoch: Epoch;
  readonly lost: Promise<LeaseLoss>;
  readonly #lock: HeldLock;
  readonly #journal: Journal;
  readonly #onEnd: () => void;
  #ending: Promise<void> | undefined;

  constructor(lock: HeldLock, journal: Journal, onEnd: () => void) {
    this.epoch = journal.epoch;
    this.lost = lock.lost;
    this.#lock = lock;
    this.#journal = journal;
    this.#onEnd = onEnd;
    void journal.failed.then((cause) => {
      lock.fail(cause);
    });
    void lock.lost.then(() => this.release());
  }

  get isCurrent(): boolean {
    return this.#lock.loss === undefined;
  }

  recover(visitor: RecoveryVisitor): Promise<void> {
    return this.#journal.recover(visitor);
  }

  append(batch: WriteBatch): Promise<void> {
    if (!this.isCurrent || this.#ending) return Promise.reject(this.#endedError());
    return this.#journal.append(batch);
  }

  read(
    destination: DestinationNumber,
    from: Sequence,
    limits: ReadLimits,
  ): Promise<readonly StoredMessage[]> {
    return this.#journal.read(destination, from, limits);
  }

  inspect(): StoreInspection {
    return { ...storeInspection(this.#journal.inspect()), isHeldHere: true };
  }

  /** The journal first: nobody may get the lock while it still has writes under way. */
  release(): Promise<void> {
    this.#ending ??= this.#end();
    return this.#ending;
  }

  async #end(): Promise<void> {
    // A fenced journal cannot be closed in good order, and need not: its directory is another's.
    await this.#journal.close().catch(() => undefined);
    await this.#lock.release();
    this.#onEnd();
  }

  #endedError(): BrokerError {
    const loss = this.#lock.loss;
    if (!loss || loss.reason === 'released') {
      return new BrokerError('BATON_CLOSED', `The lease of epoch ${this.epoch} was released`);
    }
    return new BrokerError('BATON_FENCED', `The lease of epoch ${this.epoch} has ended`, {
      details: { epoch: this.epoch },
      cause: loss.cause,
    });
  }
}
