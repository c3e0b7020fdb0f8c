import { formatMessageId, connectionId, producerId, type Destination } from '@batonmq/model';
import {
  decodeMap,
  decodeProperties,
  decodeStream,
  decodeText,
  plainEntries,
  toPlain,
  uncompressedContent,
  type PlainValue,
  type PrimitiveMap,
} from '@batonmq/message-content';
import { type MessageId, type WireMessage } from '@batonmq/openwire';
import type { CallOptions } from '../deadline.ts';
import { fromWireDestination } from './wire-destination.ts';

/** What a compressed body may grow to; a longer one is refused with `BATON_FRAME_TOO_LARGE`. */
const BODY_BYTES_MAX = 256 * 1024 * 1024;

const KINDS = {
  ActiveMQMessage: 'empty',
  ActiveMQTextMessage: 'text',
  ActiveMQBytesMessage: 'bytes',
  ActiveMQMapMessage: 'map',
  ActiveMQStreamMessage: 'stream',
  ActiveMQObjectMessage: 'object',
  ActiveMQBlobMessage: 'blob',
} as const;

export type MessageKind = (typeof KINDS)[WireMessage['type']];

type Entries = Readonly<Record<string, PlainValue>>;

/** What a delivery's consumer does with an acknowledge call. */
export interface DeliveryOwner {
  isStale(delivery: ReceivedMessage): boolean;
  acknowledge(delivery: ReceivedMessage, options: CallOptions): Promise<void>;
}

/** A message as it was delivered. Properties and body are decoded when they are first asked for. */
export class ReceivedMessage {
  /** How often it was delivered before, here or elsewhere. */
  redeliveryCount: number;
  /** For the consumer: during which connection it was delivered. */
  readonly epoch: number;
  readonly wire: WireMessage;
  readonly #owner: DeliveryOwner | undefined;
  #properties: PrimitiveMap | undefined;

  constructor(
    wire: WireMessage,
    redeliveryCount: number,
    epoch: number,
    owner: DeliveryOwner | undefined,
  ) {
    this.wire = wire;
    this.redeliveryCount = redeliveryCount;
    this.epoch = epoch;
    this.#owner = owner;
  }

  /** `JMSMessageID`: the same on every delivery and every broker. */
  get id(): string {
    return messageIdText(this.wire.messageId);
  }

  get kind(): MessageKind {
    return KINDS[this.wire.type];
  }

  get destination(): Destination | undefined {
    return fromWireDestination(this.wire.destination);
  }

  get replyTo(): Destination | undefined {
    return fromWireDestination(this.wire.replyTo);
  }

  get correlationId(): string | undefined {
    return this.wire.correlationId ?? undefined;
  }

  get type(): string | undefined {
    return this.wire.jmsType ?? undefined;
  }

  get isPersistent(): boolean {
    return this.wire.persistent;
  }

  get priority(): number {
    return this.wire.priority;
  }

  /** Wall clock of the sender, milliseconds since 1970. */
  get timestamp(): number {
    return Number(this.wire.timestamp);
  }

  /** Wall clock milliseconds after which it is dead; 0 is never. */
  get expiration(): number {
    return Number(this.wire.expiration);
  }

  get groupId(): string | undefined {
    return this.wire.groupID ?? undefined;
  }

  get groupSequence(): number {
    return this.wire.groupSequence;
  }

  /** True for the first message of its group that goes to this consumer: what it kept of the group begins anew. */
  get isFirstForConsumer(): boolean {
    return this.wire.JMSXGroupFirstForConsumer;
  }

  get userId(): string | undefined {
    return this.wire.userID ?? undefined;
  }

  get isRedelivered(): boolean {
    return this.redeliveryCount > 0;
  }

  /**
   * True if the connection was interrupted since the delivery: the broker delivers the message
   * again, here or elsewhere, and an acknowledge can no longer change that.
   */
  get isStale(): boolean {
    return this.#owner?.isStale(this) ?? false;
  }

  /** The text of a text message; `undefined` for other kinds, null if it was sent with none. */
  get text(): string | null | undefined {
    return this.kind === 'text' ? decodeText(this.#content()) : undefined;
  }

  get bytes(): Uint8Array | undefined {
    return this.kind === 'bytes' ? (this.#content() ?? new Uint8Array()) : undefined;
  }

  get map(): Entries | undefined {
    return this.kind === 'map' ? plainEntries(decodeMap(this.#content())) : undefined;
  }

  get stream(): readonly PlainValue[] | undefined {
    return this.kind === 'stream' ? decodeStream(this.#content()).map(toPlain) : undefined;
  }

  /** The Java serialization stream of an object message, unread. */
  get object(): Uint8Array | undefined {
    return this.kind === 'object' ? (this.#content() ?? new Uint8Array()) : undefined;
  }

  /** All properties, in an object without a prototype. */
  get properties(): Entries {
    return plainEntries(this.typedProperties);
  }

  /** The properties with the types they were sent with. */
  get typedProperties(): PrimitiveMap {
    this.#properties ??= decodeProperties(this.wire.marshalledProperties);
    return this.#properties;
  }

  property(name: string): PlainValue | undefined {
    const value = this.typedProperties.get(name);
    return value === undefined ? undefined : toPlain(value);
  }

  /**
   * Says that the message was dealt with. Mode `individual`: this message. `client`: every message
   * of the session delivered so far. `auto` and `dups-ok`: not needed, but allowed. In a transacted
   * session the commit does it.
   *
   * @returns a promise that resolves when the broker has recorded it, and rejects with
   *   `BATON_UNMATCHED_ACK` if the delivery is stale; nobody has to wait for it.
   */
  acknowledge(options: CallOptions = {}): Promise<void> {
    return this.#owner?.acknowledge(this, options) ?? Promise.resolve();
  }

  #content(): Uint8Array | null {
    const { compressed: isCompressed, content } = this.wire;
    return uncompressedContent({ kind: this.kind, isCompressed, content }, BODY_BYTES_MAX);
  }
}

/** `ID:connection:session:producer:sequence`. */
export function messageIdText(id: MessageId | null): string {
  const sender = id?.producerId ?? null;
  if (id === null || sender === null) return '';
  const { connectionId: connection, sessionId, value } = sender;
  const producer = producerId(connectionId(connection ?? ''), Number(sessionId), Number(value));
  return formatMessageId({
    producerId: producer,
    producerSequence: Number(id.producerSequenceId),
    textView: id.textView ?? undefined,
  });
}
