import type { Broker, BrokerEvent, Subscription } from '@batonmq/broker-core';
import {
  compositeParts,
  isWildcard,
  matchesPattern,
  type ConnectionId,
  type Destination,
} from '@batonmq/model';
import {
  command,
  DESTINATION_OPERATION,
  type ConnectionInfo,
  type ConsumerInfo,
  type DataStructure,
  type ProducerInfo,
} from '@batonmq/openwire';
import type { Clock } from '@batonmq/runtime';
import {
  destinationOf,
  optionalDestinationOf,
  wireDestination,
} from '../destination-conversion.ts';
import { consumerKey } from '../identity.ts';
import { int, type AdvisoryContent } from './advisory-message.ts';
import { AdvisoryTeller } from './advisory-teller.ts';
import {
  ADVISORY_PREFIX,
  CONNECTION_TOPIC,
  destinationTopic,
  isAdvisory,
  MASTER_TOPIC,
  topicOf,
} from './advisory-topics.ts';
import { Counts } from './counts.ts';
import { MessageAdvisories } from './message-advisories.ts';

type Event<T extends BrokerEvent['type']> = Extract<BrokerEvent, { type: T }>;

/**
 * Tells clients, by messages on well-known topics, of the connections, destinations, consumers and
 * producers of the broker, and through {@link MessageAdvisories} of messages. The Java client depends
 * on it: it refuses to reply to a temporary destination that it was not told of.
 *
 * Everything but producers is learnt from the broker's events, so the clients of all protocols are
 * told of. What the events leave out is added from the command that led to them: `announce…`
 * is called with it just before.
 */
export class Advisories {
  readonly #broker: Broker;
  readonly #teller: AdvisoryTeller;
  readonly #ofMessages: MessageAdvisories;
  readonly #stops: readonly (() => void)[];
  readonly #connections = new Map<string, ConnectionInfo>();
  readonly #consumers = new Map<string, ConsumerInfo>();
  readonly #producers = new Map<string, ProducerInfo>();
  /** Of consumers; a durable subscription is one, with a consumer or without. */
  readonly #consumerCounts = new Counts();
  readonly #producerCounts = new Counts();
  #announcedConnection: ConnectionInfo | undefined;
  #announcedConsumer: ConsumerInfo | undefined;

