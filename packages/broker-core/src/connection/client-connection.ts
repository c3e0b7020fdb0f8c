import {
  BrokerError,
  compositeParts,
  formatTransactionId,
  isBrokerError,
  isQueue,
  type ConnectionId,
  type Destination,
  type Message,
  type ProducerId,
  type TransactionId,
  type XaTransactionId,
} from '@batonmq/model';
import type { Router } from '../destination/router.ts';
import { withBrokerTime } from '../message/timestamps.ts';
import type { ProducerMark } from '../message/producer-marks.ts';
import { isRepeated, RepeatedSend } from '../message/repeated-send.ts';
import { BrowserSubscription } from '../subscription/browser-subscription.ts';
import { withDestinationOptions } from '../subscription/destination-options.ts';
import { QueueSubscription } from '../subscription/queue-subscription.ts';
import {
  LAST_DELIVERED_UNKNOWN,
  type SubscribeOptions,
  type Subscription,
} from '../subscription/subscription.ts';
import { SlowConsumerWatch } from '../subscription/slow-consumer-watch.ts';
import { TopicSubscription } from '../subscription/topic-subscription.ts';
import type { Access } from '../security/access.ts';
import type { TermParts } from '../term-parts.ts';
import { RepeatedCommit, type CommitOutcomes } from '../transaction/commit-outcomes.ts';
import { Transaction } from '../transaction/transaction.ts';
import type { XaTransactions } from '../transaction/xa-transactions.ts';
import type {
  BrokerConnection,
  ConnectionControl,
  ConnectOptions,
  PrepareReceipt,
  ProducerOptions,
  Receipt,
} from './connection.ts';
import type { FlowControl, ProducerState } from './flow-control.ts';

/** What connections use of their term, beside what all its parts do. */
export interface ConnectionParts {
  readonly term: TermParts;
  readonly router: Router;
  readonly flow: FlowControl;
  readonly outcomes: CommitOutcomes;
  readonly xa: XaTransactions;
  /** The connection has cleaned up after itself. */
  readonly closed: (connection: ClientConnection) => void;
}

/** One client: its producers, subscriptions and open transactions. */
export class ClientConnection implements BrokerConnection {
  readonly connectionId: ConnectionId;
  readonly clientId: string;
  readonly control: ConnectionControl;
  readonly remoteAddress: string;
  readonly userName: string | undefined;
  /** None if it may do everything. */
  readonly access: Access | undefined;
  /** Its client carries on what it had with this or another broker, and may repeat some of it. */
  readonly isReconnect: boolean;
  /** Stands in for a receipt that was not given: tells the adapter of failures that come after the call. */
  readonly failures: Receipt;
  /** Whether each message it sends is made to name its user, or the broker's time. */
  readonly #changesMessages: boolean;
  readonly #parts: ConnectionParts;
  readonly #producers = new Map<string, ProducerState>();
  readonly #subscriptions = new Map<string, ClosableSubscription>();
  /** Of consumers whose policy says what becomes of slow ones. */
  readonly #watches = new Map<Subscription, SlowConsumerWatch>();
  readonly #transactions = new Map<string, Transaction>();
  #isClosed = false;

