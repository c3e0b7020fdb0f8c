import type { RemoveSubscriptionInfo } from '@batonmq/openwire';
import { missing } from '../identity.ts';
import type { Peer } from '../peer.ts';
import type { Outcome } from './outcome.ts';

/** A client gives up a durable subscription. It is one of its own: the client id that the command names is not looked at. */
export function unsubscribe(peer: Peer, info: RemoveSubscriptionInfo): Outcome {
  const { connectionId, subscriptionName } = info;
  if (subscriptionName === null) throw missing('subscription name');
  peer.client(connectionId?.value).connection.unsubscribe(subscriptionName, peer.receipt(info));
  return 'later';
}