  constructor(broker: Broker, clock: Clock) {
    this.#broker = broker;
    this.#teller = new AdvisoryTeller(broker, clock);
    this.#ofMessages = new MessageAdvisories(broker, this.#teller, {
      consumer: (key) => this.#consumers.get(key),
      producer: (key) => this.#producers.get(key),
    });
    this.#countDurables();
    this.#stops = [
      broker.on('role-changed', ({ to }) => {
        // What ended with the term is not told one by one; the next one starts without clients.
        this.#reset();
        if (to === 'active') this.#countDurables();
      }),
      broker.on('connection-added', (event) => {
        this.#connectionAdded(event);
      }),
      broker.on('connection-removed', (event) => {
        this.#connectionRemoved(event);
      }),
      broker.on('destination-added', (event) => {
        this.#destinationChanged(event, DESTINATION_OPERATION.add);
      }),
      broker.on('destination-removed', (event) => {
        this.#destinationChanged(event, DESTINATION_OPERATION.remove);
      }),
      broker.on('consumer-added', (event) => {
        this.#consumerAdded(event);
      }),
      broker.on('consumer-removed', (event) => {
        this.#consumerRemoved(event);
      }),
      broker.on('subscription-added', ({ destination }) => {
        this.#consumerCounts.add(destination, 1);
      }),
      broker.on('subscription-removed', (event) => {
        this.#subscriptionRemoved(event);
      }),
    ];
  }

  stop(): void {
    for (const stop of this.#stops) stop();
    this.#ofMessages.stop();
  }

  #reset(): void {
    this.#teller.clear();
    this.#connections.clear();
    this.#consumers.clear();
    this.#producers.clear();
    this.#consumerCounts.clear();
    this.#producerCounts.clear();
  }

  #countDurables(): void {
    for (const { destination } of this.#broker.durableSubscriptions()) {
      this.#consumerCounts.add(destination, 1);
    }
  }

  /** A client has reached the broker there. */
  reachedAt(address: string): void {
    this.#teller.reachedAt(address);
  }

  announceConnection(info: ConnectionInfo): void {
    this.#announcedConnection = info;
  }

  announceConsumer(info: ConsumerInfo): void {
    this.#announcedConsumer = info;
  }

  producerAdded(info: ProducerInfo): void {
    const target = optionalDestinationOf(info.destination);
    if (target === undefined || isAdvisory(target) || info.producerId === null) return;
    this.#producers.set(producerKey(info.producerId), info);
    this.#producerCounts.add(target, 1);
    this.#tellProducer(target, info);
  }

  producerRemoved(info: ProducerInfo): void {
    const target = optionalDestinationOf(info.destination);
    if (target === undefined || isAdvisory(target) || info.producerId === null) return;
    this.#producers.delete(producerKey(info.producerId));
    this.#producerCounts.add(target, -1);
    this.#tellProducer(target, command('RemoveInfo', { objectId: info.producerId }));
  }

  /** Tells a new consumer of an advisory topic what is there already, and nobody else. */
  replay(subscription: Subscription, info: ConsumerInfo): void {
    const parts = compositeParts(destinationOf(info.destination)).filter(
      ({ kind }) => kind === 'topic',
    );
    if (parts.some(({ name }) => matchesPattern(name, MASTER_TOPIC.name))) {
      this.#teller.tellMaster(subscription);
    }
    for (const part of parts) {
      if (!isAdvisory(part)) continue;
      for (const content of this.#present(part)) {
        if (!matchesPattern(part.name, content.topic.name)) continue;
        this.#teller.tellAgain(content, subscription, info.consumerId);
      }
    }
  }

  /** What is told again depends on the family named; a consumer of everything is told only what is new. */
  *#present(part: Destination): Iterable<AdvisoryContent> {
    const [family] = part.name.slice(ADVISORY_PREFIX.length).split('.');
    switch (family) {
      case 'Connection':
        for (const info of this.#connections.values()) yield connectionContent(info);
        return;
      case 'Queue':
      case 'Topic':
      case 'TempQueue':
      case 'TempTopic':
        for (const { destination } of this.#broker.destinations()) {
          if (!isAdvisory(destination)) {
            yield destinationContent(destination, owner(destination), DESTINATION_OPERATION.add);
          }
        }
        return;
      case 'Consumer':
        for (const info of this.#consumers.values()) {
          yield this.#consumerContent(destinationOf(info.destination), info);
        }
        return;
      case 'Producer':
        for (const info of this.#producers.values()) {
          yield this.#producerContent(destinationOf(info.destination), info);
        }
        return;
      default:
    }
  }

  #connectionAdded({ connectionId, clientId, remoteAddress }: Event<'connection-added'>): void {
    const announced = this.#announcedConnection;
    const known = announced?.connectionId?.value === connectionId ? announced : undefined;
    const id = { type: 'ConnectionId', value: connectionId } as const;
    const info = {
      ...(known ?? command('ConnectionInfo', { connectionId: id, clientId })),
      // Everybody may listen.
      password: '',
      clientIp: remoteAddress,
    };
    this.#announcedConnection = undefined;
    this.#connections.set(connectionId, info);
    this.#teller.tell(connectionContent(info));
  }

  #connectionRemoved({ connectionId }: Event<'connection-removed'>): void {
    this.#connections.delete(connectionId);
    const objectId = { type: 'ConnectionId', value: connectionId } as const;
    const dataStructure = command('RemoveInfo', { objectId });
    this.#teller.tell({ topic: CONNECTION_TOPIC, dataStructure });
  }

  #destinationChanged(
    { destination, connectionId }: Event<'destination-added' | 'destination-removed'>,
    operationType: number,
  ): void {
    if (isAdvisory(destination)) return;
    const by = connectionId ?? owner(destination);
    this.#teller.tell(destinationContent(destination, by, operationType));
  }

  #consumerAdded(event: Event<'consumer-added'>): void {
    const { destination, connectionId, consumerKey: key, isDurable } = event;
    this.#teller.audience.join(destination);
    if (isAdvisory(destination)) return;
    const announced = this.#announcedConsumer;
    const announcedId = announced?.consumerId;
    const isKnown = announcedId && consumerKey(announcedId) === key;
    const info = isKnown ? announced : foreignConsumer(key, connectionId, destination);
    this.#announcedConsumer = undefined;
    this.#consumers.set(key, info);
    if (!isDurable) this.#consumerCounts.add(destination, 1);
    this.#tellConsumer(destination, info);
  }

  #consumerRemoved(event: Event<'consumer-removed'>): void {
    const { destination, consumerKey: key, isDurable } = event;
    this.#teller.audience.leave(destination);
    const info = this.#consumers.get(key);
    if (info === undefined) return;
    this.#consumers.delete(key);
    if (!isDurable) this.#consumerCounts.add(destination, -1);
    this.#tellConsumer(destination, command('RemoveInfo', { objectId: info.consumerId }));
  }

  #subscriptionRemoved(event: Event<'subscription-removed'>): void {
    const { destination, clientId, subscriptionName } = event;
    this.#consumerCounts.add(destination, -1);
    this.#tellConsumer(
      destination,
      command('RemoveSubscriptionInfo', { clientId, subscriptionName }),
    );
  }

  #tellConsumer(target: Destination, dataStructure: DataStructure): void {
    if (!this.#teller.hears('Consumer', target)) return;
    this.#teller.tell(this.#consumerContent(target, dataStructure));
  }

  #tellProducer(target: Destination, dataStructure: DataStructure): void {
    if (!this.#teller.hears('Producer', target)) return;
    this.#teller.tell(this.#producerContent(target, dataStructure));
  }

  #consumerContent(target: Destination, dataStructure: DataStructure): AdvisoryContent {
    const consumerCount = int(this.#countAt(target, this.#consumerCounts));
    return { topic: topicOf('Consumer', target), dataStructure, properties: { consumerCount } };
  }

  #producerContent(target: Destination, dataStructure: DataStructure): AdvisoryContent {
    const producerCount = int(this.#countAt(target, this.#producerCounts));
    return { topic: topicOf('Producer', target), dataStructure, properties: { producerCount } };
  }

  /** At a wildcard: at all destinations there are that it covers; at a composite: at all of its parts together. */
  #countAt(target: Destination, counts: Counts): number {
    let count = 0;
    for (const part of compositeParts(target)) {
      if (!isWildcard(part)) {
        count += counts.at(part);
        continue;
      }
      for (const { destination } of this.#broker.destinations()) {
        const { kind, name } = destination;
        if (kind === part.kind && matchesPattern(part.name, name)) count += counts.at(destination);
      }
    }
    return count;
  }
}

