import type {
  ConnectionId,
  Destination,
  Message,
  ProducerId,
  TransactionId,
  XaTransactionId,
} from '@batonmq/model';
import type { BrokerError } from '@batonmq/model';
import type { Principal } from '../security/security.ts';
import type { Subscription, SubscribeOptions } from '../subscription/subscription.ts';

/**
 * Learns how one command ended. `settled` is called exactly once: without an error when everything
 * the command promised is durable, with one when none of it took effect. Never called from inside
 * the call that it was given to.
 */
export interface Receipt {
  settled(error?: BrokerError): void;
}

/** How a prepare ended: durable and waiting for its verdict, or without anything to decide and forgotten. */
export type PrepareOutcome = 'prepared' | 'read-only';

/** Learns how a prepare ended, called as a {@link Receipt} is; with an error the branch was rolled back or is unknown. */
export interface PrepareReceipt {
  settled(outcome: PrepareOutcome | BrokerError): void;
}

/** What a protocol adapter tells the broker about a client that wants in. */
export interface ConnectOptions {
  readonly connectionId: ConnectionId;
  /** Unique among live connections. */
  readonly clientId: string;
  /** As the client gave it; nothing depends on it if there is a `principal`. */
  readonly userName?: string | undefined;
  /** Who the client is, as `Broker.authenticate` found. Needed exactly if the broker is secured. */
  readonly principal?: Principal | undefined;
  readonly remoteAddress: string;
  readonly protocol: string;
  /** The client carries on a connection it had with this or another broker: stored producer marks apply. */
  readonly isReconnect: boolean;
  readonly control: ConnectionControl;
}

/** How the broker reaches back to the adapter of a connection. None of these is called from inside a call of the adapter. */
export interface ConnectionControl {
  /**
   * A command that came without a receipt was refused or failed; nothing of it took effect. If it
   * belonged to a transaction, that can now only be rolled back.
   */
  failed(error: BrokerError): void;
  /** Stop taking commands from this client's socket: a limit is reached that no receipt can slow down. */
  pauseInput(): void;
  resumeInput(): void;
  /** The broker ends the connection (another took its id over, the lease is lost, an administrator). */
  disconnect(reason: BrokerError): void;
}

export interface ProducerOptions {
  readonly producerId: ProducerId;
  /** Missing for a producer that names a destination with each message. */
  readonly destination?: Destination | undefined;
  /**
   * Its client has no way to repeat a send under the same id after it has lost its connection: no mark is
   * stored for it. @defaultValue true
   */
  readonly canRepeatSends?: boolean;
}

/**
 * One client at the broker. Everything it opened goes when it closes: unacked messages return to
 * their queues, open local transactions roll back, its temporary destinations are deleted.
 */
export interface BrokerConnection {
  readonly connectionId: ConnectionId;
  readonly clientId: string;

  addProducer(options: ProducerOptions): void;
  removeProducer(producerId: ProducerId): void;

  /**
   * Takes a message. Persistent ones settle once durable; in a transaction they settle when they
   * are remembered and become visible at its commit. A re-sent message that is already stored
   * settles without an error and is not stored again.
   */
  send(message: Message, receipt?: Receipt): void;

  /**
   * Opens a consumer. The receipt settles at the end of the turn; if the consumer makes a durable
   * subscription, once that is durable.
   *
   * @throws `BATON_INVALID_DESTINATION`, `BATON_INVALID_SELECTOR`, `BATON_UNSUPPORTED`,
   *   `BATON_INVALID_STATE`; the receipt is not settled then.
   */
  subscribe(options: SubscribeOptions, receipt?: Receipt): Subscription;
  /**
   * Removes a durable subscription of this client with what it has collected.
   *
   * @throws through the receipt `BATON_INVALID_DESTINATION` if there is none, `BATON_INVALID_STATE`
   *   while it has a consumer.
   */
  unsubscribe(subscriptionName: string, receipt?: Receipt): void;

  /** One that exists is joined: an XA transaction belongs to the broker, not to a connection. */
  beginTransaction(id: TransactionId): void;
  /**
   * Sends and acks of the transaction take effect together, or not at all. An XA transaction is committed
   * in one phase if it was not prepared.
   */
  commitTransaction(id: TransactionId, receipt?: Receipt): void;
  /** Also forgets a prepared XA transaction. */
  rollbackTransaction(id: TransactionId, receipt?: Receipt): void;
  /**
   * Makes an XA transaction durable without its effect; from then on it survives this connection and
   * this broker, and any connection may commit it or roll it back.
   */
  prepareTransaction(id: XaTransactionId, receipt: PrepareReceipt): void;
  /**
   * Commits an XA transaction that was prepared. Fails with `BATON_STORE_FULL` if the store cannot
   * take it now: it is still prepared then.
   */
  commitPreparedTransaction(id: XaTransactionId, receipt?: Receipt): void;
  /** Marks an open transaction so that it can only be rolled back. */
  failTransaction(id: TransactionId, reason: BrokerError): void;

  /** Creates a queue, topic or temporary destination owned by this connection. Existing ones are no error. */
  addDestination(target: Destination, receipt?: Receipt): void;
  /** @throws through the receipt `BATON_INVALID_STATE` while it has consumers, unless `isForced`. */
  removeDestination(target: Destination, options: { isForced: boolean }, receipt?: Receipt): void;

  /** `lastDelivered` is the broker sequence of the last message the client's application saw; see `Subscription.close`. */
  close(lastDelivered: number): void;
}
