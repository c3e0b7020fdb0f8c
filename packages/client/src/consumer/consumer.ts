import { BrokerError, type Destination } from '@batonmq/model';
import {
  ACK_TYPE,
  command,
  type Command,
  type ConsumerInfo,
  type LocalTransactionId,
  type MessageAck,
  type MessageDispatch,
} from '@batonmq/openwire';
import type { CancelTimer, Clock } from '@batonmq/runtime';
import type { Channel, ReplayCommand } from '../connection/channel.ts';
import { waitFor, type CallOptions } from '../deadline.ts';
import { asError, closedError, lookedAfter } from '../errors.ts';
import { ReceivedMessage, type DeliveryOwner } from '../message/received-message.ts';
import type { AcknowledgeMode, Session } from '../session/session.ts';
import type { Transaction } from '../session/transaction.ts';
import { AckRange } from './ack-range.ts';
import { MessageLoop } from './message-loop.ts';
import { isExhausted, redeliveryDelay, type RedeliveryPolicy } from './redelivery-policy.ts';

export interface ConsumerOptions extends CallOptions {
  /**
   * Messages the broker may have on their way to this consumer. 0: each is asked for. Larger: more
   * speed, less even shares between consumers. @defaultValue `jms.prefetchPolicy`: queue 1000,
   * topic 32767, durable 100
   */
  readonly prefetchCount?: number;
  /** SQL-92 condition on headers and properties. */
  readonly selector?: string;
  /** Makes the subscription to a topic durable under this name and the connection's client id. */
  readonly subscriptionName?: string;
  /** Leave out what this connection sent itself. @defaultValue false */
  readonly noLocal?: boolean;
  /** All messages of the queue go to one such consumer. @defaultValue `jms.exclusiveConsumer`, false */
  readonly isExclusive?: boolean;
  /** -128 to 127; greater is served first. @defaultValue 0 */
  readonly priority?: number;
  /** On a topic: also what the broker kept from before, if it does. @defaultValue false */
  readonly isRetroactive?: boolean;
  /**
   * On a topic: messages beyond the prefetch that the broker keeps for this consumer at most; then the oldest go.
   * 0 is what its policies say. @defaultValue 0
   */
  readonly maximumPendingMessages?: number;
}

export const CONSUMER_OPTION_NAMES = {
  prefetchCount: true,
  selector: true,
  subscriptionName: true,
  noLocal: true,
  isExclusive: true,
  priority: true,
  isRetroactive: true,
  maximumPendingMessages: true,
  timeoutMs: true,
  signal: true,
} satisfies Record<keyof ConsumerOptions, true>;

/** What a consumer uses of its connection. */
export interface ConsumerContext {
  readonly channel: Channel;
  readonly clock: Clock;
  readonly session: Session;
  readonly redelivery: RedeliveryPolicy;
  readonly requestTimeoutMs: number;
  /** It gets nothing any more and is no part of a replay. */
  ended(consumer: Consumer): void;
  /** Ends it at the broker. */
  remove(lastDelivered: number, options: CallOptions): Promise<void>;
  ackLater(consumer: Consumer): void;
  reportError(error: Error): void;
}

interface Waiter {
  resolve(message: ReceivedMessage | undefined): void;
  reject(error: Error): void;
  /** By the clock; what waits for ever has none. */
  readonly deadline: number;
}

/** In `dups-ok`, acks wait at most this long. */
const LAZY_ACK_MS = 300;

/**
 * Receives messages: `for await`, {@link receive}, or {@link listen}; one of them at a time.
 *
 * A message passes through `buffered` (here, not yet given to the application) and `delivered`
 * (given, not yet acknowledged). Both are kept in the broker's dispatch order, because an ack names
 * the first and last of a range in that order. An interruption empties both: the broker delivers
 * all of it again.
 */
