import { BrokerError, compositeParts, type ConnectionId, type TransactionId } from '@batonmq/model';
import type { Selector } from '@batonmq/selector';
import type { ClientConnection } from '../connection/client-connection.ts';
import type { Receipt } from '../connection/connection.ts';
import type { Attachment } from '../dispatch/consumer-ring.ts';
import type { Entry } from '../dispatch/entry.ts';
import type { Queue } from '../destination/queue.ts';
import { consumerSelector } from '../message/message-filter.ts';
import type { TermParts } from '../term-parts.ts';
import type { Transaction } from '../transaction/transaction.ts';
import { DispatchCredit, PULL_WITHOUT_WAIT } from './dispatch-credit.ts';
import { DispatchedList, isNamed } from './dispatched-list.ts';
import type { WatchedSubscription } from './slow-consumer-watch.ts';
import { redeliveredOf, redeliveredOfDurable, type Redelivered } from './redelivered.ts';
import { LAST_DELIVERED_NONE, type Ack, type SubscribeOptions } from './subscription.ts';

/** A run of the dispatched list, both ends included. */
interface Range {
  readonly first: Entry;
  readonly last: Entry;
  readonly count: number;
}

/** Whose consumer it is, as far as it needs to know. */
export type SubscriptionOwner = Pick<
  ClientConnection,
  'connectionId' | 'refuse' | 'inTransaction' | 'removeSubscription' | 'abort'
>;

/**
 * A consumer of queues; several of them with a wildcard or a composite. It keeps what it was sent
 * until an ack, in dispatch order, and is never sent the same message again while it lives.
 */
export class QueueSubscription implements WatchedSubscription {
  readonly options: SubscribeOptions;
  /** Which messages it may have; a durable one has a queue of its own that holds no others. */
  readonly selector: Selector | undefined;
  readonly #connection: SubscriptionOwner;
  readonly #parts: TermParts;
  readonly #attachments = new Map<Queue, Attachment>();
  readonly #dispatched = new DispatchedList();
  readonly #credit: DispatchCredit;
  /** The least of what the policies of its queues allow. */
  #prefetchMax = Infinity;
  #isPullingWithoutWait = false;
  #hasDispatched = false;
  #isClosed = false;

  /** @throws `BATON_INVALID_SELECTOR`, `BATON_UNSUPPORTED`. */
  constructor(options: SubscribeOptions, connection: SubscriptionOwner, parts: TermParts) {
    this.options = options;
    this.#connection = connection;
    this.#parts = parts;
    const isDurable = options.subscriptionName !== undefined;
    this.selector = isDurable ? undefined : consumerSelector(options.selector);
    const { clock } = parts;
    const [destination = options.destination] = compositeParts(options.destination);
    const policy = parts.policies.of(destination);
    const prefetchMax = isDurable ? policy.durableTopicPrefetch : undefined;
    this.#credit = new DispatchCredit(options.prefetchCount, options.sink, clock, prefetchMax);
  }

  get connectionId(): ConnectionId {
    return this.#connection.connectionId;
  }

