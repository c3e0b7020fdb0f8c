import { isTemporary, messageBytes, type BrokerError, type Message } from '@batonmq/model';
import type { Receipt } from '@batonmq/broker-core';
import type { WireMessage } from '@batonmq/openwire';
import { unregistered, type Client, type Producer } from '../client.ts';
import { destinationGone } from '../exception.ts';
import { wireProducerId } from '../identity.ts';
import { messageOf } from '../message-conversion.ts';
import type { Peer } from '../peer.ts';
import type { Outcome } from './outcome.ts';

/**
 * A message arrives. Its reply, or the room it gives back to its producer's window, waits until the
 * broker has settled it: for a persistent one until it is durable.
 */
export function send(peer: Peer, wire: WireMessage): Outcome {
  const message = messageOf(wire, peer.ids, peer.context.clock.wallTime());
  const client = peer.client(message.producerId.connectionId);
  const producer = client.producer(message.producerId);
  if (producer === undefined) {
    throw unregistered(`The producer ${message.producerId.key} had not been registered`);
  }
  client.connection.send(message, receiptFor(peer, client, producer, wire, message));
  return 'later';
}

/** None for a message that nobody is told about; should it fail, the broker says so by itself. */
function receiptFor(
  peer: Peer,
  client: Client,
  producer: Producer,
  wire: WireMessage,
  message: Message,
): Receipt | undefined {
  if (wire.responseRequired) return new SendReceipt(peer, wire.commandId, message);
  if (producer.info.windowSize > 0) return new WindowReceipt(peer, client, message);
  return undefined;
}

/** Answers the command of a message. */
class SendReceipt implements Receipt {
  readonly #peer: Peer;
  readonly #commandId: number;
  readonly #message: Message;

  constructor(peer: Peer, commandId: number, message: Message) {
    this.#peer = peer;
    this.#commandId = commandId;
    this.#message = message;
  }

  settled(error?: BrokerError): void {
    if (error === undefined) {
      this.#peer.respond(this.#commandId);
      return;
    }
    const command = { commandId: this.#commandId, responseRequired: true };
    const { destination } = this.#message;
    // Request/reply tells a partner who is gone from other failures by the class.
    if (error.code === 'BATON_INVALID_DESTINATION' && isTemporary(destination)) {
      this.#peer.fail(command, error, destinationGone(error, destination.key));
    } else {
      this.#peer.fail(command, error);
    }
  }
}

/** Gives the bytes of a message back to its producer's window, whatever became of it. */
class WindowReceipt implements Receipt {
  readonly #peer: Peer;
  readonly #client: Client;
  readonly #message: Message;

  constructor(peer: Peer, client: Client, message: Message) {
    this.#peer = peer;
    this.#client = client;
    this.#message = message;
  }

  settled(error?: BrokerError): void {
    const { transactionId, producerId } = this.#message;
    if (error) {
      if (transactionId) this.#client.connection.failTransaction(transactionId, error);
      this.#peer.failAsync(error);
    }
    this.#peer.write({
      type: 'ProducerAck',
      commandId: 0,
      responseRequired: false,
      producerId: wireProducerId(producerId),
      // Clients subtract this from an estimate of theirs, made by the same formula.
      size: messageBytes(this.#message),
    });
  }
}
