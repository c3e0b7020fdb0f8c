import type { Broker, BrokerEvent, Subscription } from '@batonmq/broker-core';
import { compositeParts, matchesPattern, type Destination } from '@batonmq/model';
import {
  command,
  DESTINATION_OPERATION,
  type ConnectionInfo,
  type ConsumerInfo,
  type ProducerInfo,
} from '@batonmq/openwire';
import type { Clock } from '@batonmq/runtime';
import {
  destinationOf,
  optionalDestinationOf,
  wireDestination,
} from '../destination-conversion.ts';
import { consumerKey } from '../identity.ts';
import { AdvisoryMessages, type AdvisoryContent } from './advisory-message.ts';
import {
  ADVISORY_PREFIX,
  CONNECTION_TOPIC,
  consumerTopic,
  destinationTopic,
  isAdvisory,
  producerTopic,
} from './advisory-topics.ts';
import { Audience } from './audience.ts';

type Event<T extends BrokerEvent['type']> = Extract<BrokerEvent, { type: T }>;

/**
 * Tells clients, by messages on well-known topics, of the connections, destinations, consumers and
 * producers of the broker. The Java client depends on it: it refuses to reply to a temporary
 * destination that it was not told of.
 *
 * Everything but producers is learnt from the broker's events, so the clients of all protocols are
 * told of. What the events leave out is added from the command that led to them: `announce…`
 * is called with it just before.
 */
export class Advisories {
  readonly #broker: Broker;
  readonly #clock: Clock;
  readonly #messages: AdvisoryMessages;
  readonly #audience = new Audience();
  readonly #stops: readonly (() => void)[];
  readonly #connections = new Map<string, ConnectionInfo>();
  readonly #consumers = new Map<string, ConsumerInfo>();
  readonly #producers = new Map<string, ProducerInfo>();
  /** Consumers and producers per destination key; the numbers that go with their advisories. */
  readonly #consumerCounts = new Counts();
  readonly #producerCounts = new Counts();
  #announcedConnection: ConnectionInfo | undefined;
  #announcedConsumer: ConsumerInfo | undefined;

  constructor(broker: Broker, clock: Clock) {
    this.#broker = broker;
    this.#clock = clock;
    this.#messages = new AdvisoryMessages(broker.id, broker.name);
    this.#stops = [
      broker.on('role-changed', ({ to }) => {
        // What ended with the term is not told one by one; the next one starts without clients.
        if (to !== 'active') this.#reset();
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
    ];
  }

  stop(): void {
    for (const stop of this.#stops) stop();
  }

  #reset(): void {
    this.#audience.clear();
    this.#connections.clear();
    this.#consumers.clear();
    this.#producers.clear();
    this.#consumerCounts.clear();
    this.#producerCounts.clear();
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
    const { connectionId, sessionId, value } = info.producerId;
    this.#producers.set(`${connectionId ?? ''}:${sessionId}:${value}`, info);
    this.#tellProducer(target, info, this.#producerCounts.add(target, 1));
  }

  producerRemoved(info: ProducerInfo): void {
    const target = optionalDestinationOf(info.destination);
    if (target === undefined || isAdvisory(target) || info.producerId === null) return;
    const { connectionId, sessionId, value } = info.producerId;
    this.#producers.delete(`${connectionId ?? ''}:${sessionId}:${value}`);
    const producerCount = this.#producerCounts.add(target, -1);
    this.#tell({
      topic: producerTopic(target),
      dataStructure: command('RemoveInfo', { objectId: info.producerId }),
      counts: { producerCount },
    });
  }

  /** Tells a new consumer of an advisory topic what is there already, and nobody else. */
  replay(subscription: Subscription, info: ConsumerInfo): void {
    const target = destinationOf(info.destination);
    for (const part of compositeParts(target)) {
      if (!isAdvisory(part)) continue;
      for (const content of this.#present(part)) {
        if (!matchesPattern(part.name, content.topic.name)) continue;
        const message = { ...content, target: info.consumerId ?? undefined };
        this.#broker.publish(this.#messages.make(message, this.#clock.wallTime()), subscription);
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
          const target = destinationOf(info.destination);
          const consumerCount = this.#consumerCounts.of(target);
          yield { topic: consumerTopic(target), dataStructure: info, counts: { consumerCount } };
        }
        return;
      case 'Producer':
        for (const info of this.#producers.values()) {
          const target = destinationOf(info.destination);
          const producerCount = this.#producerCounts.of(target);
          yield { topic: producerTopic(target), dataStructure: info, counts: { producerCount } };
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
    this.#tell(connectionContent(info));
  }

  #connectionRemoved({ connectionId }: Event<'connection-removed'>): void {
    this.#connections.delete(connectionId);
    const objectId = { type: 'ConnectionId', value: connectionId } as const;
    this.#tell({ topic: CONNECTION_TOPIC, dataStructure: command('RemoveInfo', { objectId }) });
  }

  #destinationChanged(
    { destination, connectionId }: Event<'destination-added' | 'destination-removed'>,
    operationType: number,
  ): void {
    if (isAdvisory(destination)) return;
    this.#tell(destinationContent(destination, connectionId ?? owner(destination), operationType));
  }

  #consumerAdded({ destination, connectionId, consumerKey: key }: Event<'consumer-added'>): void {
    this.#audience.join(destination);
    if (isAdvisory(destination)) return;
    const announced = this.#announcedConsumer;
    const announcedId = announced?.consumerId;
    const isKnown = announcedId && consumerKey(announcedId) === key;
    const info = isKnown ? announced : foreignConsumer(key, connectionId, destination);
    this.#announcedConsumer = undefined;
    this.#consumers.set(key, info);
    const consumerCount = this.#consumerCounts.add(destination, 1);
    const topic = consumerTopic(destination);
    this.#tell({ topic, dataStructure: info, counts: { consumerCount } });
  }

  #consumerRemoved({ destination, consumerKey: key }: Event<'consumer-removed'>): void {
    this.#audience.leave(destination);
    const info = this.#consumers.get(key);
    if (info === undefined) return;
    this.#consumers.delete(key);
    const consumerCount = this.#consumerCounts.add(destination, -1);
    this.#tell({
      topic: consumerTopic(destination),
      dataStructure: command('RemoveInfo', { objectId: info.consumerId }),
      counts: { consumerCount },
    });
  }

  #tellProducer(target: Destination, info: ProducerInfo, producerCount: number): void {
    this.#tell({ topic: producerTopic(target), dataStructure: info, counts: { producerCount } });
  }

  #tell(content: AdvisoryContent): void {
    if (!this.#audience.hears(content.topic)) return;
    this.#broker.publish(this.#messages.make(content, this.#clock.wallTime()));
  }
}

/** How many there are of something at each destination; none is not kept. */
class Counts {
  readonly #byDestination = new Map<string, number>();

  of(target: Destination): number {
    return this.#byDestination.get(target.key) ?? 0;
  }

  clear(): void {
    this.#byDestination.clear();
  }

  add(target: Destination, change: number): number {
    const count = Math.max(0, this.of(target) + change);
    if (count === 0) this.#byDestination.delete(target.key);
    else this.#byDestination.set(target.key, count);
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

/** A consumer that came through another protocol, as OpenWire would have announced it. */
function foreignConsumer(key: string, connectionId: string, target: Destination): ConsumerInfo {
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
