import type { Ack, AckKind, MessageReference, Receipt } from '@batonmq/broker-core';
import { BrokerError, isQueue } from '@batonmq/model';
import { ACK_TYPE, type MessageAck, type MessageId, type Throwable } from '@batonmq/openwire';
import type { Consumer } from '../client.ts';
import { safe, transactionId } from '../identity.ts';
import type { Peer } from '../peer.ts';
import type { Outcome } from './outcome.ts';

const KINDS: ReadonlyMap<number, AckKind> = new Map([
  [ACK_TYPE.standard, 'standard'],
  [ACK_TYPE.individual, 'individual'],
  [ACK_TYPE.delivered, 'delivered'],
  [ACK_TYPE.redelivered, 'redelivered'],
  [ACK_TYPE.poison, 'poison'],
  [ACK_TYPE.expired, 'expired'],
]);

/**
 * A consumer says what became of its messages. Those of consumers that are gone mean nothing any
 * more: their messages are back in their queues.
 */
export function ack(peer: Peer, wire: MessageAck): Outcome {
  const client = peer.findClient(wire.consumerId?.connectionId);
  const consumer = client?.consumer(wire.consumerId);
  if (consumer === undefined || isLeftover(peer, consumer, wire)) return 'done';
  const kind = KINDS.get(wire.ackType);
  if (kind === undefined) return withoutEffect(consumer, wire);
  consumer.subscription.ack(ackOf(peer, kind, wire), receiptFor(peer, wire));
  return 'later';
}

function receiptFor(peer: Peer, wire: MessageAck): Receipt | undefined {
  return peer.receipt(wire);
}

function ackOf(peer: Peer, kind: AckKind, wire: MessageAck): Ack {
  return {
    kind,
    first: wire.firstMessageId ? reference(peer, wire.firstMessageId) : undefined,
    last: wire.lastMessageId ? reference(peer, wire.lastMessageId) : undefined,
    messageCount: wire.messageCount,
    transactionId: wire.transactionId ? transactionId(wire.transactionId) : undefined,
    cause: wire.poisonCause ? causeText(wire.poisonCause) : undefined,
  };
}

function reference(peer: Peer, id: MessageId): MessageReference {
  return {
    producerKey: peer.ids.toModel(id.producerId).key,
    producerSequence: safe(id.producerSequenceId, 'a message'),
  };
}

/** As Java prints a throwable. */
function causeText({ className, message }: Throwable): string {
  return message === null ? className : `${className}: ${message}`;
}

/**
 * After a failover the client acks what its consumer got before. Outside of a transaction that is no
 * mistake of the application, which must not hear of it; the messages come again. In one it is the
 * broker's to refuse, so that the transaction cannot commit without its acks.
 */
function isLeftover(peer: Peer, consumer: Consumer, wire: MessageAck): boolean {
  if (consumer.sink.deliveredCount > 0 || wire.transactionId !== null) return false;
  peer.log('info', 'ignored an ack from before the reconnect', { consumerKey: consumer.key });
  return true;
}

/** What brokers say to themselves about topics; from a client it means nothing. */
function withoutEffect(consumer: Consumer, wire: MessageAck): Outcome {
  if (wire.ackType === ACK_TYPE.unmatched && isQueue(consumer.subscription.options.destination)) {
    return 'done';
  }
  throw new BrokerError('BATON_INVALID_ARGUMENT', `Invalid acknowledgment of type ${wire.ackType}`);
}
