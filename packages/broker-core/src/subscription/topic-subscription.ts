import { compositeParts, type BrokerError, type ConnectionId, type Message } from '@batonmq/model';
import type { CancelTimer } from '@batonmq/runtime';
import type { ClientConnection } from '../connection/client-connection.ts';
import type { Receipt } from '../connection/connection.ts';
import { Deque } from '../dispatch/deque.ts';
import type { Topic, TopicMessage } from '../destination/topic.ts';
import { messageFilter, type MessageFilter } from '../message/message-filter.ts';
import type { TermParts } from '../term-parts.ts';
import { DispatchCredit, PULL_WITHOUT_WAIT } from './dispatch-credit.ts';
import { PendingLimit } from './pending-limit.ts';
import type { WatchedSubscription } from './slow-consumer-watch.ts';
import type { Ack, SubscribeOptions } from './subscription.ts';

/**
 * A non-durable consumer of topics. What it cannot take yet waits in its own backlog, which counts in
 * the memory of the topic. Acks only count: nothing is ever sent to it again.
 */
export class TopicSubscription implements WatchedSubscription {
  readonly options: SubscribeOptions;
  readonly #connection: ClientConnection;
  readonly #parts: TermParts;
  readonly #topics = new Set<Topic>();
  readonly #backlog = new Deque<TopicMessage>();
  /** Before this moment nothing in the backlog expires: milliseconds since 1970. */
  #nothingExpiresBefore = Infinity;
  readonly #credit: DispatchCredit;
  readonly #isSelected: MessageFilter | undefined;
  readonly #limit: PendingLimit;
  /** What topics kept for it and is still on its way: nothing may overtake it. */
  #awaitedPastCount = 0;
  #discardedCount = 0;
  #isBehind = false;
  #isDispatching = false;
  #isClosed = false;
  /** Set while it holds up senders; when it fires it is slow. */
  #cancelSlowTimer: CancelTimer | undefined;
  #isLosing = false;