export class Consumer implements DeliveryOwner, AsyncIterable<ReceivedMessage> {
  readonly destination: Destination;
  /** For the connection: how it is announced to a broker. */
  readonly info: ConsumerInfo;
  /** For the connection: set once the broker has accepted it; only then it is part of a replay. */
  isConfirmed = false;
  readonly #context: ConsumerContext;
  readonly #mode: AcknowledgeMode | 'transacted';
  #prefetchCount: number;
  /** At most the prefetch count, plus what DELIVERED acks extend it by. */
  #buffered: ReceivedMessage[] = [];
  #delivered: ReceivedMessage[] = [];
  /** Acked within the transaction being ended; they come back if it is rolled back. */
  #ackedInTransaction: ReceivedMessage[] = [];
  /** Delivered and dealt with, not yet told to the broker (modes auto and dups-ok). */
  readonly #done = new AckRange();
  /** Delivered since the broker was last told that the window may move on. */
  readonly #windowed = new AckRange();
  #waiters: Waiter[] = [];
  #epoch = 0;
  #lastDelivered = -1;
  /** Set while a redelivery is waited for. */
  #cancelPause: CancelTimer | undefined;
  /** The broker was asked for a message and has not answered; only without a window. */
  #hasPull = false;
  #cancelLazyAck: CancelTimer | undefined;
  #end: { readonly error: Error | undefined } | undefined;

  /** Use `createConsumer` of a session or connection. */
  constructor(info: ConsumerInfo, destination: Destination, context: ConsumerContext) {
    this.info = info;
    this.destination = destination;
    this.#context = context;
    this.#prefetchCount = info.prefetchSize;
    this.#mode = context.session.isTransacted ? 'transacted' : context.session.acknowledgeMode;
  }

  /** Messages that are here and were not given to the application yet. */
  get bufferedCount(): number {
    return this.#buffered.length;
  }

