import { BrokerError, type Destination } from '@batonmq/model';
import {
  command,
  type MessageId,
  type ProducerId,
  type ProducerInfo,
  type WireDestination,
  type WireMessage,
} from '@batonmq/openwire';
import type { Channel, Pending } from '../connection/channel.ts';
import type { CallOptions } from '../deadline.ts';
import { closedError, lookedAfter } from '../errors.ts';
import { messageSize, wireMessage, type Sendable } from '../message/outgoing-message.ts';
import { messageIdText } from '../message/received-message.ts';
import {
  toDestination,
  toWireDestination,
  type DestinationLike,
} from '../message/wire-destination.ts';
import type { Session } from '../session/session.ts';
import { splitProducerOptions } from './named-options.ts';
import type { ProducerWindow } from './producer-window.ts';
import { withSchedule, type MessageSchedule } from './message-schedule.ts';
import type { SendWindow } from './send-window.ts';

/** How messages are sent; given to a producer for all its messages, or to one send. */
export interface SendOptions extends CallOptions {
  /** Whether the message survives the broker. @defaultValue true */
  readonly isPersistent?: boolean;
  /** 0 (lowest) to 9. @defaultValue 4 */
  readonly priority?: number;
  /** Milliseconds after which the message is dead; 0 is never. @defaultValue 0 */
  readonly timeToLiveMs?: number;
  /** When the message is delivered. @defaultValue at once */
  readonly schedule?: MessageSchedule;
}

export interface ProducerOptions extends SendOptions {
  /** Deflates bodies. @defaultValue `jms.useCompression`, false */
  readonly useCompression?: boolean;
  /**
   * Bytes that the broker may have of this producer's sends without having accepted them, 0 to 2³¹ − 1; 0
   * is any. Counts sends that ask for no answer: non-persistent ones, those of a transaction, and with
   * `jms.useAsyncSend` all. Further ones wait in line. One message always goes out, however large.
   * @defaultValue `producer.windowSize` in the name of the destination, else `jms.producerWindowSize`, 0
   */
  readonly windowBytes?: number;
}

export const PRODUCER_OPTION_NAMES = {
  isPersistent: true,
  priority: true,
  timeToLiveMs: true,
  schedule: true,
  useCompression: true,
  windowBytes: true,
  timeoutMs: true,
  signal: true,
} satisfies Record<keyof ProducerOptions, true>;

/** What a send resolves with. */
export class SendReceipt {
  readonly #id: MessageId;

  constructor(id: MessageId) {
    this.#id = id;
  }

  /** The id consumers see as `message.id`. */
  get messageId(): string {
    return messageIdText(this.#id);
  }
}

/** What a producer uses of its connection. */
export interface ProducerContext {
  readonly channel: Channel;
  readonly session: Session;
  readonly window: SendWindow;
  /** Its own window, if it has one. */
  readonly producerWindow: ProducerWindow | undefined;
  readonly sendTimeoutMs: number;
  readonly useCompression: boolean;
  /** Send without waiting for answers even what is persistent. */
  readonly useAsyncSend: boolean;
  /** Ask for an answer to every send. */
  readonly alwaysSyncSend: boolean;
  wallTime(): number;
  closed(producer: Producer): void;
}

/** Sends messages, to one destination or to any. */
export class Producer {
  /** For the connection: how it is announced to a broker. */
  readonly info: ProducerInfo;
  readonly key: string;
  readonly destination: Destination | undefined;
  readonly #id: ProducerId;
  readonly #context: ProducerContext;
  readonly #defaults: ProducerOptions;
  readonly #wireDestination: WireDestination | null;
  #sequence = 0;
  #isClosed = false;
  /** Sends that are not settled. */
  #unsettledCount = 0;
  #onSettled: (() => void) | undefined;

  /** Use `createProducer` of a session or connection. */
  constructor(
    id: ProducerId,
    destination: Destination | undefined,
    defaults: ProducerOptions,
    context: ProducerContext,
  ) {
    this.#id = id;
    this.key = `${String(id.sessionId)}:${String(id.value)}`;
    this.destination = destination;
    this.#wireDestination = destination === undefined ? null : toWireDestination(destination);
    this.#defaults = defaults;
    this.#context = context;
    this.info = command('ProducerInfo', {
      producerId: id,
      destination: this.#wireDestination,
      windowSize: context.producerWindow?.bytesMax ?? 0,
    });
  }