  constructor(options: SubscribeOptions, connection: ClientConnection, parts: TermParts) {
    this.options = options;
    this.#connection = connection;
    this.#parts = parts;
    const { clock, settings } = parts;
    const [destination = options.destination] = compositeParts(options.destination);
    const policy = parts.policies.of(destination);
    this.#credit = new DispatchCredit(
      options.prefetchCount,
      options.sink,
      clock,
      policy.topicPrefetch,
    );
    this.#isSelected = messageFilter(options.selector);
    const { topicBacklogMessages } = settings;
    this.#limit = new PendingLimit(
      policy,
      options.maximumPendingMessages ?? 0,
      topicBacklogMessages,
    );
  }

  get connectionId(): ConnectionId {
    return this.#connection.connectionId;
  }

  get clientId(): string {
    return this.#connection.clientId;
  }

  get isSlow(): boolean {
    return this.#backlog.length > 0 && this.#credit.isExhausted;
  }

  get dispatchedCount(): number {
    return this.#credit.dispatchedCount;
  }

  get settledCount(): number {
    return this.#credit.settledCount;
  }

  attach(topic: Topic): void {
    if (this.#topics.has(topic)) return;
    this.#topics.add(topic);
    topic.attach(this);
  }

  /** Nothing is delivered until what comes before it is inserted with the function returned. */
  awaitPast(): (past: readonly TopicMessage[]) => void {
    this.#awaitedPastCount += 1;
    return (past) => {
      this.#awaitedPastCount -= 1;
      if (!this.#isClosed) this.#insertPast(past);
    };
  }

  /** A topic it listens to was removed. True if it listens to nothing any more. */
  detach(topic: Topic): boolean {
    topic.subscriptions.delete(this);
    this.#topics.delete(topic);
    return this.#topics.size === 0;
  }

  /** Called by topics for each message, in order. False if it is not for this consumer. */
  offer(delivery: TopicMessage): boolean {
    if (!this.#wants(delivery.message)) return false;
    if (this.#backlog.length === 0 && this.#awaitedPastCount === 0 && this.#credit.hasRoom) {
      this.#deliver(delivery);
      return true;
    }
    this.#keep(delivery);
    if (!this.#isBehind && this.#credit.isExhausted) this.#fallBehind();
    if (this.#isLosing) this.#dropAsSlow();
    else this.#keepLimit();
    return true;
  }

  /** The memory of one of its topics is full: it has a time to take something, or it is slow. */
  holdsUpSenders(): void {
    if (this.#backlog.length === 0 || this.#isLosing) return;
    const { slowConsumerTimeoutMs } = this.#parts.settings;
    this.#cancelSlowTimer ??= this.#parts.clock.setTimer(slowConsumerTimeoutMs, () => {
      this.#cancelSlowTimer = undefined;
      if (this.#isClosed || this.#parts.isOver) return;
      this.#isLosing = true;
      this.#parts.logger.log('warn', 'a slow consumer loses its oldest messages', {
        connectionId: this.#connection.connectionId,
        consumerKey: this.options.consumerKey,
        destination: this.options.destination.key,
      });
      this.#dropAsSlow();
    });
  }

  ack(ack: Ack, receipt?: Receipt): void {
    switch (ack.kind) {
      case 'redelivered':
        break;
      case 'delivered':
        this.#credit.extend(ack.messageCount);
        break;
      case 'standard':
      case 'individual':
      case 'poison':
      case 'expired': {
        const count = ack.kind === 'individual' ? 1 : ack.messageCount;
        if (ack.transactionId === undefined) {
          this.acked(count);
          break;
        }
        const error = this.#connection.inTransaction(ack.transactionId, (transaction) => {
          transaction.addTopicAck(this, count);
        });
        if (error !== undefined) {
          this.#connection.refuse(error, receipt, ack.transactionId);
          return;
        }
        break;
      }
    }
    this.#parts.endOfTurn.settle(receipt);
    this.#dispatch();
  }

  /** Messages that were sent to it are dealt with. */
  acked(count: number): void {
    this.#credit.settle(count);
    this.#dispatch();
  }

  pull(timeoutMs: number): void {
    this.#credit.pull(timeoutMs);
    this.#dispatch();
    if (timeoutMs === PULL_WITHOUT_WAIT) this.#credit.exhaust();
  }

  setPrefetch(prefetchCount: number): void {
    this.#credit.prefetchCount = prefetchCount;
    this.#dispatch();
  }

  resume(): void {
    this.#dispatch();
  }

  close(): void {
    if (this.#isClosed) return;
    this.stop();
    this.#connection.removeSubscription(this);
  }

  halt(): void {
    this.#credit.close();
  }

  /** Leaves its topics and drops what it holds. */
  stop(): void {
    this.#isClosed = true;
    this.#credit.close();
    this.#cancelSlowTimer?.();
    for (const topic of this.#topics) topic.subscriptions.delete(this);
    this.#topics.clear();
    for (const { topic, bytes } of this.#backlog) topic?.memory.remove(bytes);
    this.#backlog.clear();
  }

  end(reason: BrokerError): void {
    this.close();
    this.options.sink.ended(reason);
  }

  #dispatch(): void {
    if (this.#isDispatching || this.#isClosed || this.#awaitedPastCount > 0) return;
    this.#isDispatching = true;
    while (this.#backlog.length > 0 && this.#credit.hasRoom) {
      const delivery = this.#backlog.shift();
      if (delivery === undefined) break;
      delivery.topic?.memory.remove(delivery.bytes);
      if (this.#isExpired(delivery.message)) this.#tellExpired(delivery);
      else this.#deliver(delivery);
    }
    if (this.#backlog.length === 0) this.#isBehind = false;
    this.#isDispatching = false;
  }

  #insertPast(past: readonly TopicMessage[]): void {
    const waiting = [...this.#backlog];
    this.#backlog.clear();
    for (const delivery of past) {
      if (this.#wants(delivery.message)) this.#keep(delivery);
    }
    for (const delivery of waiting) this.#backlog.push(delivery);
    this.#dispatch();
    this.#keepLimit();
  }

  #keep(delivery: TopicMessage): void {
    delivery.topic?.memory.add(delivery.bytes);
    this.#backlog.push(delivery);
    this.#willExpire(delivery.message);
  }

  #willExpire({ expiration }: Message): void {
    if (expiration !== 0 && expiration < this.#nothingExpiresBefore) {
      this.#nothingExpiresBefore = expiration;
    }
  }

  #fallBehind(): void {
    this.#isBehind = true;
    const { destination, consumerKey } = this.options;
    const { connectionId } = this.#connection;
    this.#parts.emit({ type: 'consumer-slow', destination, connectionId, consumerKey });
  }

  /** Without a limit of its own policy the broker's holds. */
  #keepLimit(): void {
    const limit = this.#limit.of(this.#credit.prefetchCount);
    if (this.#backlog.length > Math.min(limit, this.#limit.expiredWatermark)) this.#dropExpired();
    while (this.#backlog.length > limit) {
      for (const delivery of this.#limit.evict(this.#backlog)) this.#discard(delivery);
    }
  }

  #deliver(delivery: TopicMessage): void {
    this.#cancelSlowTimer?.();
    this.#cancelSlowTimer = undefined;
    this.#isLosing = false;
    this.#credit.spend();
    delivery.topic?.watch?.dispatched(delivery.destination, delivery.message, this);
    this.options.sink.deliver(delivery);
  }

  /** Large messages may fill memory with less than a slow consumer may keep: then it keeps less. */
  #dropAsSlow(): void {
    this.#dropBeyond(this.#parts.settings.slowConsumerBacklogMessages);
    while (this.#backlog.peek()?.topic?.memory.isFull === true)
      this.#dropBeyond(this.#backlog.length - 1);
  }

  #dropBeyond(messageCount: number): void {
    while (this.#backlog.length > messageCount) {
      const oldest = this.#backlog.shift();
      if (oldest !== undefined) this.#discard(oldest);
    }
  }

  /** Looks through the backlog, unless nothing in it can have expired. */
  #dropExpired(): void {
    if (this.#nothingExpiresBefore === Infinity) return;
    if (this.#nothingExpiresBefore > this.#parts.clock.wallTime()) return;
    this.#nothingExpiresBefore = Infinity;
    this.#backlog.filter((delivery) => {
      if (!this.#isExpired(delivery.message)) {
        this.#willExpire(delivery.message);
        return true;
      }
      delivery.topic?.memory.remove(delivery.bytes);
      this.#tellExpired(delivery);
      return false;
    });
  }

  #tellExpired({ destination, message }: TopicMessage): void {
    this.#parts.emit({ type: 'message-expired', destination, message });
  }

  #discard({ message, destination, topic, bytes }: TopicMessage): void {
    this.#discardedCount += 1;
    if (topic !== undefined) {
      topic.memory.remove(bytes);
      topic.discardedCount += 1;
    }
    this.#parts.emit({
      type: 'message-discarded',
      destination,
      connectionId: this.#connection.connectionId,
      consumerKey: this.options.consumerKey,
      message,
      discardedCount: this.#discardedCount,
    });
  }

  #wants(message: Message): boolean {
    if (this.options.isNoLocal && this.#isOwn(message)) return false;
    return this.#isSelected?.(message) !== false;
  }

  #isExpired(message: Message): boolean {
    return message.expiration !== 0 && message.expiration <= this.#parts.clock.wallTime();
  }

  #isOwn(message: Message): boolean {
    return message.producerId.connectionId === this.#connection.connectionId;
  }
}
