import type {
  Delivery,
  DispatchSink,
  Receipt,
  SubscribeOptions,
  Subscription,
} from '@batonmq/broker-core';
import {
  formatMessageId,
  isBrokerError,
  present,
  type BrokerError,
  type Destination,
  type Message,
  type TransactionId,
} from '@batonmq/model';
import { DASH, LF, NUL } from './codec/bytes.ts';
import { ByteSink } from './codec/byte-sink.ts';
import { ESCAPE_TABLES } from './codec/escaping.ts';
import { hasOwnName } from './destination-names.ts';
import { bodyOf } from './message/body.ts';
import type { Client } from './client.ts';
import type { Peer } from './peer.ts';
import { UnackedMessages, type AckKey, type Unacked } from './unacked.ts';

export type AckMode = 'auto' | 'client' | 'client-individual';

const ACK = bytesOf('ack:');
const REDELIVERED_TRUE = bytesOf('redelivered:true\n');
const FIRST_FOR_CONSUMER_TRUE = bytesOf('JMSXGroupFirstForConsumer:true\n');
const EXCLUSIVE_EPOCH = bytesOf('BatonMQExclusiveEpoch:');
const CONTENT_LENGTH = bytesOf('content-length:');
const REPLY_TO = bytesOf('reply-to:');

/** Room for the headers of a MESSAGE that are neither its subscription's nor its message's. */
const EXTRA_BYTES = 128;

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text));
}

/** What a SUBSCRIBE says about how its messages are shown and acknowledged. */
export interface ConsumerTraits {
  /** Unique in its connection; also the beginning of the ack ids of STOMP 1.2. */
  readonly number: number;
  /** What the client called it; a client of STOMP 1.0 need not. */
  readonly id: string | undefined;
  /** What it named in SUBSCRIBE: UNSUBSCRIBE may name the same. */
  readonly destination: Destination;
  readonly ackMode: AckMode;
}

/** A subscription of a client, on its way from the broker into the client's output. */
export class Consumer implements DispatchSink {
  readonly traits: ConsumerTraits;
  readonly unacked = new UnackedMessages();
  readonly #peer: Peer;
  readonly #client: Client;
  /** `MESSAGE`, subscription and destination, as all its messages begin. */
  readonly #prefix = new ByteSink();
  /** Senders have objects of their own for the same destination. */
  #prefixKey: string | undefined;
  /** Set once the broker has answered `subscribe`; it delivers after that. */
  #subscription: Subscription | undefined;
  #deliveredCount = 0;
  /** With ack mode `auto`, those that the broker has not been told of. */
  #autoCount = 0;
  #autoLast: Message | undefined;

  constructor(peer: Peer, client: Client, traits: ConsumerTraits) {
    this.#peer = peer;
    this.#client = client;
    this.traits = traits;
  }

  /** @throws as `BrokerConnection.subscribe`. */
  subscribe(options: Omit<SubscribeOptions, 'sink'>, receipt?: Receipt): void {
    const { connection } = this.#client;
    this.#subscription = connection.subscribe({ ...options, sink: this }, receipt);
  }

