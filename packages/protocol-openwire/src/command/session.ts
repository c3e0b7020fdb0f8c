import type { SessionInfo } from '@batonmq/openwire';
import { missing } from '../identity.ts';
import type { Peer } from '../peer.ts';
import type { Outcome } from './outcome.ts';

/** Sessions only group producers and consumers, so that they can be closed together. */
export function addSession(peer: Peer, { sessionId }: SessionInfo): Outcome {
  if (sessionId === null) throw missing('session id');
  peer.client(sessionId.connectionId).addSession(String(sessionId.value));
  return 'done';
}
