import type { ProducerInfo } from '@batonmq/openwire';
import { optionalDestinationOf } from '../destination-conversion.ts';
import type { Peer } from '../peer.ts';
import type { Outcome } from './outcome.ts';

/** A producer must be announced before its first message. A repeated announcement changes nothing. */
export function addProducer(peer: Peer, info: ProducerInfo): Outcome {
  const id = peer.ids.toModel(info.producerId);
  const client = peer.client(id.connectionId);
  client.checkSession(String(id.sessionId), 'producer');
  if (client.producer(id)) return 'done';
  client.checkRoom();
  client.connection.addProducer({
    producerId: id,
    destination: optionalDestinationOf(info.destination),
    // Only failover transports send again under the same id what they have no answer for.
    canRepeatSends: client.info.faultTolerant || client.info.failoverReconnect,
  });
  client.addProducer({ id, info });
  peer.context.advisories.producerAdded(info);
  return 'done';
}
