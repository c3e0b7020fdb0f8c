import type { SubscribeOptions } from '@batonmq/broker-core';
import type { ConsumerControl, ConsumerInfo } from '@batonmq/openwire';
import { destinationOf } from '../destination-conversion.ts';
import { ConsumerSink } from '../dispatch.ts';
import { consumerKey, missing } from '../identity.ts';
import type { Peer } from '../peer.ts';
import type { Outcome } from './outcome.ts';

/**
 * Opens a consumer; messages may be on their way to it before the reply, which waits until a durable
 * subscription is durable. A repeated add changes nothing.
 */
export function addConsumer(peer: Peer, info: ConsumerInfo): Outcome {
  const { consumerId } = info;
  if (consumerId === null) throw missing('consumer id');
  const client = peer.client(consumerId.connectionId);
  client.checkSession(String(consumerId.sessionId), 'consumer');
  if (client.consumer(consumerId)) return 'done';
  client.checkRoom();

  const { advisories } = peer.context;
  const key = consumerKey(consumerId);
  const sink = new ConsumerSink(peer, info, () => {
    client.forgetConsumer(key);
  });
  advisories.announceConsumer(info);
  const subscription = client.connection.subscribe(
    subscribeOptions(key, info, sink),
    peer.receipt(info),
  );
  sink.attach(subscription);
  client.addConsumer({ key, info, sink, subscription });
  advisories.replay(subscription, info);
  return 'later';
}

/** After a failover clients open consumers without a window, and set it here when they are ready. */
export function controlConsumer(peer: Peer, control: ConsumerControl): Outcome {
  const { consumerId, prefetch } = control;
  const consumer = peer.findClient(consumerId?.connectionId)?.consumer(consumerId);
  consumer?.subscription.setPrefetch(Math.max(0, prefetch));
  return 'done';
}

function subscribeOptions(key: string, info: ConsumerInfo, sink: ConsumerSink): SubscribeOptions {
  return {
    consumerKey: key,
    destination: destinationOf(info.destination),
    prefetchCount: Math.max(0, info.prefetchSize),
    selector: info.selector ?? undefined,
    isBrowser: info.browser,
    isNoLocal: info.noLocal,
    isExclusive: info.exclusive,
    isRetroactive: info.retroactive,
    priority: info.priority,
    subscriptionName: info.subscriptionName ?? undefined,
    maximumPendingMessages: Math.max(0, info.maximumPendingMessageLimit),
    isNetwork: info.networkSubscription || (info.brokerPath?.length ?? 0) > 0,
    sink,
  };
}
