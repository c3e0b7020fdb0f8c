import type { BrokerError, ConnectionId, Destination, Epoch } from '@batonmq/model';
import type { Role } from './role/role.ts';

/** What happened in a broker, for watchers; control flow never depends on one. */
export type BrokerEvent =
  | {
      readonly type: 'role-changed';
      readonly from: Role;
      readonly to: Role;
      readonly epoch: Epoch | undefined;
      readonly cause?: BrokerError;
    }
  | {
      readonly type: 'connection-added';
      readonly connectionId: ConnectionId;
      readonly clientId: string;
      readonly remoteAddress: string;
    }
  | {
      readonly type: 'connection-removed';
      readonly connectionId: ConnectionId;
      readonly clientId: string;
    }
  | {
      readonly type: 'destination-added';
      readonly destination: Destination;
      readonly connectionId: ConnectionId | undefined;
    }
  | {
      readonly type: 'destination-removed';
      readonly destination: Destination;
      readonly connectionId: ConnectionId | undefined;
    }
  | {
      readonly type: 'consumer-added';
      readonly destination: Destination;
      readonly connectionId: ConnectionId;
      readonly consumerKey: string;
    }
  | {
      readonly type: 'consumer-removed';
      readonly destination: Destination;
      readonly connectionId: ConnectionId;
      readonly consumerKey: string;
    };

export type BrokerEventType = BrokerEvent['type'];