function connectionContent(info: ConnectionInfo): AdvisoryContent {
  return { topic: CONNECTION_TOPIC, dataStructure: info };
}

function destinationContent(
  target: Destination,
  connectionId: string | undefined,
  operationType: number,
): AdvisoryContent {
  return {
    topic: destinationTopic(target),
    dataStructure: command('DestinationInfo', {
      connectionId:
        connectionId === undefined ? null : { type: 'ConnectionId', value: connectionId },
      destination: wireDestination(target),
      operationType,
    }),
  };
}

/** Clients name their temporary destinations `<connection id>:<number>`. */
function owner({ kind, name }: Destination): string | undefined {
  return kind === 'temp-queue' || kind === 'temp-topic'
    ? name.slice(0, Math.max(0, name.lastIndexOf(':')))
    : undefined;
}

function producerKey({
  connectionId,
  sessionId,
  value,
}: NonNullable<ProducerInfo['producerId']>): string {
  return `${connectionId ?? ''}:${sessionId}:${value}`;
}

/** A consumer that came through another protocol, as OpenWire would have announced it. */
function foreignConsumer(
  key: string,
  connectionId: ConnectionId,
  target: Destination,
): ConsumerInfo {
  const [, sessionId = '1', value = '1'] = /:(-?\d+):(\d+)$/.exec(key) ?? [];
  return command('ConsumerInfo', {
    consumerId: {
      type: 'ConsumerId',
      connectionId,
      sessionId: Number(sessionId),
      value: Number(value),
    },
    destination: wireDestination(target),
  });
}
