import {
  assert,
  AssertionError,
  BrokerError,
  isBrokerError,
  type DestinationNumber,
  type Epoch,
  type Sequence,
} from '@batonmq/model';
import { BatchLedger } from './batch-ledger.ts';
import { requireOf, storeError, storeFailed } from './contract.ts';
import type {
  Lease,
  LeaseLoss,
  ReadLimits,
  RecoveredDestination,
  RecoveryVisitor,
  StoredMessage,
} from './store.ts';
import type { WriteBatch } from './write-batch.ts';

/**
 * A plugin's lease behind the checks of the contract.
 *
 * ```
 *   granted --recover--> recovering --recover resolved--> writable --release--> releasing
 *      |                     |                               |                      |
 *      +---------------------+----------- #end --------------+----------------------+--> ended
 * ```
 *
 * 1. The plugin sees `recover` once, then appends and reads, then `release` once, and no append while
 *    or after it.
 * 2. `lost` resolves with the first reason there was; no append resolves after it.
 * 3. An append whose outcome is unknown ends the lease.
 */
export class GuardedLease implements Lease {
  readonly epoch: Epoch;
  readonly lost: Promise<LeaseLoss>;
  readonly #plugin: string;
  readonly #inner: Lease;
  readonly #ledger = new BatchLedger();
  #status: 'granted' | 'recovering' | 'writable' | 'releasing' | 'ended' = 'granted';
  #loss: LeaseLoss | undefined;
  #announceLoss: (loss: LeaseLoss) => void = () => undefined;
  /** Settles after every append before it, so `release` waits for this one alone. */
  #newestAppend: Promise<void> = Promise.resolve();
  #released: Promise<void> | undefined;

  constructor(plugin: string, inner: Lease) {
    this.epoch = inner.epoch;
    this.#plugin = plugin;
    this.#inner = inner;
    this.lost = new Promise((resolve) => {
      this.#announceLoss = resolve;
    });
    inner.lost.then(
      (loss) => {
        this.#end(loss);
      },
      (error: unknown) => {
        this.#end({ reason: 'failed', cause: storeFailed(plugin, 'keep its lease', error) });
      },
    );
  }

  /** True from the moment the lease is lost or released. */
  get hasEnded(): boolean {
    return this.#status === 'ended';
  }

