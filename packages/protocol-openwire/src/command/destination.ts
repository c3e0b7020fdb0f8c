import { BrokerError } from '@batonmq/model';
import { DESTINATION_OPERATION, type DestinationInfo } from '@batonmq/openwire';
import { destinationOf } from '../destination-conversion.ts';
import type { Peer } from '../peer.ts';
import type { Outcome } from './outcome.ts';

/** Creates or deletes a destination; temporary ones belong to the client and go with it. */
export function changeDestination(peer: Peer, info: DestinationInfo): Outcome {
  const { connection } = peer.client(info.connectionId?.value);
  const target = destinationOf(info.destination);
  const receipt = peer.receipt(info);
  switch (info.operationType) {
    case DESTINATION_OPERATION.add:
      connection.addDestination(target, receipt);
      return 'later';
    case DESTINATION_OPERATION.remove: {
      // A client gives up its temporary topic with its own consumers still on it.
      const isForced = info.timeout !== 0 || target.kind === 'temp-topic';
      connection.removeDestination(target, { isForced }, receipt);
      return 'later';
    }
    default:
      throw new BrokerError(
        'BATON_INVALID_ARGUMENT',
        `Destination operation ${info.operationType} is unknown`,
      );
  }
}
