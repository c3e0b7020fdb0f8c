import type { ConsumerId, ProducerId, RemoveInfo } from '@batonmq/openwire';
import { unregistered } from '../client.ts';
import { consumerKey, missing, safe } from '../identity.ts';
import type { Peer } from '../peer.ts';
import type { Outcome } from './outcome.ts';

/**
 * Closes what was opened under an id, with everything below it. The last message that the
 * application saw decides whose redelivery count grows.
 */
export function remove(peer: Peer, { objectId, lastDeliveredSequenceId }: RemoveInfo): Outcome {
  if (objectId === null) throw missing('id of what is to be removed');
  const lastDelivered = safe(lastDeliveredSequenceId, 'a delivered message');
  switch (objectId.type) {
    case 'ConnectionId':
      peer.removeClient(peer.client(objectId.value), lastDelivered);
      break;
    case 'SessionId':
      peer
        .client(objectId.connectionId)
        .removeSession(String(objectId.value), lastDelivered)
        .forEach((producer) => {
          peer.context.advisories.producerRemoved(producer.info);
        });
      break;
    case 'ConsumerId':
      removeConsumer(peer, objectId, lastDelivered);
      break;
    case 'ProducerId':
      removeProducer(peer, objectId);
      break;
  }
  return 'done';
}

function removeConsumer(peer: Peer, id: ConsumerId, lastDelivered: number): void {
  const client = peer.client(id.connectionId);
  const consumer = client.consumer(id);
  if (consumer === undefined) throw unregistered(`The consumer ${consumerKey(id)} is unknown`);
  client.removeConsumer(consumer, lastDelivered);
}

function removeProducer(peer: Peer, wireId: ProducerId): void {
  const id = peer.ids.toModel(wireId);
  const client = peer.client(id.connectionId);
  const producer = client.producer(id);
  if (producer === undefined) throw unregistered(`The producer ${id.key} is unknown`);
  client.removeProducer(producer);
  peer.context.advisories.producerRemoved(producer.info);
}
