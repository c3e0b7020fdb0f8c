import {
  BrokerError,
  formatTransactionId,
  messageBytes,
  type Message,
  type TransactionId,
} from '@batonmq/model';
import type { Receipt } from '../connection/connection.ts';
import type { ProducerState } from '../connection/flow-control.ts';
import type { Entry } from '../destination/entry.ts';
import type { Router } from '../destination/router.ts';
import type { TopicSubscription } from '../subscription/topic-subscription.ts';
import type { TermParts } from '../term-parts.ts';
import type { CommitOutcomes } from './commit-outcomes.ts';

/**
 *     open --fail--> failed            a command of it was refused: it can only be rolled back
 *     open --commit--> committing      its one write group is on the way
 *     committing --settled--> ended    durable, or refused and rolled back
 *     open, failed --rollBack--> ended
 */
type State = 'open' | 'failed' | 'committing' | 'ended';

interface Send {
  readonly message: Message;
  readonly producer: ProducerState;
}

/**
 * A local transaction: sends that nobody sees and acks that have no effect, until one write group
 * makes all of them durable together.
 */
export class Transaction implements Receipt {
  readonly id: TransactionId;
  readonly key: string;
  readonly #parts: TermParts;
  readonly #outcomes: CommitOutcomes;
  #state: State = 'open';
  #failure: BrokerError | undefined;
  #sends: Send[] = [];
  #acks: Entry[] = [];
  #topicAcks = new Map<TopicSubscription, number>();
  #bytes = 0;
  /** Whether anything of it is in the store. */
  #isStored = false;
  #receipt: Receipt | undefined;

  constructor(id: TransactionId, parts: TermParts, outcomes: CommitOutcomes) {
    this.id = id;
    this.key = formatTransactionId(id);
    this.#parts = parts;
    this.#outcomes = outcomes;
  }

  /** Why it takes no more commands; none while it does. */
  get refusal(): BrokerError | undefined {
    if (this.#isTooLarge) this.fail(this.#tooLarge());
    return this.#failure;
  }

  /** Why it can only be rolled back; none if it can be committed. */
  get failure(): BrokerError | undefined {
    return this.#failure;
  }

  /** @throws `BATON_LIMIT` if open transactions hold too much; this one can then only be rolled back. */
  addSend(message: Message, producer: ProducerState): void {
    this.#requireMemory();
    const bytes = messageBytes(message);
    this.#sends.push({ message, producer });
    this.#bytes += bytes;
    this.#parts.openTransactions.usedBytes += bytes;
  }

  addAck(entry: Entry): void {
    entry.transaction = this;
    this.#acks.push(entry);
  }

  addTopicAck(subscription: TopicSubscription, count: number): void {
    this.#topicAcks.set(subscription, (this.#topicAcks.get(subscription) ?? 0) + count);
  }

  fail(reason: BrokerError): void {
    if (this.#state !== 'open') return;
    this.#state = 'failed';
    this.#failure = reason;
    this.#forgetSends();
  }

  /**
   * Puts everything into one write group.
   *
   * @throws what the router throws for a destination that went away; nothing has taken effect then.
   */
  commit(router: Router, receipt: Receipt | undefined): void {
    for (const { message } of this.#sends) router.check(message);
    this.#state = 'committing';
    this.#receipt = receipt;
    for (const { message, producer } of this.#sends) {
      if (router.deliverLater(message, producer)) this.#isStored = true;
    }
    for (const entry of this.#acks) {
      entry.queue.addRemoval(entry);
      if (entry.isStored) this.#isStored = true;
    }
    this.#outcomes.begin(this.key, this.#isStored);
    this.#parts.writes.complete(this);
    this.#parts.writes.seal();
  }

  /** The group is durable, or the store had no room for it. */
  settled(error?: BrokerError): void {
    this.#outcomes.settled(this.key, error === undefined, this.#isStored);
    if (error === undefined) this.#takeEffect();
    else this.rollBack();
    this.#receipt?.settled(error);
  }

  rollBack(): void {
    this.#state = 'ended';
    const orphans: Entry[] = [];
    for (const entry of this.#acks) {
      if (entry.subscription === undefined) orphans.push(entry);
      else entry.subscription.rolledBack(entry);
    }
    // Their consumer is gone, so they go back to the queue, as delivered once more.
    const redelivered = new Set(orphans);
    for (const queue of new Set(orphans.map((entry) => entry.queue))) {
      queue.giveBack(
        orphans.filter((entry) => entry.queue === queue),
        redelivered,
      );
      this.#parts.writes.seal();
      queue.dispatch();
    }
    this.#forgetAll();
  }

  #takeEffect(): void {
    this.#state = 'ended';
    for (const entry of this.#acks) {
      entry.queue.release(entry);
      entry.subscription?.committed(entry);
    }
    for (const [subscription, count] of this.#topicAcks) subscription.acked(count);
    this.#forgetAll();
  }

  #forgetSends(): void {
    this.#sends = [];
    this.#parts.openTransactions.usedBytes -= this.#bytes;
    this.#bytes = 0;
  }

  #forgetAll(): void {
    this.#forgetSends();
    this.#acks = [];
    this.#topicAcks = new Map();
  }

  #requireMemory(): void {
    const { openTransactions, settings } = this.#parts;
    if (openTransactions.usedBytes < settings.memoryLimitBytes) return;
    const error = new BrokerError(
      'BATON_LIMIT',
      `The open transactions of all clients hold ${openTransactions.usedBytes} bytes; "memoryLimitBytes" allows no more`,
      { details: { transaction: this.key } },
    );
    this.fail(error);
    throw error;
  }

  get #isTooLarge(): boolean {
    const { transactionOperationsMax, transactionBytesMax } = this.#parts.settings;
    const operations = this.#sends.length + this.#acks.length;
    return operations >= transactionOperationsMax || this.#bytes >= transactionBytesMax;
  }

  #tooLarge(): BrokerError {
    const { transactionOperationsMax, transactionBytesMax } = this.#parts.settings;
    return new BrokerError(
      'BATON_LIMIT',
      `Transaction ${this.key} is larger than ${transactionOperationsMax} sends and acks or ${transactionBytesMax} bytes`,
      { details: { transaction: this.key } },
    );
  }
}