  get isSlow(): boolean {
    if (!this.#credit.isExhausted) return false;
    for (const { messageCount, inFlightCount } of this.#attachments.keys()) {
      if (messageCount > inFlightCount) return true;
    }
    return false;
  }

  get dispatchedCount(): number {
    return this.#credit.dispatchedCount;
  }

  get settledCount(): number {
    return this.#credit.settledCount;
  }

  get hasRoom(): boolean {
    return this.#credit.hasRoom;
  }

  /** Messages it can take now. */
  get roomCount(): number {
    return this.#credit.roomCount;
  }

  /** Once for each queue, however many of its names cover it. */
  attach(queue: Queue): void {
    if (this.#attachments.has(queue)) return;
    this.#limitPrefetch(queue);
    this.#attachments.set(queue, queue.attach(this));
  }

  /** Its queue is removed, with all messages in it. True if it listens to nothing any more. */
  detach(queue: Queue): boolean {
    for (const entry of this.dispatchedOf(queue)) this.#takeOut(entry);
    const attachment = this.#attachments.get(queue);
    if (attachment !== undefined) queue.detach(attachment);
    this.#attachments.delete(queue);
    return this.#attachments.size === 0;
  }

  dispatchedOf(queue: Queue): readonly Entry[] {
    return [...this.#dispatched].filter((entry) => entry.queue === queue);
  }

  /** Called by a queue after it saw that there is room. */
  dispatch(entry: Entry): void {
    this.#hasDispatched = true;
    entry.subscription = this;
    entry.isSeen = false;
    this.#dispatched.append(entry);
    this.#credit.spend();
    this.options.sink.deliver(entry);
  }

  /** A page of one of its queues has been given out. */
  pagingEnded(): void {
    this.#endPullWithoutWait();
  }

  ack(ack: Ack, receipt?: Receipt): void {
    if (this.#isClosed) return;
    if (!this.#hasDispatched) {
      // What a client that came back after a failover still had to say about its old consumer.
      this.#parts.endOfTurn.settle(receipt);
      return;
    }
    const error = this.#apply(ack, receipt);
    if (error !== undefined) {
      this.#connection.refuse(error, receipt, ack.transactionId);
      return;
    }
    this.#parts.writes.seal();
    this.#dispatch();
  }

  pull(timeoutMs: number): void {
    this.#isPullingWithoutWait = timeoutMs === PULL_WITHOUT_WAIT;
    this.#credit.pull(timeoutMs);
    this.#dispatch();
    this.#endPullWithoutWait();
  }

  setPrefetch(prefetchCount: number): void {
    this.#credit.prefetchCount = Math.min(prefetchCount, this.#prefetchMax);
    this.#dispatch();
  }

  resume(): void {
    this.#dispatch();
    this.#endPullWithoutWait();
  }

  close(lastDelivered: number): void {
    if (this.#isClosed) return;
    this.stop(lastDelivered);
    this.#connection.removeSubscription(this);
  }

  halt(): void {
    this.#credit.close();
  }

  /** Gives back what it has and leaves its queues. */
  stop(lastDelivered: number): void {
    this.#isClosed = true;
    this.#credit.close();
    const redelivered = this.#redelivered(lastDelivered);
    const unacked = this.#takeOutUnacked();
    for (const [queue, attachment] of this.#attachments) {
      queue.detach(attachment);
      queue.giveBack(
        unacked.filter((entry) => entry.queue === queue),
        redelivered,
      );
      this.#parts.writes.seal();
      queue.dispatch();
    }
    this.#attachments.clear();
  }

  end(reason: BrokerError, lastDelivered = LAST_DELIVERED_NONE): void {
    this.close(lastDelivered);
    this.options.sink.ended(reason);
  }

  /** The transaction that acked an entry took effect: the entry is gone. */
  committed(entry: Entry): void {
    this.#takeOut(entry);
    this.#dispatch();
  }

  /** The transaction that acked an entry did not: the consumer still has it. */
  rolledBack(entry: Entry): void {
    entry.transaction = undefined;
    entry.isSeen = true;
    if (entry.isExtending) this.#credit.shrink(1);
    entry.isExtending = false;
  }

  #limitPrefetch({ policy }: Queue): void {
    const isDurable = this.options.subscriptionName !== undefined;
    const allowed = isDurable ? policy.durableTopicPrefetch : policy.queuePrefetch;
    this.#prefetchMax = Math.min(this.#prefetchMax, allowed ?? Infinity);
    this.#credit.prefetchCount = Math.min(this.#credit.prefetchCount, this.#prefetchMax);
  }

  #apply(ack: Ack, receipt: Receipt | undefined): BrokerError | undefined {
    switch (ack.kind) {
      case 'delivered':
        return this.#delivered(ack, receipt, ack.messageCount);
      case 'redelivered':
        return this.#delivered(ack, receipt, 0);
      case 'individual':
        return this.#individual(ack, receipt);
      case 'standard':
        return this.#standard(ack, receipt);
      case 'poison':
      case 'expired':
        return this.#discard(ack, receipt);
    }
  }

  #delivered(ack: Ack, receipt: Receipt | undefined, count: number): BrokerError | undefined {
    if (ack.last !== undefined && !this.#isDispatched(ack.last)) return this.#unmatched(ack);
    this.#credit.extend(count);
    this.#parts.endOfTurn.settle(receipt);
    return undefined;
  }

  #individual(ack: Ack, receipt: Receipt | undefined): BrokerError | undefined {
    const entry = ack.last === undefined ? undefined : this.#dispatched.find(ack.last);
    if (entry === undefined) {
      this.#parts.endOfTurn.settle(receipt);
      return undefined;
    }
    if (ack.transactionId === undefined) {
      this.#consume(entry);
      this.#parts.writes.complete(receipt);
      return undefined;
    }
    return this.#inTransaction(ack.transactionId, receipt, (transaction) => {
      transaction.addAck(entry);
      entry.isExtending = true;
      this.#credit.extend(1);
    });
  }

