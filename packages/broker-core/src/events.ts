import type {
  BrokerError,
  ConnectionId,
  Destination,
  Epoch,
  Message,
  ProducerId,
} from '@batonmq/model';
import type { LimitStatus } from './limit/usage.ts';
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
      /** Where it was: a queue, or for a durable subscription the topic. */
      readonly origin: Destination;
      /** As it was there. */
      readonly original: Message;
      readonly message: Message;
      readonly cause: string;
    }
  | {
      /** The broker, or a consumer, found that its time was over. Whether it becomes a dead letter is told apart. */
      readonly type: 'message-expired';
      readonly destination: Destination;
      readonly message: Message;
    }
  | {
      /** A destination has taken it, and if it is stored it is durable. Only where `advisoryForDelivery` asks for it. */
      readonly type: 'message-delivered';
      readonly destination: Destination;
      readonly message: Message;
    }
  | {
      /** It went to a consumer. Only where `advisoryForDispatched` asks for it. */
      readonly type: 'message-dispatched';
      readonly destination: Destination;
      readonly connectionId: ConnectionId;
      readonly consumerKey: string;
      readonly message: Message;
    }
  | {
      /** A consumer of a queue or a durable subscription acked it. Only where `advisoryForConsumed` asks for it. */
      readonly type: 'message-consumed';
      readonly destination: Destination;
      readonly message: Message;
    }
  | {
      /** A non-persistent message found nobody who consumes it. Only where `sendAdvisoryIfNoConsumers` asks for it. */
      readonly type: 'message-without-consumer';
      readonly destination: Destination;
      readonly message: Message;
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
      /** Of a durable subscription, which stays when it goes. */
      readonly isDurable: boolean;
    }
  | {
      readonly type: 'consumer-removed';
      readonly destination: Destination;
      readonly connectionId: ConnectionId;
      readonly consumerKey: string;
      /** Of a durable subscription, which stays when it goes. */
      readonly isDurable: boolean;
    }
  | {
      /** There is a durable subscription that was not there before. */
      readonly type: 'subscription-added';
      readonly destination: Destination;
      readonly clientId: string;
      readonly subscriptionName: string;
    }
  | {
      /** A durable subscription is gone for good: given up by its client, made anew as another one, or offline for too long. */
      readonly type: 'subscription-removed';
      readonly destination: Destination;
      readonly clientId: string;
      readonly subscriptionName: string;
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
      /**
       * A consumer has as many messages as it may, and others wait for it. Told once, until it has
       * caught up; of queues only where `advisoryForSlowConsumers` asks for it.
       */
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
    }
  | {
      /** A send found no room at a destination. Told once, until `destination-relieved`. */
      readonly type: 'destination-full';
      readonly destination: Destination;
      /** What is at its limit: the destination's own, or one of the whole broker. */
      readonly limit: LimitStatus;
    }
  | {
      /** A destination that was full has room again. */
      readonly type: 'destination-relieved';
      readonly destination: Destination;
    }
  | {
      /**
       * A producer has to wait for room: its send or its commit is held up, or the input of its connection
       * is. Told once, until `producer-unblocked`.
       */
      readonly type: 'producer-blocked';
      readonly destination: Destination;
      readonly connectionId: ConnectionId;
      readonly producerId: ProducerId;
      readonly limit: LimitStatus;
    }
  | {
      /** It goes on, was refused, or is gone. */
      readonly type: 'producer-unblocked';
      readonly destination: Destination;
      readonly connectionId: ConnectionId;
      readonly producerId: ProducerId;
    };

export type BrokerEventType = BrokerEvent['type'];
