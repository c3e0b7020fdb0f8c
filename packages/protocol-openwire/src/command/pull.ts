import type { MessagePull } from '@batonmq/openwire';
import { safe } from '../identity.ts';
import type { Peer } from '../peer.ts';
import type { Outcome } from './outcome.ts';

/** A consumer without a window asks for one message. Answered by a dispatch, never by a reply of its own. */
export function pull(peer: Peer, { consumerId, timeout }: MessagePull): Outcome {
  const consumer = peer.findClient(consumerId?.connectionId)?.consumer(consumerId);
  // Every negative number is "not at all"; the protocol documents -1.
  consumer?.subscription.pull(Math.max(-1, safe(timeout, 'milliseconds to wait')));
  return 'done';
}
