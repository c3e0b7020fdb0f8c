import { BrokerError, type ContentKind } from '@batonmq/model';
import {
  compressedContent,
  encodeMap,
  encodeProperties,
  encodeStream,
  encodeText,
} from '@batonmq/message-content';
import { command, type WireMessage } from '@batonmq/openwire';
import { toPrimitiveMap, toPrimitiveValue, type MessageValue } from './typed-value.ts';
import { toDestination, toWireDestination, type DestinationLike } from './wire-destination.ts';

/**
 * A message to be sent. At most one body; without any the message has none. The values are read
 * during the call; bytes must not change until the send is answered.
 */
export interface OutgoingMessage {
  readonly text?: string | null;
  readonly bytes?: Uint8Array;
  readonly map?: Readonly<Record<string, MessageValue>>;
  readonly stream?: readonly MessageValue[];
  /** A Java serialization stream, passed on as it is. */
  readonly object?: Uint8Array;
  readonly properties?: Readonly<Record<string, MessageValue>>;
  readonly correlationId?: string;
  /** The application's own name for the kind of message (`JMSType`). */
  readonly type?: string;
  readonly replyTo?: DestinationLike;
  readonly groupId?: string;
  readonly groupSequence?: number;
}

/** A text, bytes, or a message with everything. */
export type Sendable = string | Uint8Array | OutgoingMessage;

type Body = Pick<WireMessage, 'type' | 'content'> & { readonly kind: ContentKind };

/** The fields of a wire message that the application decides. */
export function wireMessage(sendable: Sendable, useCompression: boolean): WireMessage {
  if (typeof sendable === 'string') return withBody(textBody(sendable), useCompression);
  if (sendable instanceof Uint8Array) return withBody(bytesBody(sendable), useCompression);
  const { properties, replyTo } = sendable;
  return {
    ...withBody(bodyOf(sendable), useCompression),
    marshalledProperties:
      properties === undefined ? null : encodeProperties(toPrimitiveMap(properties)),
    correlationId: sendable.correlationId ?? null,
    jmsType: sendable.type ?? null,
    replyTo: replyTo === undefined ? null : toWireDestination(toDestination(replyTo)),
    groupID: sendable.groupId ?? null,
    groupSequence: sendable.groupSequence ?? 0,
  };
}

/** Bytes a message counts for in windows: the formula both sides of the protocol use. */
export function messageSize(message: WireMessage): number {
  return 1024 + (message.marshalledProperties?.length ?? 0) + (message.content?.length ?? 0);
}

function bodyOf(message: OutgoingMessage): Body {
  const bodies: Body[] = [];
  if (message.text !== undefined) bodies.push(textBody(message.text));
  if (message.bytes !== undefined) bodies.push(bytesBody(message.bytes));
  if (message.map !== undefined) {
    bodies.push({
      type: 'ActiveMQMapMessage',
      kind: 'map',
      content: encodeMap(toPrimitiveMap(message.map)),
    });
  }
  if (message.stream !== undefined) {
    const content = encodeStream(message.stream.map(toPrimitiveValue));
    bodies.push({ type: 'ActiveMQStreamMessage', kind: 'stream', content });
  }
  if (message.object !== undefined) {
    bodies.push({ type: 'ActiveMQObjectMessage', kind: 'object', content: message.object });
  }
  const [body, another] = bodies;
  if (another === undefined)
    return body ?? { type: 'ActiveMQMessage', kind: 'empty', content: null };
  throw new BrokerError(
    'BATON_INVALID_ARGUMENT',
    `A message has one body; this one has ${bodies.length}: give one of text, bytes, map, stream, object`,
  );
}

function textBody(text: string | null): Body {
  return { type: 'ActiveMQTextMessage', kind: 'text', content: encodeText(text) };
}

function bytesBody(bytes: Uint8Array): Body {
  return { type: 'ActiveMQBytesMessage', kind: 'bytes', content: bytes };
}

function withBody({ type, kind, content }: Body, useCompression: boolean): WireMessage {
  if (!useCompression || content === null) return command(type, { content });
  return command(type, { content: compressedContent(kind, content), compressed: true });
}