  constructor(options: ConnectOptions, parts: ConnectionParts, access: Access | undefined) {
    this.connectionId = options.connectionId;
    this.clientId = options.clientId;
    this.control = options.control;
    this.remoteAddress = options.remoteAddress;
    this.userName = options.principal?.userName ?? options.userName;
    this.access = access;
    const { populateJMSXUserID, timestamp } = parts.term.settings;
    this.#changesMessages = populateJMSXUserID || timestamp.isEnabled;
    this.isReconnect = options.isReconnect;
    this.#parts = parts;
    this.failures = {
      settled: (error) => {
        if (error !== undefined && !this.#isClosed) this.control.failed(error);
      },
    };
  }

  addProducer({ producerId, destination, canRepeatSends = true }: ProducerOptions): void {
    this.#requireOpen();
    if (this.#producers.has(producerId.key)) return;
    const { term } = this.#parts;
    if (destination !== undefined) this.access?.demand('write to', destination);
    const producer: ProducerState = {
      mark: canRepeatSends ? term.marks.of(producerId.key) : undefined,
      ...{ heldCount: 0, heldBy: undefined, cleared: undefined, places: undefined },
    };
    try {
      for (const part of destination === undefined ? [] : compositeParts(destination)) {
        term.destinations.resolve(part, this.connectionId).producers?.enter(producer, true);
      }
    } catch (error) {
      leavePlaces(producer);
      throw error;
    }
    this.#producers.set(producerId.key, producer);
  }

  removeProducer(producerId: ProducerId): void {
    const producer = this.#producers.get(producerId.key);
    if (producer === undefined) return;
    leavePlaces(producer);
    this.#producers.delete(producerId.key);
  }

  send(sent: Message, receipt?: Receipt): void {
    if (this.#isDone) return;
    const message = this.#changesMessages ? this.#changed(sent) : sent;
    const producer = this.#producers.get(message.producerId.key);
    if (producer === undefined) {
      this.refuse(unknownProducer(message), receipt, message.transactionId);
    } else if (
      this.access !== undefined &&
      producer.cleared !== message.destination &&
      !this.#clear(this.access, producer, message, receipt)
    ) {
      return;
    } else if (message.transactionId !== undefined) {
      this.#sendInTransaction(message.transactionId, message, producer, receipt);
    } else if (this.#isRepeated(message, producer)) {
      this.#settleRepeated(message, producer.mark, receipt);
    } else {
      try {
        this.#parts.flow.send(this, producer, message, receipt);
      } catch (error) {
        if (!isBrokerError(error)) throw error;
        this.refuseSend(error, message, producer, receipt);
      }
    }
  }

  subscribe(given: SubscribeOptions, receipt?: Receipt): Subscription {
    this.#requireOpen();
    const options = withDestinationOptions(given);
    const existing = this.#subscriptions.get(options.consumerKey);
    if (existing !== undefined) {
      this.#settleSubscribe(options, receipt);
      return existing;
    }
    requireSupported(options);
    this.access?.demand('read from', options.destination);
    const subscription = this.#subscriptionFor(options);
    this.#subscriptions.set(options.consumerKey, subscription);
    if (!(subscription instanceof BrowserSubscription)) {
      const watch = SlowConsumerWatch.of(subscription, this, this.#parts.term);
      if (watch !== undefined) this.#watches.set(subscription, watch);
    }
    const { term } = this.#parts;
    term.emit({
      type: 'consumer-added',
      destination: options.destination,
      connectionId: this.connectionId,
      consumerKey: options.consumerKey,
      isDurable: options.subscriptionName !== undefined,
    });
    // The caller gets its subscription before the sink gets its first message.
    term.endOfTurn.run(() => {
      subscription.resume();
    });
    this.#settleSubscribe(options, receipt);
    return subscription;
  }

  unsubscribe(subscriptionName: string, receipt?: Receipt): void {
    if (this.#isDone) return;
    const { term } = this.#parts;
    this.#orRefuse(receipt, undefined, () => {
      term.durables.unsubscribe(this, subscriptionName);
      term.writes.complete(receipt);
      term.writes.seal();
    });
  }

  beginTransaction(id: TransactionId): void {
    this.#requireOpen();
    if (id.kind === 'xa') {
      this.#parts.xa.begin(id, this);
      return;
    }
    const key = formatTransactionId(id);
    if (this.#transactions.has(key)) return;
    const { transactionsPerConnectionMax } = this.#parts.term.settings;
    if (this.#transactions.size >= transactionsPerConnectionMax) {
      throw new BrokerError(
        'BATON_LIMIT',
        `Connection ${this.connectionId} has ${transactionsPerConnectionMax} open transactions; "transactionsPerConnectionMax" allows no more`,
      );
    }
    this.#transactions.set(key, new Transaction(id, this.#parts.term, this.#parts.outcomes));
  }

  commitTransaction(id: TransactionId, receipt?: Receipt): void {
    if (this.#isDone) return;
    if (id.kind === 'xa') {
      this.#parts.xa.commitOnePhase(id, this, receipt ?? this.failures);
      return;
    }
    const transaction = this.#take(id);
    if (transaction === undefined) {
      this.refuse(unknownTransaction(id), receipt);
      return;
    }
    if (this.isReconnect && this.#parts.outcomes.of(transaction.key) !== 'unknown') {
      this.#settleRepeatedCommit(transaction, receipt);
      return;
    }
    const failure = transaction.failure;
    if (failure !== undefined) {
      transaction.rollBack();
      this.refuse(rolledBack(transaction.key, failure), receipt);
      return;
    }
    this.#parts.flow.commit(this, transaction, {
      proceed: () => {
        transaction.commit(this.#parts.router, receipt ?? this.failures);
      },
      refuse: (error) => {
        transaction.rollBack();
        this.refuse(rolledBack(transaction.key, error), receipt);
      },
    });
  }

  rollbackTransaction(id: TransactionId, receipt?: Receipt): void {
    if (this.#isDone) return;
    if (id.kind === 'xa') {
      this.#parts.xa.rollBack(id, receipt ?? this.failures);
      return;
    }
    const transaction = this.#take(id);
    if (transaction === undefined) {
      this.refuse(unknownTransaction(id), receipt);
      return;
    }
    transaction.rollBack();
    this.#parts.term.endOfTurn.settle(receipt);
  }

  prepareTransaction(id: XaTransactionId, receipt: PrepareReceipt): void {
    if (!this.#isDone) this.#parts.xa.prepare(id, this, receipt);
  }

  commitPreparedTransaction(id: XaTransactionId, receipt?: Receipt): void {
    if (!this.#isDone) this.#parts.xa.commitTwoPhase(id, this, receipt ?? this.failures);
  }

  failTransaction(id: TransactionId, reason: BrokerError): void {
    this.#openTransaction(id)?.fail(reason);
  }

  addDestination(target: Destination, receipt?: Receipt): void {
    if (this.#isDone) return;
    const { term } = this.#parts;
    this.#orRefuse(receipt, undefined, () => {
      term.destinations.add(target, this.connectionId);
      // Rides behind the record that makes the store know it.
      term.writes.complete(receipt);
      term.writes.seal();
    });
  }

  removeDestination(target: Destination, options: { isForced: boolean }, receipt?: Receipt): void {
    if (this.#isDone) return;
    const { term } = this.#parts;
    this.#orRefuse(receipt, undefined, () => {
      if (this.access !== undefined) term.destinations.requireRemovable(target, this);
      term.destinations.remove(target, this.connectionId, options.isForced);
      term.writes.complete(receipt);
      term.writes.seal();
    });
  }

  close(lastDelivered: number): void {
    if (this.#isClosed || this.#parts.term.isOver) return;
    this.#isClosed = true;
    const { term, flow } = this.#parts;
    const waiting = flow.forget(this);
    // None may be handed what the connection itself gives back.
    for (const subscription of this.#subscriptions.values()) subscription.halt();
    // Acks of open transactions are undone first, so that their messages go back with the others, in order.
    for (const each of [...waiting, ...this.#transactions.values()]) each.rollBack();
    this.#transactions.clear();
    this.#parts.xa.closed(this);
    for (const subscription of this.#subscriptions.values()) {
      subscription.stop(lastDelivered);
      this.removeSubscription(subscription);
    }
    for (const producer of this.#producers.values()) leavePlaces(producer);
    this.#producers.clear();
    term.destinations.removeOwned(this.connectionId);
    term.writes.seal();
    this.#parts.closed(this);
  }

  /** Ends it: its client did not do its part. */
  abort(reason: BrokerError): void {
    this.close(LAST_DELIVERED_UNKNOWN);
    this.#parts.term.endOfTurn.run(() => {
      this.control.disconnect(reason);
    });
  }

  /** Tells that a command was refused, at the end of the turn. Dooms the transaction it belonged to if nobody else is told. */
  refuse(error: BrokerError, receipt: Receipt | undefined, transaction?: TransactionId): void {
    if (receipt !== undefined) {
      this.#parts.term.endOfTurn.settle(receipt, error);
      return;
    }
    if (transaction !== undefined) this.failTransaction(transaction, error);
    this.#parts.term.endOfTurn.run(() => {
      this.control.failed(error);
    });
  }

  /** As {@link refuse}, for a send outside of transactions. */
  refuseSend(
    error: BrokerError,
    message: Message,
    { mark }: ProducerState,
    receipt: Receipt | undefined,
  ): void {
    if (mark?.isOf(message) === true) mark.refusedSends.add(message.id.producerSequence);
    this.refuse(error, receipt);
  }

  /** Lets a command change an open transaction; returns why it may not. */
  inTransaction(
    id: TransactionId,
    change: (transaction: Transaction) => void,
  ): BrokerError | undefined {
    const transaction = this.#openTransaction(id);
    // A client that came back repeats what it did before the prepare: all of that is in it.
    if (this.isReconnect && this.#parts.xa.isPrepared(formatTransactionId(id))) return undefined;
    if (transaction === undefined) return unknownTransaction(id);
    const { refusal } = transaction;
    if (refusal !== undefined) return refusal;
    change(transaction);
    return undefined;
  }

  hasTransaction(key: string): boolean {
    return this.#transactions.has(key);
  }

  /** Called by a subscription that closed. */
  removeSubscription(subscription: Subscription): void {
    const { consumerKey, destination, subscriptionName } = subscription.options;
    if (!this.#subscriptions.delete(consumerKey)) return;
    const { term } = this.#parts;
    term.destinations.unsubscribe(subscription);
    term.durables.deactivated(subscription);
    this.#watches.get(subscription)?.stop();
    this.#watches.delete(subscription);
    term.emit({
      type: 'consumer-removed',
      destination,
      connectionId: this.connectionId,
      consumerKey,
      isDurable: subscriptionName !== undefined,
    });
  }

  /** True if it has messages to ack. */
  get isOwingAcks(): boolean {
    for (const { dispatchedCount } of this.#subscriptions.values()) {
      if (dispatchedCount > 0) return true;
    }
    return false;
  }

  /** True if commands are not taken any more: their client learns of it by the end of its connection. */
  get #isDone(): boolean {
    return this.#isClosed || this.#parts.term.isOver || this.#parts.term.isDraining;
  }

  #requireOpen(): void {
    if (!this.#isDone) return;
    throw new BrokerError('BATON_CLOSED', `Connection ${this.connectionId} is closed`);
  }

  #settleSubscribe(
    { subscriptionName, destination }: SubscribeOptions,
    receipt: Receipt | undefined,
  ): void {
    const { writes, endOfTurn, destinations } = this.#parts.term;
    if (subscriptionName === undefined && !destinations.isOfVirtualTopic(destination)) {
      endOfTurn.settle(receipt);
      return;
    }
    // Behind what else the subscription has put off.
    endOfTurn.run(() => {
      writes.complete(receipt);
      writes.seal();
    });
  }

  #subscriptionFor(
    options: SubscribeOptions,
  ): BrowserSubscription | QueueSubscription | TopicSubscription {
    const { term } = this.#parts;
    if (options.subscriptionName !== undefined) {
      return term.durables.activate(options.subscriptionName, options, this);
    }
    if (options.isBrowser) {
      const queues = term.destinations.browsable(
        options.destination,
        this.connectionId,
        this.access,
      );
      return new BrowserSubscription(options, queues, this, term);
    }
    const subscription = isQueue(options.destination)
      ? new QueueSubscription(options, this, term)
      : new TopicSubscription(options, this, term);
    try {
      term.destinations.subscribe(subscription, this.connectionId, this.access);
    } catch (error) {
      term.destinations.unsubscribe(subscription);
      subscription.stop(0);
      throw error;
    }
    return subscription;
  }

  /** The message as the broker takes it from its sender. */
  #changed(sent: Message): Message {
    const { clock, settings } = this.#parts.term;
    const { populateJMSXUserID, timestamp, deadLetterQueue } = settings;
    const named = populateJMSXUserID ? { ...sent, userId: this.userName } : sent;
    if (!timestamp.isEnabled || sent.destination.name === deadLetterQueue) return named;
    return withBrokerTime(named, timestamp, clock.wallTime());
  }

  /** True if a message may go where it wants to; if not, that has been told. */
  #clear(
    access: Access,
    producer: ProducerState,
    message: Message,
    receipt: Receipt | undefined,
  ): boolean {
    let isCleared = false;
    this.#orRefuse(receipt, message.transactionId, () => {
      if (access.requireSend(message)) producer.cleared = message.destination;
      isCleared = true;
    });
    return isCleared;
  }

  #sendInTransaction(
    id: TransactionId,
    message: Message,
    producer: ProducerState,
    receipt: Receipt | undefined,
  ): void {
    this.#orRefuse(receipt, id, () => {
      this.#parts.router.check(message, producer);
      const refusal = this.inTransaction(id, (transaction) => {
        transaction.addSend(message, producer);
      });
      if (refusal !== undefined) throw refusal;
      this.#parts.term.endOfTurn.settle(receipt);
    });
  }

  /** A client that came back repeats a whole transaction: it takes effect once. */
  #settleRepeatedCommit(transaction: Transaction, receipt: Receipt | undefined): void {
    const { outcomes, term } = this.#parts;
    transaction.rollBack();
    term.writes.complete(
      new RepeatedCommit(transaction.key, outcomes, receipt ?? this.failures, () =>
        rolledBack(transaction.key, noRoom()),
      ),
    );
    term.writes.seal();
  }

  /**
   * A client that came back may repeat what the store already has. Sends of a transaction are no such
   * case: the mark says nothing about them before they are committed, and then the outcome of
   * the transaction does.
   */
  #isRepeated(message: Message, producer: ProducerState): producer is MarkedProducer {
    const { mark } = producer;
    if (!this.isReconnect || mark === undefined) return false;
    return isRepeated(message, mark, this.#parts.router);
  }

  #settleRepeated(message: Message, mark: ProducerMark, receipt: Receipt | undefined): void {
    const { writes } = this.#parts.term;
    const outcome = receipt ?? this.failures;
    writes.complete(new RepeatedSend(mark, message.id.producerSequence, outcome, noRoom));
    writes.seal();
  }

  #orRefuse(
    receipt: Receipt | undefined,
    transaction: TransactionId | undefined,
    command: () => void,
  ): void {
    try {
      command();
    } catch (error) {
      if (!isBrokerError(error)) throw error;
      this.refuse(error, receipt, transaction);
    }
  }

  #openTransaction(id: TransactionId): Transaction | undefined {
    const key = formatTransactionId(id);
    return id.kind === 'xa' ? this.#parts.xa.open(key) : this.#transactions.get(key);
  }

  #take(id: TransactionId): Transaction | undefined {
    const key = formatTransactionId(id);
    const transaction = this.#transactions.get(key);
    this.#transactions.delete(key);
    return transaction;
  }
}

