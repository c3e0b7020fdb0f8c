import type { BrokerError, Message } from '@batonmq/model';
import type { CancelTimer } from '@batonmq/runtime';
import type { ClientConnection } from '../connection/client-connection.ts';
import type { Receipt } from '../connection/connection.ts';
import { Deque } from '../destination/deque.ts';
import type { Topic, TopicMessage } from '../destination/topic.ts';
import { messageFilter, type MessageFilter } from '../message/message-filter.ts';
import type { TermParts } from '../term-parts.ts';
import { DispatchCredit, PULL_WITHOUT_WAIT } from './dispatch-credit.ts';
import type { Ack, SubscribeOptions, Subscription } from './subscription.ts';

/**
 * A non-durable consumer of topics. What it cannot take yet waits in its own backlog, which counts in
 * the memory of the topic. Acks only count: nothing is ever sent to it again.
 */
export class TopicSubscription implements Subscription {
  readonly options: SubscribeOptions;
  readonly #connection: ClientConnection;
  readonly #parts: TermParts;
  readonly #topics = new Set<Topic>();
  readonly #backlog = new Deque<TopicMessage>();
  readonly #credit: DispatchCredit;
  readonly #isSelected: MessageFilter | undefined;
  #isDispatching = false;
  #isClosed = false;
  /** Set while it holds up senders; when it fires it is slow. */
  #cancelSlowTimer: CancelTimer | undefined;
  #isSlow = false;

  constructor(options: SubscribeOptions, connection: ClientConnection, parts: TermParts) {
    this.options = options;
    this.#connection = connection;
    this.#parts = parts;
    this.#credit = new DispatchCredit(options.prefetchCount, options.sink, parts.clock);
    this.#isSelected = messageFilter(options.selector);
  }

  attach(topic: Topic): void {
    this.#topics.add(topic);
    topic.subscriptions.add(this);
  }

  /** A topic it listens to was removed. True if it listens to nothing any more. */
  detach(topic: Topic): boolean {
    topic.subscriptions.delete(this);
    this.#topics.delete(topic);
    return this.#topics.size === 0;
  }

  /** Called by topics for each message, in order. */
  offer(delivery: TopicMessage): void {
    if (this.options.isNoLocal && this.#isOwn(delivery.message)) return;
    if (this.#isSelected?.(delivery.message) === false) return;
    if (this.#backlog.length === 0 && this.#credit.hasRoom) {
      this.#deliver(delivery);
      return;
    }
    delivery.memory?.add(delivery.bytes);
    this.#backlog.push(delivery);
    if (this.#isSlow) this.#dropAsSlow();
    else this.#dropBeyond(this.#parts.settings.topicBacklogMessages);
  }

  /** The memory of one of its topics is full: it has a time to take something, or it is slow. */
  holdsUpSenders(): void {
    if (this.#backlog.length === 0 || this.#isSlow) return;
    const { slowConsumerTimeoutMs } = this.#parts.settings;
    this.#cancelSlowTimer ??= this.#parts.clock.setTimer(slowConsumerTimeoutMs, () => {
      this.#cancelSlowTimer = undefined;
      if (this.#isClosed || this.#parts.isOver) return;
      this.#isSlow = true;
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
    this.#dropBeyond(0);
  }

  end(reason: BrokerError): void {
    this.close();
    this.options.sink.ended(reason);
  }

  #dispatch(): void {
    if (this.#isDispatching || this.#isClosed) return;
    this.#isDispatching = true;
    while (this.#backlog.length > 0 && this.#credit.hasRoom) {
      const delivery = this.#backlog.shift();
      if (delivery === undefined) break;
      delivery.memory?.remove(delivery.bytes);
      if (!this.#isExpired(delivery.message)) this.#deliver(delivery);
    }
    this.#isDispatching = false;
  }

  #deliver(delivery: TopicMessage): void {
    this.#cancelSlowTimer?.();
    this.#cancelSlowTimer = undefined;
    this.#isSlow = false;
    this.#credit.spend();
    this.options.sink.deliver(delivery);
  }

  /** Large messages may fill memory with less than a slow consumer may keep: then it keeps less. */
  #dropAsSlow(): void {
    this.#dropBeyond(this.#parts.settings.slowConsumerBacklogMessages);
    while (this.#backlog.peek()?.memory?.isFull === true)
      this.#dropBeyond(this.#backlog.length - 1);
  }

  #dropBeyond(messageCount: number): void {
    while (this.#backlog.length > messageCount) {
      const oldest = this.#backlog.shift();
      oldest?.memory?.remove(oldest.bytes);
    }
  }

  #isExpired(message: Message): boolean {
    return message.expiration !== 0 && message.expiration <= this.#parts.clock.wallTime();
  }

  #isOwn(message: Message): boolean {
    return message.producerId.connectionId === this.#connection.connectionId;
  }
}
