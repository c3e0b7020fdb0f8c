import { assert } from './assert.ts';

declare const brand: unique symbol;
type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/** Number of a lease; each acquisition of a store gets a greater one. Starts at 1. */
export type Epoch = Brand<number, 'Epoch'>;

/** Place of a message in its destination. Dense, starts at 1, never reused. */
export type Sequence = Brand<number, 'Sequence'>;

/** The number a store knows a destination by. Starts at 1, never reused within a store. */
export type DestinationNumber = Brand<number, 'DestinationNumber'>;

/** Id that a client chose for its connection, e.g. `ID:host-4711-1700000000000-1:1`. */
export type ConnectionId = Brand<string, 'ConnectionId'>;

function natural(value: number, what: string): void {
  assert(Number.isSafeInteger(value) && value >= 0, `${what} is a safe integer from 0 up`);
}

export function epoch(value: number): Epoch {
  natural(value, 'an epoch');
  return value as Epoch;
}

export function sequence(value: number): Sequence {
  natural(value, 'a sequence');
  return value as Sequence;
}

export function destinationNumber(value: number): DestinationNumber {
  natural(value, 'a destination number');
  return value as DestinationNumber;
}

export function connectionId(value: string): ConnectionId {
  return value as ConnectionId;
}

/**
 * Names a producer across the whole cluster. `key` is the textual form
 * `connectionId:sessionId:value`, made once because every send looks its producer up.
 */
export interface ProducerId {
  readonly connectionId: ConnectionId;
  readonly sessionId: number;
  readonly value: number;
  readonly key: string;
}

export function producerId(connection: ConnectionId, sessionId: number, value: number): ProducerId {
  return { connectionId: connection, sessionId, value, key: `${connection}:${sessionId}:${value}` };
}

/** Names a message across the whole cluster: its first producer and that producer's count. */
export interface MessageId {
  readonly producerId: ProducerId;
  /** Count of the producer, from 1. */
  readonly producerSequence: number;
  /** The id as the producer's own protocol wrote it, when that is not the form above. */
  readonly textView?: string | undefined;
}

/** The `JMSMessageID` text of an id. */
export function formatMessageId(id: MessageId): string {
  if (id.textView !== undefined)
    return id.textView.startsWith('ID:') ? id.textView : `ID:${id.textView}`;
  return `${id.producerId.key}:${id.producerSequence}`;
}
