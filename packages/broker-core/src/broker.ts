import type { Destination, Epoch, Message } from '@batonmq/model';
import type { BrokerConnection, ConnectOptions } from './connection/connection.ts';
import type { LimitStatus } from './limit/usage.ts';
import type { BrokerEvent, BrokerEventType } from './events.ts';
import type { RedriveOptions, RedriveResult } from './message/redrive.ts';
import type { EffectivePolicy } from './policy/policies.ts';
import type { Role } from './role/role.ts';
import type { Credentials, Principal } from './security/security.ts';
import type { Resolution } from './transaction/prepared-transaction.ts';
import type { PreparedTransactionStatus } from './transaction/xa-transactions.ts';
import type { Subscription } from './subscription/subscription.ts';

/** A destination with consumers, messages or an owner, as watchers see it. */
export interface DestinationStatus {
  readonly destination: Destination;
  readonly messageCount: number;
  readonly consumerCount: number;
  readonly inFlightCount: number;
  /**
   * Messages of a queue that wait although consumers are there, because no selector of theirs matches them; also those
   * that stay in the store because their groups wait for their owners.
   */
  readonly unmatchedCount: number;
  /** True while a queue gives nothing out, see {@link Broker.pauseQueue}. */
  readonly isPaused: boolean;
  readonly enqueuedCount: number;
  readonly dequeuedCount: number;
  readonly memoryBytes: number;
  /** Messages of a topic that consumers lost because they were too slow. */
  readonly discardedCount: number;
  /** The limits of the destination's own, and how much of each is used. */
  readonly limits: readonly LimitStatus[];
}

/** A durable subscription, as watchers see it. */
export interface DurableSubscriptionStatus {
  readonly clientId: string;
  /** Unique for its client id. */
  readonly name: string;
  /** A topic; also a wildcard or a composite of topics. */
  readonly destination: Destination;
  readonly selector?: string | undefined;
  readonly isNoLocal: boolean;
  /** True while it has a consumer. */
  readonly isActive: boolean;
  /** Collected and not yet consumed, those in flight included. */
  readonly messageCount: number;
  readonly inFlightCount: number;
}

/** A broker without sockets: protocol adapters bring clients, a store plugin brings durability. */
export interface Broker {
  readonly name: string;
  /** Made anew at each start of the process; names this run of the broker. */
  readonly id: string;
  readonly role: Role;
  readonly epoch: Epoch | undefined;
  /**
   * Goes in line. Resolves when it waits behind another broker or serves; roles follow as events, and
   * whatever fails from then on is tried again.
   *
   * @throws what the store failed with before that (`BATON_NAME_IN_USE`, `BATON_STORE_FORMAT`,
   * `BATON_STORE_READ_ONLY`, `BATON_CORRUPT`, …); the broker has then stopped.
   */
  start(): Promise<void>;
  /** Drains: no new commands, what is in flight becomes durable, the lease is released at once. Idempotent. */
  stop(): Promise<void>;
  /** True if clients have to log in: {@link authenticate} comes before {@link connect}. */
  readonly isSecured: boolean;
  /**
   * Finds out who a client is, in any role; the answer goes into `connect`. Commands that the client
   * sends meanwhile must wait.
   *
   * @throws `BATON_UNAUTHORIZED`, the same for an unknown user and a wrong password; `BATON_LIMIT`,
   * `BATON_TIMEOUT` if it could not be found out; `BATON_INVALID_STATE` if there is no security.
   */
  authenticate(credentials: Credentials): Promise<Principal>;
  /**
   * Lets a client in. A live connection of the same id is closed in its favour.
   *
   * @throws `BATON_NOT_ACTIVE`, `BATON_INVALID_CLIENT_ID`, `BATON_UNAUTHORIZED`, `BATON_LIMIT`.
   */
  connect(options: ConnectOptions): BrokerConnection;
  /**
   * Publishes a message of the broker itself (advisories) to the present consumers of a topic, or to
   * `only` one of them (advisories replayed to a new consumer); never stored, never blocks.
   */
  publish(message: Message, only?: Subscription): void;
  destinations(): readonly DestinationStatus[];
  /** The limits of all destinations together, and how much of each is used; none unless active. */
  usage(): readonly LimitStatus[];
  /**
   * Makes the queue of an application (`consumer`) at a virtual topic, so that it gets what is sent
   * from now on. Resolves with it when it is durable; one that exists is no error.
   *
   * @throws `BATON_INVALID_DESTINATION`, `BATON_LIMIT`, `BATON_NOT_ACTIVE`, `BATON_FENCED`.
   */
  declareVirtualTopicQueue(topic: string, consumer: string): Promise<Destination>;
  /**
   * Moves the dead letters of a queue back to where they came from: to their queue, or to their topic and so to
   * all its subscriptions. They begin anew, with no redelivery counted; one that expired has no
   * expiration any more, and one that was not persistent is now. Messages that
   * are no dead letters, and letters of temporary destinations, stay. All letters of a message id named go. Pages of 500 are moved whole or not at all.
   *
   * @throws `BATON_INVALID_DESTINATION` for a queue that is not there, `BATON_INVALID_SELECTOR`,
   * `BATON_INVALID_ARGUMENT`, `BATON_NOT_ACTIVE`, `BATON_STORE_FULL`, `BATON_FENCED`; what was moved before stays moved.
   */
  redrive(deadLetterQueue: Destination, options?: RedriveOptions): Promise<RedriveResult>;
  /** What is in force for a concrete destination, whether or not it exists, and which entry says so. */
  effectivePolicy(destination: Destination): EffectivePolicy;
  /** The durable subscriptions there are, with a consumer or without. */
  durableSubscriptions(): readonly DurableSubscriptionStatus[];
  /**
   * How a commit ended: `committed` is certain; `open` may still end either way, ask again; `unknown`
   * means not committed here, or too long ago to say.
   */
  transactionOutcome(transactionKey: string): 'committed' | 'open' | 'unknown';
  /** The XA transactions that wait for their verdict, the oldest first; none unless active. */
  preparedTransactions(): readonly PreparedTransactionStatus[];
  /**
   * Decides a prepared XA transaction in place of its transaction manager, when that will never come
   * back. Resolves when the verdict is durable.
   *
   * @throws `BATON_UNKNOWN_TRANSACTION`, `BATON_INVALID_STATE` if it is being resolved otherwise,
   * `BATON_STORE_FULL` if it cannot be committed now, `BATON_NOT_ACTIVE`.
   */
  resolvePrepared(transactionKey: string, verdict: Resolution): Promise<void>;
  /**
   * Stops giving out the messages of a queue; sends, acks and browsers go on. It lasts until
   * {@link resumeQueue} or until another broker takes over.
   *
   * @throws `BATON_NOT_ACTIVE`, `BATON_INVALID_DESTINATION` if there is no such queue.
   */
  pauseQueue(queue: Destination): void;
  /** Ends a pause, if there is one. @throws as {@link pauseQueue}. */
  resumeQueue(queue: Destination): void;
  /** Returns the call that stops listening. Listeners must not block or throw. */
  on<T extends BrokerEventType>(
    type: T,
    listener: (event: Extract<BrokerEvent, { type: T }>) => void,
  ): () => void;
}
