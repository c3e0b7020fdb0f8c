import type { Destination } from '@batonmq/model';
import type { Client } from '../client.ts';
import type { Frame } from '../codec/frame.ts';
import { HEADER } from '../codec/header.ts';
import { protocolError } from '../codec/protocol-error.ts';
import { messageFromFrame } from '../message/message-from-frame.ts';
import type { Peer } from '../peer.ts';
import { refuseTransformation } from './transformation.ts';
import { receiptOf } from './receipt.ts';

/**
 * A message arrives. Its receipt waits until the broker has settled it: for a persistent one until it
 * is durable.
 */
export function send(peer: Peer, client: Client, frame: Frame): void {
  if (!frame.has(HEADER.destination)) throw protocolError('A SEND has no destination');
  if (frame.has(HEADER.transformation)) refuseTransformation(frame);
  const name = frame.text(HEADER.transaction);
  const transactionId = name === undefined ? undefined : client.transaction(name).id;
  const destination = client.names.ofHeader(frame, HEADER.destination);
  const replyTo = frame.has(HEADER.replyTo) ? replyToOf(client, frame) : undefined;
  const receipt = receiptOf(peer, frame);
  const message = messageFromFrame(frame, {
    producerId: client.producerId,
    producerSequence: client.nextProducerSequence(),
    destination,
    replyTo,
    transactionId,
    now: peer.arrivedAt,
  });
  client.connection.send(message, receipt);
}

function replyToOf(client: Client, frame: Frame): Destination | undefined {
  const name = frame.text(HEADER.replyTo) ?? '';
  return name === '' ? undefined : client.names.parse(name).target;
}