  /**
   * Sends a message.
   *
   * Persistent outside of a transaction: resolves when the broker has stored it durably. Otherwise:
   * when it was handed to the socket, which with a producer window is not before the broker has
   * accepted enough of what went before; in a transaction the commit tells the outcome. Any number of
   * sends may be under way; beyond the windows they wait in line, in order. After a reconnect
   * unanswered sends are repeated under the same message id, and a BatonMQ broker stores none twice.
   * Nobody has to wait for the promise: a rejection that is not looked at does no harm.
   *
   * @throws (rejects) BrokerError `BATON_TIMEOUT` (the outcome is unknown), `BATON_DISCONNECTED` (not
   *   sent), `BATON_ABORTED`, `BATON_CLOSED`, `BATON_LIMIT`, `BATON_FRAME_TOO_LARGE`,
   *   `BATON_INVALID_DESTINATION`, `BATON_UNAUTHORIZED`, or what else the broker answers.
   */
  send(message: Sendable, options?: SendOptions): Promise<SendReceipt>;
  /** The same for a producer without a destination of its own. */
  send(
    destination: DestinationLike,
    message: Sendable,
    options?: SendOptions,
  ): Promise<SendReceipt>;
  send(
    first: DestinationLike | Sendable,
    second?: Sendable | SendOptions,
    third?: SendOptions,
  ): Promise<SendReceipt> {
    return lookedAfter(
      new Promise<SendReceipt>((resolve, reject) => {
        const [target, message, options] = this.#arguments(first, second, third);
        this.#send(target, message, options, (error, id) => {
          if (error === undefined) resolve(new SendReceipt(id));
          else reject(error);
        });
      }),
    );
  }

  /**
   * Sends many messages in order, with one promise for all of them: resolves when each has the
   * guarantee of {@link send}. Draws from `messages` only as fast as the send window allows.
   * Rejects with the first failure, after which no more are drawn; earlier ones may have been stored.
   */
  sendAll(
    messages: Iterable<Sendable> | AsyncIterable<Sendable>,
    options: SendOptions = {},
  ): Promise<void> {
    return lookedAfter(this.#sendAll(messages, options));
  }

  /** Takes no more messages. Resolves when the sends that are under way have ended, one way or the other. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    // Until then brokers must know it, also one that the connection moves to meanwhile.
    if (this.#unsettledCount > 0) {
      await new Promise<void>((resolve) => {
        this.#onSettled = resolve;
      });
    }
    this.#context.closed(this);
    this.#context.channel.post(command('RemoveInfo', { objectId: this.#id }));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #sendAll(
    messages: Iterable<Sendable> | AsyncIterable<Sendable>,
    options: SendOptions,
  ): Promise<void> {
    let unanswered = 0;
    let failure: Error | undefined;
    let wake: (() => void) | undefined;
    const answered = (error: Error | undefined): void => {
      unanswered--;
      failure ??= error;
      wake?.();
    };
    const change = (): Promise<void> =>
      new Promise((resolve) => {
        wake = resolve;
      });
    for await (const message of messages) {
      if (failure !== undefined) break;
      unanswered++;
      this.#send(this.#wireDestination, message, options, answered);
      // Once the window is full, ours is the next message in line: more would only queue up.
      while (!this.#hasRoom && unanswered > 0) await change();
    }
    while (unanswered > 0) await change();
    if (failure !== undefined) throw failure;
  }

  get #hasRoom(): boolean {
    const { window, producerWindow } = this.#context;
    return window.hasRoom && producerWindow?.hasRoom !== false;
  }

  /** Calls `run` when no send of this producer waits for its window. */
  afterSends(run: () => void): void {
    const { producerWindow } = this.#context;
    if (producerWindow === undefined) run();
    else producerWindow.after(run);
  }

  #arguments(
    first: DestinationLike | Sendable,
    second: Sendable | SendOptions | undefined,
    third: SendOptions | undefined,
  ): [WireDestination | null, Sendable, SendOptions] {
    if (this.#wireDestination !== null) {
      return [this.#wireDestination, first as Sendable, (second ?? {}) as SendOptions];
    }
    if (second === undefined) {
      throw new BrokerError(
        'BATON_INVALID_ARGUMENT',
        'This producer has no destination: send(destination, message)',
      );
    }
    const { to, options } = splitProducerOptions(toDestination(first as DestinationLike));
    if (options.windowBytes !== undefined) {
      throw new BrokerError(
        'BATON_INVALID_OPTION',
        'The option producer.windowSize belongs in createProducer: a window is of a producer, not of a send',
        { details: { option: 'producer.windowSize' } },
      );
    }
    return [toWireDestination(to), second as Sendable, third ?? {}];
  }

  #send(
    target: WireDestination | null,
    sendable: Sendable,
    options: SendOptions,
    answered: (error: Error | undefined, id: MessageId) => void,
  ): void {
    if (this.#isClosed) throw closedError('The producer');
    const message = this.#message(target, sendable, options);
    const id = message.messageId as MessageId;
    const { channel, session, sendTimeoutMs } = this.#context;
    const commandId = channel.nextCommandId();
    const transaction = session.transactionForWork();
    if (transaction !== undefined) {
      const transacted = Object.assign(message, { commandId, transactionId: transaction.id });
      transaction.sent(transacted, this);
      // Without a connection, or after losing it, the replay of the transaction sends it.
      if (!channel.isOpen && channel.failure === undefined) answered(undefined, id);
      else this.#submit(transacted, { signal: options.signal }, 'settle', answered);
      return;
    }
    const timeoutMs = options.timeoutMs ?? this.#defaults.timeoutMs ?? sendTimeoutMs;
    const { alwaysSyncSend, useAsyncSend } = this.#context;
    const responseRequired = alwaysSyncSend || (message.persistent && !useAsyncSend);
    const outgoing = Object.assign(message, { commandId, responseRequired });
    this.#submit(outgoing, { timeoutMs, signal: options.signal }, 'resend', answered);
  }

  /** Enlists the message at once, so that its deadline runs, and transmits it when the window lets it in. */
  #submit(
    outgoing: WireMessage,
    { timeoutMs = -1, signal }: CallOptions,
    interrupted: 'resend' | 'settle',
    answered: (error: Error | undefined, id: MessageId) => void,
  ): void {
    const { channel, window, producerWindow } = this.#context;
    const size = messageSize(outgoing);
    // The broker accepts what it does not answer.
    const ownSize = outgoing.responseRequired ? 0 : size;
    let isInside = false;
    let isInsideOwn = false;
    let isSettled = false;
    this.#unsettledCount++;
    const settle = (error: Error | undefined): void => {
      isSettled = true;
      this.#unsettledCount--;
      if (isInside) window.leave(size);
      if (isInsideOwn) producerWindow?.settled(ownSize, error === undefined);
      answered(error, outgoing.messageId as MessageId);
      if (this.#unsettledCount === 0) this.#onSettled?.();
    };
    const commandId = channel.enlist({
      command: outgoing,
      what: 'A send',
      timeoutMs,
      signal: signal ?? this.#defaults.signal,
      interrupted: interrupted === 'resend' ? interrupted : settled(settle),
      settle,
    });
    const transmit = (): void => {
      isInside = true;
      if (isSettled) window.leave(size);
      else channel.transmit(commandId);
    };
    if (producerWindow === undefined) {
      if (!window.enter(size, transmit)) channel.cancel(commandId, tooManySends());
      return;
    }
    const isInLine = producerWindow.enter(ownSize, () => {
      if (isSettled) {
        producerWindow.settled(ownSize, false);
        return;
      }
      isInsideOwn = true;
      if (!window.enter(size, transmit)) channel.cancel(commandId, tooManySends());
    });
    if (!isInLine) channel.cancel(commandId, tooManySends());
  }

  #message(target: WireDestination | null, sendable: Sendable, options: SendOptions): WireMessage {
    const defaults = this.#defaults;
    const priority = options.priority ?? defaults.priority ?? 4;
    if (!Number.isInteger(priority) || priority < 0 || priority > 9) {
      throw new BrokerError('BATON_INVALID_ARGUMENT', `A priority is 0 to 9, not ${priority}`);
    }
    const timeToLiveMs = options.timeToLiveMs ?? defaults.timeToLiveMs ?? 0;
    const timestamp = this.#context.wallTime();
    const schedule = options.schedule ?? defaults.schedule;
    const outgoing = schedule === undefined ? sendable : withSchedule(sendable, schedule);
    const body = wireMessage(outgoing, defaults.useCompression ?? this.#context.useCompression);
    return Object.assign(body, {
      producerId: this.#id,
      destination: target,
      messageId: {
        type: 'MessageId',
        textView: null,
        producerId: this.#id,
        producerSequenceId: ++this.#sequence,
        brokerSequenceId: 0,
      },
      persistent: options.isPersistent ?? defaults.isPersistent ?? true,
      priority,
      timestamp,
      expiration: timeToLiveMs > 0 ? timestamp + timeToLiveMs : 0,
    } satisfies Partial<WireMessage>);
  }
}

function tooManySends(): BrokerError {
  return new BrokerError(
    'BATON_LIMIT',
    'Too many sends wait for room already: wait for some of them',
  );
}

/** An interruption settles the command: something else takes care of its effect. */
function settled(settle: Pending['settle']): () => 'done' {
  return () => {
    settle(undefined, undefined);
    return 'done';
  };
}