  #standard(ack: Ack, receipt: Receipt | undefined): BrokerError | undefined {
    const range = this.#range(ack);
    if (range === undefined) return this.#unmatched(ack);
    if (ack.transactionId === undefined) {
      if (range.count !== ack.messageCount) return this.#unmatched(ack, range.count);
      forEach(range, (entry) => {
        this.#consume(entry);
      });
      this.#parts.writes.complete(receipt);
      return undefined;
    }
    return this.#inTransaction(ack.transactionId, receipt, (transaction) => {
      forEach(range, (entry) => {
        transaction.addAck(entry);
      });
    });
  }

  #discard(ack: Ack, receipt: Receipt | undefined): BrokerError | undefined {
    if (ack.transactionId !== undefined && ack.kind === 'poison') {
      return new BrokerError(
        'BATON_INVALID_STATE',
        'A message cannot be made a dead letter inside a transaction',
      );
    }
    const range = this.#range(ack);
    if (range === undefined) return this.#unmatched(ack);
    forEach(range, (entry) => {
      this.#takeOut(entry);
      if (ack.kind === 'expired') entry.queue.expireDispatched(entry);
      else entry.queue.bury(entry, ack.cause ?? 'Rejected by its consumer');
    });
    this.#parts.writes.complete(receipt);
    return undefined;
  }

  #inTransaction(
    id: TransactionId,
    receipt: Receipt | undefined,
    change: (transaction: Transaction) => void,
  ): BrokerError | undefined {
    const error = this.#connection.inTransaction(id, change);
    if (error === undefined) this.#parts.endOfTurn.settle(receipt);
    return error;
  }

  /** Consumed: it leaves memory now; the store learns of it with the next batch. */
  #consume(entry: Entry): void {
    this.#takeOut(entry);
    entry.queue.addRemoval(entry);
    entry.queue.release(entry);
  }

  #takeOut(entry: Entry): void {
    this.#dispatched.remove(entry);
    entry.subscription = undefined;
    this.#credit.settle(1);
  }

  #redelivered(lastDelivered: number): Redelivered {
    const { subscriptionName } = this.options;
    const { prefetchCount, extensionCount } = this.#credit;
    // One that pulls has asked for each message.
    const passedOnCount = prefetchCount === 0 ? Infinity : extensionCount;
    const ofConsumer = subscriptionName === undefined ? redeliveredOf : redeliveredOfDurable;
    return ofConsumer([...this.#dispatched], lastDelivered, passedOnCount);
  }

  /** Empties the list. What an open transaction acked stays with the transaction. */
  #takeOutUnacked(): readonly Entry[] {
    const unacked: Entry[] = [];
    for (const entry of this.#dispatched) {
      this.#takeOut(entry);
      if (entry.transaction === undefined) unacked.push(entry);
    }
    return unacked;
  }

  #range(ack: Ack): Range | undefined {
    const first = ack.first === undefined ? this.#firstUnacked : this.#dispatched.find(ack.first);
    if (first === undefined || ack.last === undefined) return undefined;
    let count = 0;
    for (let entry: Entry | undefined = first; entry !== undefined; entry = entry.next) {
      if (entry.transaction !== undefined) continue;
      count += 1;
      if (isNamed(entry, ack.last)) return { first, last: entry, count };
    }
    return undefined;
  }

  get #firstUnacked(): Entry | undefined {
    let entry = this.#dispatched.first;
    while (entry?.transaction !== undefined) entry = entry.next;
    return entry;
  }

  /** Whether it has that message, acked by an open transaction or not. */
  #isDispatched(reference: NonNullable<Ack['last']>): boolean {
    if (this.#dispatched.find(reference) !== undefined) return true;
    for (const entry of this.#dispatched) if (isNamed(entry, reference)) return true;
    return false;
  }

  get #isPaging(): boolean {
    for (const [queue, attachment] of this.#attachments) {
      if (queue.isPagingFor(attachment)) return true;
    }
    return false;
  }

  /** Once all has been looked at that it may have; until then there may be a message for it. */
  #endPullWithoutWait(): void {
    if (!this.#isPullingWithoutWait || this.#isPaging || this.options.sink.isCongested) return;
    this.#isPullingWithoutWait = false;
    this.#credit.exhaust();
  }

  #dispatch(): void {
    if (this.#isClosed) return;
    for (const [queue, attachment] of this.#attachments) {
      queue.consumers.enter(attachment);
      queue.dispatch();
    }
  }

  #unmatched(ack: Ack, foundCount?: number): BrokerError {
    const { consumerKey } = this.options;
    const found = foundCount === undefined ? '' : `; that range holds ${foundCount}`;
    return new BrokerError(
      'BATON_UNMATCHED_ACK',
      `Unmatched acknowledge of ${ack.messageCount} messages by consumer ${consumerKey}: ` +
        `${named(ack.first)} to ${named(ack.last)} were not dispatched to it${found}`,
      { details: { consumerKey, kind: ack.kind, messageCount: ack.messageCount } },
    );
  }
}

function named(reference: Ack['first']): string {
  if (reference === undefined) return 'the first';
  return `${reference.producerKey}:${reference.producerSequence}`;
}

/** Reads ahead, so `act` may take the entry out of the list. */
function forEach({ first, last }: Range, act: (entry: Entry) => void): void {
  let entry: Entry | undefined = first;
  while (entry !== undefined) {
    const next: Entry | undefined = entry === last ? undefined : entry.next;
    if (entry.transaction === undefined) act(entry);
    entry = next;
  }
}
