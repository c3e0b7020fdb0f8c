import {
  assert,
  BrokerError,
  formatTransactionId,
  messageBytes,
  type Message,
  type TransactionId,
} from '@batonmq/model';
import type { Receipt } from '../connection/connection.ts';
import type { ProducerState } from '../connection/flow-control.ts';
import type { Entry } from '../dispatch/entry.ts';
import type { Obstacle } from '../limit/obstacle.ts';
import type { Router } from '../destination/router.ts';
import type { TopicSubscription } from '../subscription/topic-subscription.ts';
import type { TermParts } from '../term-parts.ts';
import type { CommitOutcomes } from './commit-outcomes.ts';
import { TransactionAcks } from './transaction-acks.ts';

/**
 *     open --fail--> failed            a command of it was refused: it can only be rolled back
 *     open --commit--> committing      its one write group is on the way
 *     committing --settled--> ended    durable, or refused and rolled back
 *     open, failed --rollBack--> ended
 *     open --handOver--> ended         it is being prepared, as a `PreparedTransaction`
 */
type State = 'open' | 'failed' | 'committing' | 'ended';

interface Send {
  readonly message: Message;
  readonly producer: ProducerState;
}

/**
 * An open transaction, local or a branch of a distributed one: sends that nobody sees and acks that
 * have no effect, until one write group makes all of them durable together.
 */
export class Transaction implements Receipt {
  readonly id: TransactionId;
  readonly key: string;
  readonly #parts: TermParts;
  readonly #outcomes: CommitOutcomes;
  #state: State = 'open';
  #failure: BrokerError | undefined;
  #sends: Send[] = [];
  #acks: TransactionAcks;
  #bytes = 0;
  /** Whether anything of it is in the store. */
  #isStored = false;
  #receipt: Receipt | undefined;

  constructor(id: TransactionId, parts: TermParts, outcomes: CommitOutcomes) {
    this.id = id;
    this.key = formatTransactionId(id);
    this.#parts = parts;
    this.#outcomes = outcomes;
    this.#acks = new TransactionAcks(parts);
  }

  /** True if it would change nothing. */
  get isEmpty(): boolean {
    return this.#sends.length === 0 && this.#acks.isEmpty;
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
    this.#acks.add(entry, this);
  }

  addTopicAck(subscription: TopicSubscription, count: number): void {
    this.#acks.addTopicAck(subscription, count);
  }

  fail(reason: BrokerError): void {
    if (this.#state !== 'open') return;
    this.#state = 'failed';
    this.#failure = reason;
    this.#forgetSends();
  }

  /**
   * What has no room for its sends; none if there is room for one more message wherever it sends to, or
   * if it takes out of the place that is full as many messages as it sends.
   *
   * @throws what the router throws for a destination that went away.
   */
  obstacle(router: Router): Obstacle | undefined {
    const { scheduler } = this.#parts;
    for (const { message } of this.#sends) {
      if (scheduler.planOf(message) !== undefined) continue;
      const obstacle = router.obstacle(message);
      if (obstacle !== undefined && !this.#relieves(obstacle)) return obstacle;
    }
    return undefined;
  }

  /** Asked only if it has an {@link obstacle}. */
  get firstSend(): Message {
    const [first] = this.#sends;
    assert(first !== undefined, 'only a transaction with sends waits for room');
    return first.message;
  }

  /**
   * Puts everything into one write group, right after it was asked for its {@link obstacle}: every
   * destination is there.
   */
  commit(router: Router, receipt: Receipt | undefined): void {
    this.#state = 'committing';
    this.#receipt = receipt;
    for (const { message, producer } of this.#sends) {
      if (router.deliverLater(message, producer)) this.#isStored = true;
    }
    if (this.#acks.addRemovals()) this.#isStored = true;
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
    this.#acks.rollBack();
    this.#forgetAll();
  }

  /**
   * Gives its work to whoever prepares it, and takes no further part; as {@link commit}.
   */
  handOver(): { messages: readonly Message[]; bytes: number; acks: TransactionAcks } {
    this.#state = 'ended';
    const messages = this.#sends.map(({ message }) => message);
    const work = { messages, bytes: this.#bytes, acks: this.#acks };
    this.#forgetAll();
    return work;
  }

  #takeEffect(): void {
    this.#state = 'ended';
    this.#acks.takeEffect();
    this.#forgetAll();
  }

  #relieves({ target, usage }: Obstacle): boolean {
    const { memory, stored, paged } = this.#parts;
    const isShared = usage === memory || usage === stored || usage === paged;
    const freedCount = isShared ? this.#acks.count : this.#acks.countIn(target);
    return freedCount >= this.#sends.length;
  }

  #forgetSends(): void {
    this.#sends = [];
    this.#parts.openTransactions.usedBytes -= this.#bytes;
    this.#bytes = 0;
  }

  #forgetAll(): void {
    this.#forgetSends();
    this.#acks = new TransactionAcks(this.#parts);
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
    const operations = this.#sends.length + this.#acks.count;
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
