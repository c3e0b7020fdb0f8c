import { BrokerError, connectionId, type ConnectionId, type ProducerId } from '@batonmq/model';
import type { BrokerConnection, Subscription } from '@batonmq/broker-core';
import type { ConnectionInfo, ConsumerId, ConsumerInfo, ProducerInfo } from '@batonmq/openwire';
import { consumerKey } from './identity.ts';
import type { ConsumerSink } from './dispatch.ts';

/** Session of the consumer that each client has for advisories; it exists without being announced. */
const OWN_SESSION = -1;

/** A consumer of a client. */
export interface Consumer {
  readonly key: string;
  readonly info: ConsumerInfo;
  readonly sink: ConsumerSink;
  readonly subscription: Subscription;
}

/** A producer of a client. */
export interface Producer {
  readonly id: ProducerId;
  readonly info: ProducerInfo;
}

/**
 * One connection id of one peer: what `ConnectionInfo` opened. Nearly every peer is one client, but
 * the protocol lets a socket carry several.
 */
export class Client {
  readonly id: ConnectionId;
  readonly info: ConnectionInfo;
  readonly connection: BrokerConnection;
  /** To be called when it is gone. */
  readonly release: () => void;
  readonly #entityCountMax: number;
  readonly #sessions = new Set<string>([String(OWN_SESSION)]);
  readonly #consumers = new Map<string, Consumer>();
  readonly #producers = new Map<string, Producer>();
  #lastProducer: Producer | undefined;
  #lastConsumerId: ConsumerId | undefined;
  #lastConsumer: Consumer | undefined;

  constructor(
    info: ConnectionInfo,
    connection: BrokerConnection,
    entityCountMax: number,
    release: () => void,
  ) {
    this.release = release;
    this.id = connectionId(info.connectionId?.value ?? '');
    this.info = info;
    this.connection = connection;
    this.#entityCountMax = entityCountMax;
  }

  /** A repeated add is none. */
  addSession(session: string): void {
    if (this.#sessions.has(session)) return;
    this.checkRoom();
    this.#sessions.add(session);
  }

  /** @throws `BATON_INVALID_STATE` if the session was not announced. */
  checkSession(session: string, of: string): void {
    if (this.#sessions.has(session)) return;
    throw unregistered(
      `Cannot add a ${of} to a session that had not been registered: ${this.id}:${session}`,
    );
  }

  /** Closes all that belongs to it, and returns its producers. */
  removeSession(session: string, lastDelivered: number): readonly Producer[] {
    if (!this.#sessions.has(session))
      throw unregistered(`The session ${this.id}:${session} is unknown`);
    if (session !== String(OWN_SESSION)) this.#sessions.delete(session);
    for (const consumer of [...this.#consumers.values()]) {
      if (String(consumer.info.consumerId?.sessionId) === session) {
        this.removeConsumer(consumer, lastDelivered);
      }
    }
    const producers = [...this.#producers.values()].filter(
      (producer) => String(producer.id.sessionId) === session,
    );
    for (const producer of producers) this.removeProducer(producer);
    return producers;
  }

  consumer(id: ConsumerId | null): Consumer | undefined {
    if (id === null) return undefined;
    // The decoder gives the ids of one consumer as one object, so most acks need no text key.
    if (this.#lastConsumerId !== id) {
      this.#lastConsumerId = id;
      this.#lastConsumer = this.#consumers.get(consumerKey(id));
    }
    return this.#lastConsumer;
  }

  addConsumer(consumer: Consumer): void {
    this.#lastConsumerId = undefined;
    this.#consumers.set(consumer.key, consumer);
  }

  removeConsumer(consumer: Consumer, lastDelivered: number): void {
    this.forgetConsumer(consumer.key);
    consumer.subscription.close(lastDelivered);
  }

  /** The broker ended it: there is nothing left to close. */
  forgetConsumer(key: string): void {
    this.#lastConsumerId = undefined;
    this.#lastConsumer = undefined;
    this.#consumers.delete(key);
  }

  consumers(): IterableIterator<Consumer> {
    return this.#consumers.values();
  }

  producers(): IterableIterator<Producer> {
    return this.#producers.values();
  }

  producer(id: ProducerId): Producer | undefined {
    // Ids of one producer are one object, so the usual case costs no look-up.
    if (this.#lastProducer?.id === id) return this.#lastProducer;
    return (this.#lastProducer = this.#producers.get(id.key));
  }

  addProducer(producer: Producer): void {
    this.#producers.set(producer.id.key, producer);
  }

  removeProducer(producer: Producer): void {
    this.#lastProducer = undefined;
    this.#producers.delete(producer.id.key);
    this.connection.removeProducer(producer.id);
  }

  /** @throws `BATON_LIMIT` if nothing more may be opened. */
  checkRoom(): void {
    const count = this.#sessions.size + this.#consumers.size + this.#producers.size;
    if (count < this.#entityCountMax) return;
    throw new BrokerError(
      'BATON_LIMIT',
      `The connection ${this.id} has ${count} sessions, producers and consumers; ${this.#entityCountMax} are allowed`,
    );
  }
}

/** The error for a command about something that was not opened. */
export function unregistered(what: string): BrokerError {
  return new BrokerError('BATON_INVALID_STATE', what);
}
