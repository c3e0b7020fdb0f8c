import { BrokerError, type Destination } from '@batonmq/model';
import type { Clock } from '@batonmq/runtime';
import type { Consumer } from '../consumer/consumer.ts';
import { waitFor } from '../deadline.ts';
import type { OutgoingMessage, Sendable } from '../message/outgoing-message.ts';
import type { ReceivedMessage } from '../message/received-message.ts';
import type { DestinationLike } from '../message/wire-destination.ts';
import type { Producer, SendOptions } from '../producer/producer.ts';

/** What request and reply use of their connection. */
export interface RequestReplyContext {
  readonly clock: Clock;
  readonly requestTimeoutMs: number;
  createTemporaryQueue(): Promise<Destination>;
  createConsumer(destination: Destination): Promise<Consumer>;
  createProducer(): Promise<Producer>;
  uniqueId(): string;
}

interface Inbox {
  readonly replyTo: Destination;
  readonly producer: Producer;
}

/**
 * Questions and answers: one temporary queue for all answers of a connection, told apart by
 * correlation id.
 */
export class RequestReply {
  readonly #context: RequestReplyContext;
  readonly #waiting = new Map<string, (reply: ReceivedMessage) => void>();
  #inbox: Promise<Inbox> | undefined;
  #producer: Promise<Producer> | undefined;

  constructor(context: RequestReplyContext) {
    this.#context = context;
  }

  async request(
    destination: DestinationLike,
    message: Sendable,
    options: SendOptions,
  ): Promise<ReceivedMessage> {
    const { clock, requestTimeoutMs } = this.#context;
    const timeoutMs = options.timeoutMs ?? requestTimeoutMs;
    const { replyTo, producer } = await this.#openInbox();
    const correlationId = this.#context.uniqueId();
    const forget = (): void => {
      this.#waiting.delete(correlationId);
    };
    const wait = waitFor<ReceivedMessage>(
      clock,
      'A request',
      { timeoutMs, signal: options.signal },
      forget,
    );
    this.#waiting.set(correlationId, wait.resolve);
    const question = { ...asMessage(message), replyTo, correlationId };
    producer.send(destination, question, { ...options, timeoutMs }).catch((error: unknown) => {
      forget();
      wait.reject(error as Error);
    });
    return wait.promise;
  }

  async reply(to: ReceivedMessage, message: Sendable, options: SendOptions): Promise<void> {
    if (to.replyTo === undefined) {
      throw new BrokerError(
        'BATON_INVALID_ARGUMENT',
        `The message ${to.id} asks for no reply: it has no replyTo`,
      );
    }
    this.#producer ??= this.#context.createProducer();
    const producer = await this.#producer;
    const answer = { correlationId: to.correlationId ?? to.id, ...asMessage(message) };
    await producer.send(to.replyTo, answer, options);
  }

  #openInbox(): Promise<Inbox> {
    this.#inbox ??= this.#makeInbox().catch((error: unknown) => {
      // The next request tries again.
      this.#inbox = undefined;
      throw error;
    });
    return this.#inbox;
  }

  async #makeInbox(): Promise<Inbox> {
    const replyTo = await this.#context.createTemporaryQueue();
    const consumer = await this.#context.createConsumer(replyTo);
    consumer.listen((reply) => {
      const { correlationId } = reply;
      if (correlationId === undefined) return;
      // An answer that comes too late, or a second one, belongs to nobody.
      this.#waiting.get(correlationId)?.(reply);
      this.#waiting.delete(correlationId);
    });
    return { replyTo, producer: await this.#context.createProducer() };
  }
}

function asMessage(message: Sendable): OutgoingMessage {
  if (typeof message === 'string') return { text: message };
  return message instanceof Uint8Array ? { bytes: message } : message;
}
