import type { BrokerError, ConnectionId, Destination, Epoch, Message } from '@batonmq/model';
import type { Role } from './role/role.ts';
import type { Action } from './security/security.ts';

/** What happened in a broker, for watchers; control flow never depends on one. */
export type BrokerEvent =
  | {
      readonly type: 'login-accepted';
      readonly userName: string;
      readonly remoteAddress: string;
      readonly protocol: string;
    }
  | {
      readonly type: 'login-refused';
      /** As the client gave it, made fit to be shown; empty if it gave none. */
      readonly userName: string;
      readonly remoteAddress: string;
      readonly protocol: string;
      readonly reason: BrokerError;
    }
  | {
      /** A logged-in client was refused something. Told once for each thing as long as the connection lasts. */
      readonly type: 'access-denied';
      readonly userName: string;
      readonly connectionId: ConnectionId;
      readonly action: Action;
      readonly destination: Destination;
    }
  | {
      readonly type: 'role-changed';
      readonly from: Role;
      readonly to: Role;
      readonly epoch: Epoch | undefined;
      readonly cause?: BrokerError;
    }
  | {
      /** It joined the dead letters; `message` is as it is there. Durable soon after. */
      readonly type: 'message-dead-lettered';
      readonly message: Message;
      readonly cause: string;
    }
  | {
      readonly type: 'connection-added';
      readonly connectionId: ConnectionId;
      readonly clientId: string;
      readonly remoteAddress: string;
      readonly protocol: string;
      /** Of the user that logged in; without security, the name the client gave. */
      readonly userName: string | undefined;
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
    }
  | {
      /** A topic consumer that is too slow lost a message. Told for each. */
      readonly type: 'message-discarded';
      /** The topic. */
      readonly destination: Destination;
      readonly connectionId: ConnectionId;
      readonly consumerKey: string;
      readonly message: Message;
      /** Of this consumer, this message included. */
      readonly discardedCount: number;
    }
  | {
      /** A consumer has as many messages as it may, and others wait for it. Told once, until it has caught up. */
      readonly type: 'consumer-slow';
      readonly destination: Destination;
      readonly connectionId: ConnectionId;
      readonly consumerKey: string;
    }
  | {
      /** A consumer was slow for too long: the broker closes it, or its connection. */
      readonly type: 'consumer-aborted';
      readonly destination: Destination;
      readonly connectionId: ConnectionId;
      readonly consumerKey: string;
      readonly reason: BrokerError;
    };

export type BrokerEventType = BrokerEvent['type'];
