import { BrokerError } from '@batonmq/model';
import type { BrokerInfo, KeepAliveInfo } from '@batonmq/openwire';
import type { Peer } from '../peer.ts';
import type { Outcome } from './outcome.ts';

/** A sign of life; one that wants an answer gets another, never a `Response`. */
export function keepAlive(peer: Peer, { commandId, responseRequired }: KeepAliveInfo): Outcome {
  if (responseRequired) peer.write({ type: 'KeepAliveInfo', commandId, responseRequired: false });
  return 'later';
}

/**
 * The peer is a broker that bridges to us. One way it is a client like any other; both ways it would
 * expect us to open consumers over there.
 */
export function meetBroker({ duplexConnection }: BrokerInfo): Outcome {
  if (!duplexConnection) return 'done';
  throw new BrokerError('BATON_UNSUPPORTED', 'Duplex network connections are not supported');
}