  async recover(visitor: RecoveryVisitor): Promise<void> {
    this.#requireNotLost();
    assert(this.#status === 'granted', 'recover is called once, before everything else');
    this.#status = 'recovering';
    try {
      await this.#inner.recover(this.#checked(visitor));
    } catch (error) {
      throw this.#fail('recover', error);
    }
    this.#requireNotLost();
    this.#status = 'writable';
  }

  async append(batch: WriteBatch): Promise<void> {
    this.#requireWritable('append');
    this.#ledger.admit(batch);
    this.#newestAppend = this.#appendAdmitted(batch);
    return this.#newestAppend;
  }

  async #appendAdmitted(batch: WriteBatch): Promise<void> {
    try {
      await this.#inner.append(batch);
    } catch (error) {
      throw this.#refusal(batch, error);
    }
    // It may have taken effect, so this is not "fenced", which says that nothing did.
    if (this.#loss !== undefined) {
      throw storeFailed(this.#plugin, 'append before its lease was lost', this.#loss.cause);
    }
  }

  async read(
    destination: DestinationNumber,
    from: Sequence,
    limits: ReadLimits,
  ): Promise<readonly StoredMessage[]> {
    this.#requireWritable('read');
    assert(limits.messageCountMax >= 1 && limits.bytesMax >= 1, 'limits of a page are from 1 up');
    const nextBefore = this.#ledger.nextSequence(destination);
    try {
      const page = await this.#inner.read(destination, from, limits);
      this.#checkPage(from, limits, page);
      // Appends and removals may have passed the read on its way: the wider of the two bounds holds.
      const end = Math.max(nextBefore, this.#ledger.nextSequence(destination));
      const last = page.at(-1)?.sequence ?? 0;
      requireOf(this.#plugin, last < end, 'a page holds only what was appended');
      return page;
    } catch (error) {
      // A page that cannot be read leaves what is written as it is: the lease goes on.
      throw storeError(this.#plugin, 'read', error);
    }
  }

  release(): Promise<void> {
    this.#released ??= this.#release();
    return this.#released;
  }

  async #release(): Promise<void> {
    if (this.#status !== 'ended') this.#status = 'releasing';
    // An append that a dead disk holds for ever must not keep a lost lease from being let go.
    await Promise.race([this.#newestAppend.catch(() => undefined), this.lost]);
    try {
      await this.#inner.release();
    } catch (error) {
      throw storeError(this.#plugin, 'release its lease', error);
    } finally {
      this.#end({ reason: 'released' });
    }
  }

  #end(loss: LeaseLoss): void {
    if (this.#status === 'ended') return;
    this.#status = 'ended';
    this.#loss = loss;
    this.#announceLoss(loss);
  }

  #requireWritable(call: string): void {
    if (this.#status === 'writable') return;
    this.#requireNotLost();
    if (this.#status === 'releasing') throw new BrokerError('BATON_CLOSED', RELEASED);
    assert(false, `${call} is called after recover has resolved`);
  }

  #requireNotLost(): void {
    if (this.#loss === undefined) return;
    const { reason, cause } = this.#loss;
    switch (reason) {
      case 'fenced':
        throw new BrokerError('BATON_FENCED', `The lease of epoch ${this.epoch} was fenced off`, {
          details: { epoch: this.epoch },
        });
      case 'released':
        throw new BrokerError('BATON_CLOSED', RELEASED);
      case 'failed':
        throw storeFailed(this.#plugin, `keep the lease of epoch ${this.epoch}`, cause);
    }
  }

  /** What the caller of a refused append is told. Only a full store leaves the lease alive. */
  #refusal(batch: WriteBatch, error: unknown): Error {
    const code = isBrokerError(error) ? error.code : undefined;
    if (code === 'BATON_STORE_FULL' && batch.some((record) => record.type === 'message-added')) {
      return error as BrokerError;
    }
    const isDocumented = code === 'BATON_FENCED' || code === 'BATON_STORE_FAILED';
    const isBug = error instanceof AssertionError;
    return this.#fail(
      'append',
      isDocumented || isBug ? error : storeFailed(this.#plugin, 'append', error),
    );
  }

  #fail(action: string, error: unknown): Error {
    const cause = storeError(this.#plugin, action, error);
    const isFenced = isBrokerError(cause) && cause.code === 'BATON_FENCED';
    this.#end({ reason: isFenced ? 'fenced' : 'failed', cause });
    return cause;
  }

  /** Passes on what is recovered once it is known to make sense. */
  #checked(visitor: RecoveryVisitor): RecoveryVisitor {
    const stages = ['destination', 'producer', 'state'] as const;
    let stage = 0;
    const enter = (name: (typeof stages)[number]): void => {
      const next = stages.indexOf(name);
      const isOpen = this.#status === 'recovering';
      requireOf(this.#plugin, isOpen, 'recover calls its visitor only until it resolves');
      requireOf(this.#plugin, next >= stage, RECOVERY_ORDER);
      stage = next;
    };
    return {
      destination: (recovered) => {
        enter('destination');
        this.#checkRecovered(recovered);
        visitor.destination(recovered);
      },
      producer: (producer, mark) => {
        enter('producer');
        requireOf(this.#plugin, isNatural(mark), 'the mark of a producer is a natural number');
        visitor.producer(producer, mark);
      },
      state: (space, key, value) => {
        enter('state');
        requireOf(this.#plugin, value instanceof Uint8Array, 'recovered state is a Uint8Array');
        visitor.state(space, key, value);
      },
    };
  }

  #checkRecovered(recovered: RecoveredDestination): void {
    const { messageCount, messageBytes, firstSequence, nextSequence } = recovered;
    const figures = [messageCount, messageBytes, firstSequence, nextSequence];
    requireOf(this.#plugin, figures.every(isNatural), 'recovered figures are natural numbers');
    requireOf(
      this.#plugin,
      messageCount === 0
        ? firstSequence === nextSequence
        : firstSequence + messageCount <= nextSequence,
      `${messageCount} messages fit between sequences ${firstSequence} and ${nextSequence}`,
    );
    const isNew = this.#ledger.recover(recovered);
    requireOf(this.#plugin, isNew, `number and key of "${recovered.key}" are recovered once`);
  }

  #checkPage(from: Sequence, limits: ReadLimits, page: readonly StoredMessage[]): void {
    let expected: number = from;
    let pageBytes = 0;
    for (const { sequence, payload } of page) {
      const isInOrder = isNatural(sequence) && sequence >= expected;
      requireOf(this.#plugin, isInOrder, 'a page is in order and starts at or after "from"');
      expected = sequence + 1;
      pageBytes += payload.length;
    }
    const isWithin = page.length <= limits.messageCountMax && pageBytes <= limits.bytesMax;
    requireOf(this.#plugin, isWithin || page.length === 1, 'a page of several keeps its limits');
  }
}

const RECOVERY_ORDER = 'recover visits destinations, then producers, then state';
const RELEASED = 'The lease was released';

function isNatural(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
