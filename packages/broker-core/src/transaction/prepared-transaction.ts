import {
  BrokerError,
  formatTransactionId,
  isBrokerError,
  type Message,
  type Sequence,
} from '@batonmq/model';
import type { Receipt } from '../connection/connection.ts';
import type { HiddenDestination } from '../destination/hidden-destination.ts';
import type { Router } from '../destination/router.ts';
import { decodeKeptMessage } from '../message/kept-message.ts';
import type { TermParts } from '../term-parts.ts';
import type { CommitOutcomes } from './commit-outcomes.ts';
import { encodePreparedRecord, type PreparedRecord } from './prepared-record.ts';
import type { PendingAcks } from './transaction-acks.ts';

export const PREPARED_SPACE = 'prepared';

/** How a prepared transaction is to end. */
export type Resolution = 'commit' | 'rollback';

/** What prepared transactions use of their term, beside what all its parts do. */
export interface PreparedParts {
  readonly term: TermParts;
  readonly router: Router;
  readonly outcomes: CommitOutcomes;
  /** Where the store keeps the sends of all of them. */
  readonly sends: HiddenDestination;
  readonly ended: (transaction: PreparedTransaction) => void;
}

/**
 *     preparing --durable--> prepared         the promise is given: it survives this broker
 *     preparing --refused--> ended
 *     prepared --resolve--> commit, rollback  its one write group is on the way
 *     commit --refused--> prepared            the store had no room, or could not be read
 *     commit, rollback --durable--> ended
 */
type State = 'preparing' | 'prepared' | Resolution | 'ended';

/**
 * A branch of a distributed transaction that waits for its verdict, from whichever connection that
 * comes. Its sends are in the store alone, so it costs no memory however long it waits.
 */
export class PreparedTransaction {
  readonly key: string;
  readonly record: PreparedRecord;
  readonly acks: PendingAcks;
  readonly #parts: PreparedParts;
  #state: State;
  /** Of those who asked for the resolution that is on its way. */
  #receipts: Receipt[] = [];

  constructor(record: PreparedRecord, acks: PendingAcks, state: State, parts: PreparedParts) {
    this.key = formatTransactionId(record.id);
    this.record = record;
    this.acks = acks;
    this.#state = state;
    this.#parts = parts;
  }

  /** True once it is durable, and until it has ended. */
  get isPrepared(): boolean {
    return this.#state !== 'preparing' && this.#state !== 'ended';
  }

  /** Adds what makes it durable to the open write group, which also has its sends. */
  prepare(receipt: Receipt): void {
    const { writes } = this.#parts.term;
    const value = encodePreparedRecord(this.record);
    writes.add({ type: 'state-put', space: PREPARED_SPACE, key: this.key, value });
    writes.complete({
      settled: (error) => {
        this.#state = error === undefined ? 'prepared' : 'ended';
        if (error !== undefined) this.#end(false);
        receipt.settled(error);
      },
    });
    writes.seal();
  }

  /** `receipt` learns when the verdict is durable. A second call for the same verdict joins the first. */
  resolve(verdict: Resolution, receipt: Receipt): void {
    if (this.#state === verdict) {
      this.#receipts.push(receipt);
      return;
    }
    if (this.#state !== 'prepared') {
      this.#parts.term.endOfTurn.settle(receipt, this.#busy());
      return;
    }
    this.#state = verdict;
    this.#receipts = [receipt];
    if (verdict === 'commit') void this.#commit();
    else this.#rollBack();
  }

  async #commit(): Promise<void> {
    const { openTransactions } = this.#parts.term;
    const { sendBytes } = this.record;
    openTransactions.usedBytes += sendBytes;
    try {
      const messages = await this.#readSends();
      if (!this.#parts.term.isOver) this.#addCommit(messages);
    } catch (error) {
      if (!isBrokerError(error)) throw error;
      if (!this.#parts.term.isOver) this.#stayPrepared(error);
    } finally {
      openTransactions.usedBytes -= sendBytes;
    }
  }

  async #readSends(): Promise<readonly Message[]> {
    const { pageMessages, pageBytes } = this.#parts.term.settings;
    const { firstSend, sendCount } = this.record;
    const messages: Message[] = [];
    while (messages.length < sendCount) {
      const messageCountMax = Math.min(pageMessages, sendCount - messages.length);
      const from = (firstSend + messages.length) as Sequence;
      const page = await this.#parts.sends.read(from, { messageCountMax, bytesMax: pageBytes });
      if (this.#parts.term.isOver) return [];
      if (page[0]?.sequence !== from) throw this.#incomplete(from);
      for (const { payload } of page) messages.push(decodeKeptMessage(payload));
    }
    return messages;
  }

  /** One write group: its messages appear, those it acked go, and it is forgotten. */
  #addCommit(messages: readonly Message[]): void {
    const { outcomes, router, term } = this.#parts;
    for (const message of messages.filter((each) => this.#hasDestination(each))) {
      router.deliverLater(message, { mark: term.marks.of(message.producerId.key) });
    }
    this.#addRemovals();
    this.acks.addRemovals();
    outcomes.begin(this.key, true);
    term.writes.complete({
      settled: (error) => {
        outcomes.settled(this.key, error === undefined, true);
        if (error === undefined) this.#end(true);
        else this.#stayPrepared(error);
      },
    });
    term.writes.seal();
  }

  #rollBack(): void {
    const { writes } = this.#parts.term;
    this.#addRemovals();
    writes.complete({
      settled: () => {
        this.#end(false);
      },
    });
    writes.seal();
  }

  /** A temporary destination may be gone since the prepare, and what was in it with it. */
  #hasDestination(message: Message): boolean {
    try {
      this.#parts.router.check(message);
      return true;
    } catch (error) {
      if (!isBrokerError(error) || error.code !== 'BATON_INVALID_DESTINATION') throw error;
      this.#parts.term.logger.log('warn', 'a prepared send has nowhere to go any more', {
        transaction: this.key,
        destination: message.destination.key,
      });
      return false;
    }
  }

  #addRemovals(): void {
    const { sends, term } = this.#parts;
    const { firstSend, sendCount } = this.record;
    for (let index = 0; index < sendCount; index += 1) {
      sends.remove((firstSend + index) as Sequence);
    }
    term.writes.add({ type: 'state-removed', space: PREPARED_SPACE, key: this.key });
  }

  #end(isCommitted: boolean): void {
    this.#state = 'ended';
    this.#parts.ended(this);
    if (isCommitted) this.acks.takeEffect();
    else this.acks.rollBack();
    this.#settle(undefined);
  }

  #stayPrepared(reason: BrokerError): void {
    this.#state = 'prepared';
    this.#settle(
      new BrokerError(
        'BATON_STORE_FULL',
        `Transaction ${this.key} stays prepared and can be committed later: ${reason.message}`,
        { cause: reason, details: { transaction: this.key, reason: reason.code } },
      ),
    );
  }

  #settle(error: BrokerError | undefined): void {
    const receipts = this.#receipts;
    this.#receipts = [];
    for (const receipt of receipts) receipt.settled(error);
  }

  #busy(): BrokerError {
    return new BrokerError(
      'BATON_INVALID_STATE',
      `Transaction ${this.key} is not to be resolved now: it is in the state "${this.#state}"`,
      { details: { transaction: this.key, state: this.#state } },
    );
  }

  #incomplete(from: Sequence): BrokerError {
    return new BrokerError(
      'BATON_CORRUPT',
      `The store has no send ${from} of the prepared transaction ${this.key}`,
      { details: { transaction: this.key, sequence: from } },
    );
  }
}
