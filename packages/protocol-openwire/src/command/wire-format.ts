import type { WireFormatInfo } from '@batonmq/openwire';
import type { Peer } from '../peer.ts';

/**
 * The peer's preferences: both sides now compute the same format. The broker introduces itself
 * unprompted; clients may wait for that.
 */
export function agree(peer: Peer, command: WireFormatInfo): void {
  peer.agree(command);
  const { broker } = peer.context;
  peer.write({
    type: 'BrokerInfo',
    commandId: 0,
    responseRequired: false,
    brokerId: { type: 'BrokerId', value: broker.id },
    brokerURL: peer.transport.localAddress,
    peerBrokerInfos: null,
    brokerName: broker.name,
    slaveBroker: false,
    masterBroker: false,
    faultTolerantConfiguration: false,
    duplexConnection: false,
    networkConnection: false,
    connectionId: 0,
    brokerUploadUrl: null,
    networkProperties: null,
  });
}
