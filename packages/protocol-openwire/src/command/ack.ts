import type { Ack, AckKind, MessageReference } from '@batonmq/broker-core';
import { BrokerError, isQueue } from '@batonmq/model';
import { ACK_TYPE, type MessageAck, type MessageId, type Throwable } from '@batonmq/openwire';
import type { Client, Consumer } from '../client.ts';
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
  if (client === undefined || consumer === undefined) return 'done';
  if (consumer.sink.deliveredCount === 0) return leftover(peer, client, consumer, wire);
  const kind = KINDS.get(wire.ackType);
  if (kind === undefined) return withoutEffect(consumer, wire);
  consumer.subscription.ack(ackOf(peer, kind, wire), peer.receipt(wire));
  return 'later';
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
 * After a failover a client acks what its consumer got before. That is no mistake of the
 * application, which must not hear of it: the messages come again. But a transaction whose acks are lost
 * must not commit its sends alone.
 */
function leftover(peer: Peer, client: Client, consumer: Consumer, wire: MessageAck): Outcome {
  peer.log('info', 'ignored an ack from before the reconnect', { consumerKey: consumer.key });
  if (wire.transactionId !== null) {
    const reason = new BrokerError(
      'BATON_UNMATCHED_ACK',
      `The messages acked by consumer ${consumer.key} were dispatched before the reconnect`,
    );
    client.connection.failTransaction(transactionId(wire.transactionId), reason);
  }
  return 'done';
}

/** What brokers say to themselves about topics; from a client it means nothing. */
function withoutEffect(consumer: Consumer, wire: MessageAck): Outcome {
  if (wire.ackType === ACK_TYPE.unmatched && isQueue(consumer.subscription.options.destination)) {
    return 'done';
  }
  throw new BrokerError('BATON_INVALID_ARGUMENT', `Invalid acknowledgment of type ${wire.ackType}`);
}
