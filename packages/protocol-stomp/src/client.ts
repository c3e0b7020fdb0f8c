import { LAST_DELIVERED_UNKNOWN, type BrokerConnection } from '@batonmq/broker-core';
import {
  BrokerError,
  type Destination,
  type LocalTransactionId,
  type ProducerId,
} from '@batonmq/model';
import { protocolError } from './codec/protocol-error.ts';
import type { Consumer } from './consumer.ts';
import { DestinationNames } from './destination-names.ts';
import type { StompSettings } from './options.ts';
import { OpenTransaction } from './transaction.ts';

/** A peer that has logged in: one connection of the broker with one producer. */
export class Client {
  readonly connection: BrokerConnection;
  readonly producerId: ProducerId;
  readonly names: DestinationNames;
  readonly #settings: StompSettings;
  readonly #consumers = new Map<number, Consumer>();
  readonly #consumersById = new Map<string, Consumer>();
  /** Made with the first: most clients have none, and an idle one must cost little. */
  #transactions: Map<string, OpenTransaction> | undefined;
  #consumerCount = 0;
  #transactionCount = 0;
  #sentCount = 0;

  constructor(connection: BrokerConnection, producerId: ProducerId, settings: StompSettings) {
    this.connection = connection;
    this.producerId = producerId;
    this.names = new DestinationNames(connection, settings.temporaryDestinationCountMax);
    this.#settings = settings;
  }

  /** The count of the next message, from 1. */
  nextProducerSequence(): number {
    this.#sentCount += 1;
    return this.#sentCount;
  }

  /** @throws `BATON_LIMIT`, `BATON_PROTOCOL` if the client calls another subscription so. */
  nextConsumerNumber(id: string | undefined): number {
    const { subscriptionCountMax } = this.#settings;
    if (this.#consumers.size >= subscriptionCountMax) {
      throw limit('subscriptions', subscriptionCountMax, 'subscriptionCountMax');
    }
    if (id !== undefined && this.#consumersById.has(id)) {
      throw protocolError(`There is a subscription with the id "${id}" already`);
    }
    this.#consumerCount += 1;
    return this.#consumerCount;
  }

  add(consumer: Consumer): void {
    this.#consumers.set(consumer.traits.number, consumer);
    if (consumer.traits.id !== undefined) this.#consumersById.set(consumer.traits.id, consumer);
  }

  /** The broker ended it: there is nothing left to close. */
  forget({ traits }: Consumer): void {
    this.#consumers.delete(traits.number);
    if (traits.id !== undefined) this.#consumersById.delete(traits.id);
  }

  remove(consumer: Consumer): void {
    // What was written for it still reaches the client.
    consumer.ackDelivered();
    this.forget(consumer);
    consumer.subscription.close(LAST_DELIVERED_UNKNOWN);
  }

  consumers(): IterableIterator<Consumer> {
    return this.#consumers.values();
  }

  consumerWithNumber(number: number): Consumer | undefined {
    return this.#consumers.get(number);
  }

  consumerWithId(id: string): Consumer | undefined {
    return this.#consumersById.get(id);
  }

  /** STOMP 1.0 lets a client name its subscription by what it subscribed to; of several, the oldest. */
  consumerOf(destination: Destination): Consumer | undefined {
    for (const consumer of this.#consumers.values()) {
      if (consumer.traits.destination.key === destination.key) return consumer;
    }
    return undefined;
  }

  durableConsumer(subscriptionName: string): Consumer | undefined {
    for (const consumer of this.#consumers.values()) {
      if (consumer.subscription.options.subscriptionName === subscriptionName) return consumer;
    }
    return undefined;
  }

  /** @throws `BATON_LIMIT`, `BATON_PROTOCOL` if it is open. */
  begin(name: string): LocalTransactionId {
    const { transactionCountMax } = this.#settings;
    const transactions = (this.#transactions ??= new Map<string, OpenTransaction>());
    if (transactions.has(name)) throw protocolError(`The transaction "${name}" is open already`);
    if (transactions.size >= transactionCountMax) {
      throw limit('transactions', transactionCountMax, 'transactionCountMax');
    }
    const id = this.nextTransactionId();
    this.connection.beginTransaction(id);
    transactions.set(name, new OpenTransaction(id));
    return id;
  }

  nextTransactionId(): LocalTransactionId {
    this.#transactionCount += 1;
    const { connectionId } = this.connection;
    return { kind: 'local', connectionId, value: this.#transactionCount };
  }

  /** @throws `BATON_UNKNOWN_TRANSACTION` if it is not open. */
  transaction(name: string): OpenTransaction {
    const transaction = this.#transactions?.get(name);
    if (transaction !== undefined) return transaction;
    throw new BrokerError(
      'BATON_UNKNOWN_TRANSACTION',
      `The transaction "${name}" has not been begun`,
      { details: { transaction: name } },
    );
  }

  /** As {@link transaction}; it is not open any more after that. */
  endTransaction(name: string): OpenTransaction {
    const transaction = this.transaction(name);
    this.#transactions?.delete(name);
    return transaction;
  }
}

function limit(what: string, countMax: number, option: string): BrokerError {
  return new BrokerError(
    'BATON_LIMIT',
    `The connection has ${countMax} ${what}; "${option}" allows no more`,
    { details: { countMax, option } },
  );
}