  /**
   * The next message, or `undefined` if none came in time.
   *
   * @param options - `timeoutMs` 0 looks without waiting; default is the connection's request timeout.
   * @throws (rejects) BrokerError `BATON_ABORTED`, `BATON_CLOSED`, or why the consumer ended.
   */
  receive(options: CallOptions = {}): Promise<ReceivedMessage | undefined> {
    return lookedAfter(this.#receive(options));
  }

  /** Messages until the consumer is closed. Leaving the loop early gives the message in hand back. */
  [Symbol.asyncIterator](): AsyncIterator<ReceivedMessage, undefined> {
    return this.messages();
  }

  /** As the consumer itself, ended by a signal as well. */
  messages({ signal }: { signal?: AbortSignal } = {}): AsyncIterableIterator<
    ReceivedMessage,
    undefined
  > {
    return new MessageLoop(
      {
        next: (ending) => this.#next({ signal: ending }),
        finish: (message) => {
          this.#finish(message);
        },
        giveBack: (message) => {
          this.#giveBack(message);
        },
        failure: () => this.#end?.error,
      },
      signal,
    );
  }

  /**
   * Calls `handle` for each message, one after the other. When its promise resolves the message is
   * done (mode `auto`); when it rejects the message is delivered again, after the redelivery policy's
   * delay, until the limit sends it to the dead letter queue.
   *
   * @returns a function that stops it.
   */
  listen(handle: (message: ReceivedMessage) => Promise<void> | void): () => void {
    const stop = new AbortController();
    void this.#listen(handle, stop.signal);
    return () => {
      stop.abort();
    };
  }

  async close(options: CallOptions = {}): Promise<void> {
    if (this.#end !== undefined) return;
    this.flushAcks();
    this.#finishWith(undefined);
    const removed = this.#context.remove(this.#lastDelivered, options);
    this.#context.ended(this);
    if (this.#context.channel.failure === undefined) await removed;
    else await removed.catch(() => undefined);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  // DeliveryOwner

  isStale(delivery: ReceivedMessage): boolean {
    return delivery.epoch !== this.#epoch;
  }

  acknowledge(delivery: ReceivedMessage, options: CallOptions): Promise<void> {
    if (this.isStale(delivery)) return lookedAfter(Promise.reject(this.#staleError(delivery)));
    switch (this.#mode) {
      case 'transacted':
        return Promise.resolve();
      case 'auto':
      case 'dups-ok':
        this.#finish(delivery);
        return Promise.resolve();
      case 'individual':
        return lookedAfter(this.#acknowledgeOne(delivery, options));
      case 'client':
        return lookedAfter(this.#acknowledgeSession(options));
    }
  }

  // For the connection and the session

  dispatched({ message, redeliveryCounter }: MessageDispatch): void {
    this.#hasPull = false;
    if (message === null) this.#endPull();
    else this.#buffered.push(new ReceivedMessage(message, redeliveryCounter, this.#epoch, this));
    this.#serve();
  }

  /** The broker changed the window. */
  windowChanged(prefetchCount: number): void {
    this.#prefetchCount = prefetchCount;
    this.#pullForFirst();
  }

  /** Tells the broker what was done since the last time; all of a turn's deliveries in one ack. */
  flushAcks(): void {
    this.#cancelLazyAck?.();
    this.#cancelLazyAck = undefined;
    const range = this.#done.take();
    if (range !== undefined) this.#context.channel.post(this.#ack(ACK_TYPE.standard, range));
  }

  acknowledgeTransaction(transaction: Transaction): void {
    const range = AckRange.over(this.#delivered);
    this.#windowed.take();
    if (range === undefined) return;
    this.#context.channel.post(this.#ack(ACK_TYPE.standard, range, transaction.id));
    this.#ackedInTransaction = this.#delivered;
    this.#delivered = [];
  }

  transactionEnded(): void {
    this.#ackedInTransaction = [];
  }

  /** Gives what was delivered and not acknowledged to the application again, oldest first. */
  redeliver(): void {
    const again = [...this.#ackedInTransaction, ...this.#delivered];
    this.#ackedInTransaction = [];
    this.#delivered = [];
    this.#windowed.take();
    this.#redeliver(again);
  }

  interrupted(): void {
    this.#epoch++;
    this.#buffered = [];
    this.#delivered = [];
    this.#ackedInTransaction = [];
    this.#done.take();
    this.#windowed.take();
    this.#cancelLazyAck?.();
    this.#cancelLazyAck = undefined;
    this.#cancelPause?.();
    this.#cancelPause = undefined;
    this.#lastDelivered = -1;
    this.#hasPull = false;
  }

  /** Comes without a window, which {@link afterReplay} opens: no message may overtake the replay. */
  *replay(): Iterable<ReplayCommand> {
    if (!this.isConfirmed) return;
    yield {
      command: { ...this.info, prefetchSize: 0 },
      refused: (error) => {
        this.failed(error);
      },
    };
  }

  *afterReplay(): Iterable<Command> {
    const { consumerId, destination } = this.info;
    if (this.#prefetchCount > 0) {
      yield command('ConsumerControl', { consumerId, destination, prefetch: this.#prefetchCount });
      return;
    }
    const [first] = this.#waiters;
    if (first === undefined) return;
    this.#hasPull = true;
    yield this.#pull(this.#timeoutFor(first));
  }

  /** Ends it for good: whoever waits is told. */
  failed(error: Error): void {
    if (this.#end !== undefined) return;
    this.#finishWith(error);
    this.#context.ended(this);
  }

  // Receiving

  async #receive(options: CallOptions): Promise<ReceivedMessage | undefined> {
    const timeoutMs = options.timeoutMs ?? this.#context.requestTimeoutMs;
    let message: ReceivedMessage | undefined;
    try {
      message = await this.#next({ ...options, timeoutMs });
    } catch (thrown) {
      if (thrown instanceof BrokerError && thrown.code === 'BATON_TIMEOUT') return undefined;
      throw thrown;
    }
    this.#finish(message);
    return message;
  }

  #next(options: CallOptions): Promise<ReceivedMessage | undefined> {
    if (this.#end !== undefined)
      return Promise.reject(this.#end.error ?? closedError('The consumer'));
    const mustWait = this.#cancelPause !== undefined || this.#waiters.length > 0;
    const ready = mustWait ? undefined : this.#take();
    if (ready !== undefined) return Promise.resolve(ready);
    const { clock } = this.#context;
    const { timeoutMs = -1 } = options;
    const isPulling = this.#prefetchCount === 0 && this.#buffered.length === 0;
    if (timeoutMs === 0 && !isPulling) return Promise.resolve(undefined);
    const waiter: Waiter = {
      resolve: () => undefined,
      reject: () => undefined,
      deadline: timeoutMs < 0 ? Infinity : clock.now() + timeoutMs,
    };
    const wait = waitFor<ReceivedMessage | undefined>(
      clock,
      'A receive',
      isPulling ? pullOptions(options) : options,
      () => {
        const isFirst = this.#waiters[0] === waiter;
        this.#waiters = this.#waiters.filter((other) => other !== waiter);
        // The broker would still send what nobody waits for, and nobody else would get it.
        if (isFirst) this.#pullForFirst();
      },
    );
    waiter.resolve = wait.resolve;
    waiter.reject = wait.reject;
    this.#waiters.push(waiter);
    if (this.#waiters[0] === waiter) this.#pullForFirst();
    return wait.promise;
  }

  /**
   * A consumer without a window gets one message for each pull, and each replaces the one before: there is
   * one for the first who waits, or one that ends the last if nobody does.
   */
  #pullForFirst(): void {
    if (this.#prefetchCount > 0 || this.#buffered.length > 0) return;
    const [first] = this.#waiters;
    if (first === undefined && !this.#hasPull) return;
    this.#hasPull = first !== undefined;
    const timeout = first === undefined ? PULL.withoutWait : this.#timeoutFor(first);
    this.#context.channel.post(this.#pull(timeout));
  }

  #timeoutFor({ deadline }: Waiter): number {
    if (deadline === Infinity) return PULL.forEver;
    const leftMs = Math.ceil(deadline - this.#context.clock.now());
    return leftMs > 0 ? leftMs : PULL.withoutWait;
  }

  /** The broker had nothing: so did the first in line, unless this was still the end of an earlier pull. */
  #endPull(): void {
    const [first] = this.#waiters;
    if (first === undefined || first.deadline > this.#context.clock.now()) return;
    this.#waiters.shift();
    first.resolve(undefined);
  }

  #pull(timeout: number): ReturnType<typeof command<'MessagePull'>> {
    const { consumerId, destination } = this.info;
    return command('MessagePull', { consumerId, destination, timeout });
  }

  #serve(): void {
    while (this.#waiters.length > 0 && this.#cancelPause === undefined) {
      const message = this.#take();
      if (message === undefined) break;
      this.#waiters.shift()?.resolve(message);
    }
    if (this.#waiters.length > 0 && !this.#hasPull) this.#pullForFirst();
  }

  /** Takes the next message that is not dead, and notes it as delivered. */
  #take(): ReceivedMessage | undefined {
    for (;;) {
      const message = this.#buffered.shift();
      if (message === undefined) return undefined;
      if (message.expiration === 0 || message.expiration >= this.#context.clock.wallTime()) {
        this.#noteDelivered(message);
        return message;
      }
      this.#context.channel.post(this.#ack(ACK_TYPE.expired, new AckRange(message).take()));
    }
  }

  #noteDelivered(message: ReceivedMessage): void {
    this.#lastDelivered = Number(message.wire.messageId?.brokerSequenceId ?? -1);
    this.#delivered.push(message);
    if (this.#mode === 'auto' || this.#mode === 'dups-ok') return;
    const transaction = this.#context.session.transactionForWork();
    transaction?.delivered();
    // Half a window was handed out and not acked yet: let the broker send that much more.
    this.#windowed.add(message);
    if (this.#prefetchCount === 0 || this.#windowed.count * 2 < this.#prefetchCount) return;
    const range = this.#windowed.take();
    this.#context.channel.post(this.#ack(ACK_TYPE.delivered, range, transaction?.id));
  }

  async #listen(
    handle: (message: ReceivedMessage) => Promise<void> | void,
    signal: AbortSignal,
  ): Promise<void> {
    try {
      for (;;) {
        const message = await this.#next({ signal });
        if (message === undefined) continue;
        try {
          await handle(message);
          this.#finish(message);
        } catch (thrown) {
          this.#context.reportError(asError(thrown));
          if (this.#mode === 'auto' || this.#mode === 'dups-ok') this.#giveBack(message);
        }
      }
    } catch (thrown) {
      if (!signal.aborted && this.#end?.error !== undefined)
        this.#context.reportError(asError(thrown));
    }
  }

  // Acknowledging

  /** The application is done with a message, in the modes where that is all it takes. */
  #finish(message: ReceivedMessage | undefined): void {
    if (message === undefined || (this.#mode !== 'auto' && this.#mode !== 'dups-ok')) return;
    const index = this.#delivered.indexOf(message);
    if (index < 0) return;
    this.#delivered.splice(index, 1);
    this.#done.add(message);
    if (this.#mode === 'auto' || this.#done.count * 2 >= this.#prefetchCount) {
      this.#context.ackLater(this);
    } else {
      this.#cancelLazyAck ??= this.#context.clock.setTimer(LAZY_ACK_MS, () => {
        this.flushAcks();
      });
    }
  }

  /** The application did not finish a message: it comes first when it asks again. */
  #giveBack(message: ReceivedMessage | undefined): void {
    if (message === undefined || this.isStale(message)) return;
    if (this.#mode !== 'auto' && this.#mode !== 'dups-ok') return;
    const index = this.#delivered.indexOf(message);
    if (index < 0) return;
    this.#delivered.splice(index, 1);
    this.#redeliver([message]);
  }

  #redeliver(messages: readonly ReceivedMessage[]): void {
    const { redelivery, channel, clock } = this.#context;
    const again: ReceivedMessage[] = [];
    for (const message of messages) {
      message.redeliveryCount++;
      if (!isExhausted(redelivery, message.redeliveryCount)) again.push(message);
      else {
        this.flushAcks();
        channel.post({
          ...this.#ack(ACK_TYPE.poison, new AckRange(message).take()),
          poisonCause: {
            className: 'java.lang.Throwable',
            message: `Delivery[${message.redeliveryCount}] exceeds redelivery policy limit:${redelivery.redeliveriesMax}`,
            stackTrace: null,
            cause: null,
          },
        });
      }
    }
    const [first] = again;
    if (first === undefined) return;
    this.#buffered.unshift(...again);
    // Later messages wait as well, or they would overtake it.
    this.#cancelPause?.();
    this.#cancelPause = clock.setTimer(redeliveryDelay(redelivery, first.redeliveryCount), () => {
      this.#cancelPause = undefined;
      this.#serve();
    });
  }

  async #acknowledgeOne(delivery: ReceivedMessage, options: CallOptions): Promise<void> {
    const index = this.#delivered.indexOf(delivery);
    if (index < 0) return;
    this.#delivered.splice(index, 1);
    const ack = this.#ack(ACK_TYPE.individual, new AckRange(delivery).take());
    await this.#sendAck({ ...ack, firstMessageId: null }, options);
  }

  async #acknowledgeSession(options: CallOptions): Promise<void> {
    const acks = [...this.#context.session.consumers].map((consumer) =>
      consumer.#acknowledgeDelivered(options),
    );
    await Promise.all(acks);
  }

  async #acknowledgeDelivered(options: CallOptions): Promise<void> {
    const range = AckRange.over(this.#delivered);
    this.#delivered = [];
    this.#windowed.take();
    if (range !== undefined) await this.#sendAck(this.#ack(ACK_TYPE.standard, range), options);
  }

  /** Resolves when the broker has recorded it; an interruption before that makes it void. */
  #sendAck(ack: MessageAck, options: CallOptions): Promise<void> {
    const { channel, requestTimeoutMs } = this.#context;
    if (!channel.isOpen) return Promise.reject(this.#staleError(undefined));
    return new Promise((resolve, reject) => {
      channel.submit({
        command: { ...ack, commandId: channel.nextCommandId(), responseRequired: true },
        what: 'An acknowledge',
        timeoutMs: options.timeoutMs ?? requestTimeoutMs,
        signal: options.signal,
        settle: (error) => {
          if (error === undefined) resolve();
          else reject(error);
        },
        interrupted: () => {
          reject(this.#staleError(undefined));
          return 'done';
        },
      });
    });
  }

  #ack(
    ackType: number,
    range: ReturnType<AckRange['take']>,
    transactionId: LocalTransactionId | null = null,
  ): MessageAck {
    return command('MessageAck', {
      consumerId: this.info.consumerId,
      destination: range?.last.wire.destination ?? this.info.destination,
      ackType,
      firstMessageId: range?.first.wire.messageId ?? null,
      lastMessageId: range?.last.wire.messageId ?? null,
      messageCount: range?.count ?? 0,
      transactionId,
    });
  }

  #staleError(delivery: ReceivedMessage | undefined): BrokerError {
    const what = delivery === undefined ? 'A message' : `The message ${delivery.id}`;
    return new BrokerError(
      'BATON_UNMATCHED_ACK',
      `${what} cannot be acknowledged: the connection was interrupted since its delivery, and the broker delivers it again`,
      { details: { isStale: true } },
    );
  }

  #finishWith(error: Error | undefined): void {
    this.#end = { error };
    this.#cancelLazyAck?.();
    this.#cancelPause?.();
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) waiter.reject(error ?? closedError('The consumer'));
  }
}

/** Timeouts of a pull that are no milliseconds. */
const PULL = { forEver: 0, withoutWait: -1 } as const;

/** The broker answers a pull when its time is over; the deadline here is for a broker that does not. */
const PULL_GRACE_MS = 2_000;

function pullOptions(options: CallOptions): CallOptions {
  const { timeoutMs = -1 } = options;
  return timeoutMs < 0 ? options : { ...options, timeoutMs: timeoutMs + PULL_GRACE_MS };
}
