import type { Destination } from './destination.ts';
import type { MessageId, ProducerId } from './ids.ts';
import type { TransactionId } from './transaction-id.ts';

/** How `content` is to be read: the JMS message types. */
export type ContentKind = 'empty' | 'text' | 'bytes' | 'map' | 'stream' | 'object' | 'blob';

/** Why a message is in a dead-letter queue, and what was changed when it was moved there. */
export interface DeadLetterOrigin {
  readonly cause: string;
  /** Its `expiration` before the move, which sets that to 0. */
  readonly originalExpiration: number;
  /** False if the move made it persistent. */
  readonly wasPersistent: boolean;
}

/**
 * A message as the broker keeps it: the header decoded once, properties and content as the bytes
 * their producer sent. Immutable from the moment the broker accepts it; `properties` and
 * `content` must not alias a buffer that is written to again.
 */
export interface Message {
  readonly id: MessageId;
  /** Who sent it to this broker; differs from `id.producerId` after a network hop. */
  readonly producerId: ProducerId;
  /** Concrete destination; for the copies of a composite send, the part. */
  readonly destination: Destination;
  /** Where it was first sent when that differs: the composite, the virtual topic, the queue before a dead letter. */
  readonly originalDestination?: Destination | undefined;
  readonly transactionId?: TransactionId | undefined;
  readonly originalTransactionId?: TransactionId | undefined;
  readonly isPersistent: boolean;
  /** 0 (lowest) to 9; 4 is normal. */
  readonly priority: number;
  /** Producer's wall clock, milliseconds since 1970; 0 if it set none. */
  readonly timestamp: number;
  /** Wall clock milliseconds after which it is dead; 0 is never. */
  readonly expiration: number;
  readonly correlationId?: string | undefined;
  readonly type?: string | undefined;
  readonly replyTo?: Destination | undefined;
  readonly groupId?: string | undefined;
  readonly groupSequence: number;
  readonly userId?: string | undefined;
  readonly contentKind: ContentKind;
  /** True if `content` is zlib-compressed as docs/formats/message.md says. */
  readonly isCompressed: boolean;
  /** Marshalled primitive map of the properties, or none. */
  readonly properties?: Uint8Array | undefined;
  readonly content?: Uint8Array | undefined;
  /** Deliveries that failed before this broker took the message over. */
  readonly redeliveryCount: number;
  /** Wall clock of this broker at acceptance, milliseconds. */
  readonly brokerInTime: number;
  /** Set on a dead letter; protocols show it as properties. */
  readonly deadLetter?: DeadLetterOrigin | undefined;
  /** What only one protocol understands and must get back unchanged (OpenWire: brokerPath, blob fields, dataStructure …). */
  readonly extension?: Uint8Array | undefined;
}

/** Bytes a message counts for against memory limits: header estimate plus properties and content. */
export function messageBytes(message: Message): number {
  return 1024 + (message.properties?.length ?? 0) + (message.content?.length ?? 0);
}
