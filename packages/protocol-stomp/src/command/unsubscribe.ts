import type { Client } from '../client.ts';
import type { Frame } from '../codec/frame.ts';
import { HEADER } from '../codec/header.ts';
import { protocolError } from '../codec/protocol-error.ts';
import type { Consumer } from '../consumer.ts';
import type { Peer } from '../peer.ts';
import { consumerOptionsOf } from './consumer-options.ts';
import { receiptOf, writeReceipt } from './receipt.ts';

/**
 * Ends a subscription; what it has and did not acknowledge goes back to its queue. With the name of a durable
 * subscription that is given up, with what it has collected.
 */
export function unsubscribe(peer: Peer, client: Client, frame: Frame): void {
  const { subscriptionName } = consumerOptionsOf(frame, undefined);
  if (subscriptionName !== undefined) {
    const consumer = client.durableConsumer(subscriptionName);
    if (consumer !== undefined) client.remove(consumer);
    client.connection.unsubscribe(subscriptionName, receiptOf(peer, frame));
    return;
  }
  const consumer = consumerOf(peer, client, frame);
  if (consumer === undefined) throw protocolError('There is no such subscription');
  client.remove(consumer);
  writeReceipt(peer, frame);
}

function consumerOf(peer: Peer, client: Client, frame: Frame): Consumer | undefined {
  const id = frame.text(HEADER.id);
  if (id !== undefined) return client.consumerWithId(id);
  if (peer.version !== '1.0') throw protocolError('The header id of UNSUBSCRIBE is missing');
  const name = frame.text(HEADER.destination);
  if (name === undefined) throw protocolError('UNSUBSCRIBE names neither id nor destination');
  return client.consumerOf(client.names.parse(name).target);
}