/** A producer that may repeat what it sent. */
type MarkedProducer = ProducerState & { readonly mark: ProducerMark };

/** A subscription as its connection needs it. */
export interface ClosableSubscription extends Subscription {
  /** Messages that its client has and has not acked. */
  readonly dispatchedCount: number;
  /** Takes no more messages. */
  halt(): void;
  /** Closes without telling the connection. */
  stop(lastDelivered: number): void;
}

function leavePlaces(producer: ProducerState): void {
  for (const places of producer.places ?? []) places.leave(producer);
}

function requireSupported(options: SubscribeOptions): void {
  const { destination } = options;
  const kinds = new Set(compositeParts(destination).map(isQueue));
  if (kinds.size > 1) throw unsupported('Consumers of both queues and topics');
}

function unsupported(feature: string): BrokerError {
  return new BrokerError('BATON_UNSUPPORTED', `${feature} are not supported by this broker`, {
    details: { feature },
  });
}

function unknownProducer({ producerId }: Message): BrokerError {
  return new BrokerError(
    'BATON_INVALID_STATE',
    `Producer ${producerId.key} sent a message before it was added to its connection`,
    { details: { producer: producerId.key } },
  );
}

function unknownTransaction(id: TransactionId): BrokerError {
  const transaction = formatTransactionId(id);
  return new BrokerError(
    'BATON_UNKNOWN_TRANSACTION',
    `Transaction '${transaction}' has not been started`,
    { details: { transaction } },
  );
}

function noRoom(): BrokerError {
  return new BrokerError('BATON_STORE_FULL', 'What was sent first found no room');
}

function rolledBack(transaction: string, cause: BrokerError): BrokerError {
  return new BrokerError(
    'BATON_TRANSACTION_ROLLED_BACK',
    `Transaction ${transaction} was rolled back: ${cause.message}`,
    { details: { transaction, reason: cause.code }, cause },
  );
}