  get subscription(): Subscription {
    return present(this.#subscription, 'a consumer is used after it has subscribed');
  }

  get isCongested(): boolean {
    return this.#peer.isCongested;
  }

  deliver(delivery: Delivery): void {
    const { message } = delivery;
    this.#deliveredCount += 1;
    let body: Uint8Array;
    try {
      body = bodyOf(message, this.#peer.context.settings.maxDataLength);
    } catch (error) {
      if (!isBrokerError(error)) throw error;
      this.#undeliverable(message, error);
      return;
    }
    this.#write(delivery, body);
    if (this.traits.ackMode === 'auto') {
      this.#autoCount += 1;
      this.#autoLast = message;
      if (this.#autoCount === 1) this.#peer.acksAfterFlush(this);
    }
  }

  exhausted(): void {
    const { id, destination } = this.traits;
    this.#peer.writeFrame('MESSAGE', [
      ['subscription', id ?? ''],
      ['destination', this.#client.names.format(destination)],
      ['message-id', '0'],
      ['browser', 'end'],
    ]);
  }

  ended(reason: BrokerError): void {
    this.#client.forget(this);
    this.#peer.fail(reason);
  }

  /** What was handed to the socket is acknowledged; with ack mode `auto` nobody else does it. */
  ackDelivered(): void {
    const message = this.#autoLast;
    if (message === undefined) return;
    const messageCount = this.#autoCount;
    this.#autoCount = 0;
    this.#autoLast = undefined;
    this.subscription.ack({ kind: 'standard', last: referenceTo(message), messageCount });
  }

  /** Takes the messages that an ACK or NACK with that key is about; none if there is no such message. */
  take(key: AckKey): readonly Unacked[] {
    return this.traits.ackMode === 'client'
      ? this.unacked.takeThrough(key)
      : this.unacked.takeOne(key);
  }

  /** Consumes them, which are one or, with ack mode `client`, a run from the oldest on. */
  consume(
    messages: readonly Unacked[],
    transactionId: TransactionId | undefined,
    receipt: Receipt | undefined,
  ): void {
    const kind = this.traits.ackMode === 'client' ? 'standard' : 'individual';
    const last = messages.at(-1);
    this.subscription.ack({ kind, last, messageCount: messages.length, transactionId }, receipt);
  }

  /** Gives them up for good. */
  reject(messages: readonly Unacked[], receipt?: Receipt): void {
    const cause = 'Rejected by its consumer (NACK)';
    const [first] = messages;
    const last = messages.at(-1);
    this.subscription.ack(
      { kind: 'poison', first, last, messageCount: messages.length, cause },
      receipt,
    );
  }

  #write(delivery: Delivery, body: Uint8Array): void {
    const { message, destination, redeliveryCount, exclusiveEpoch } = delivery;
    const { version, context, output } = this.#peer;
    const headers = context.messageHeaders[version].of(message);
    const prefix = this.#prefixFor(destination);
    const sink = output.sink(prefix.length + headers.length + EXTRA_BYTES + body.length);
    sink.bytes(prefix);
    if (this.traits.ackMode !== 'auto') this.#expectAck(message, sink);
    if (redeliveryCount > 0) sink.bytes(REDELIVERED_TRUE);
    if (delivery.isFirstForConsumer === true) sink.bytes(FIRST_FOR_CONSUMER_TRUE);
    if (exclusiveEpoch !== undefined) {
      sink.bytes(EXCLUSIVE_EPOCH);
      sink.number(exclusiveEpoch);
      sink.byte(LF);
    }
    const { replyTo } = message;
    if (hasOwnName(replyTo)) {
      sink.header(REPLY_TO, this.#client.names.format(replyTo), ESCAPE_TABLES[version]);
    }
    sink.bytes(headers);
    if (message.contentKind === 'bytes' || body.includes(NUL)) {
      sink.bytes(CONTENT_LENGTH);
      sink.number(body.length);
      sink.byte(LF);
    }
    sink.byte(LF);
    output.body(body);
    sink.byte(NUL);
    sink.byte(LF);
    this.#peer.written();
  }

  #expectAck(message: Message, sink: ByteSink): void {
    const { producerKey, producerSequence } = referenceTo(message);
    const order = this.#deliveredCount;
    if (this.#peer.version !== '1.2') {
      const key = formatMessageId(message.id);
      this.unacked.add({ key, order, producerKey, producerSequence });
      return;
    }
    this.unacked.add({ key: order, order, producerKey, producerSequence });
    sink.bytes(ACK);
    sink.number(this.traits.number);
    sink.byte(DASH);
    sink.number(order);
    sink.byte(LF);
  }

  #prefixFor(destination: Destination): Uint8Array {
    const prefix = this.#prefix;
    if (destination.key !== this.#prefixKey) {
      this.#prefixKey = destination.key;
      const table = ESCAPE_TABLES[this.#peer.version];
      prefix.clear();
      prefix.latin1('MESSAGE\n');
      if (this.traits.id !== undefined) {
        prefix.header(bytesOf('subscription:'), this.traits.id, table);
      }
      prefix.header(bytesOf('destination:'), this.#client.names.format(destination), table);
    }
    return prefix.block.subarray(0, prefix.length);
  }

  /** A message that cannot be shown would come back for ever: it is dead-lettered with the reason. */
  #undeliverable(message: Message, error: BrokerError): void {
    this.#peer.log('warn', 'message cannot be encoded for its consumer', { error });
    const reference = referenceTo(message);
    // Not from inside the call that delivers.
    this.#peer.context.clock.setImmediate(() => {
      this.subscription.ack({
        kind: 'poison',
        first: reference,
        last: reference,
        messageCount: 1,
        cause: error.message,
      });
    });
  }
}

function referenceTo({ id }: Message): { producerKey: string; producerSequence: number } {
  return { producerKey: id.producerId.key, producerSequence: id.producerSequence };
}
