import type { Broker, BrokerEvent } from '@batonmq/broker-core';
import {
  compositeParts,
  formatMessageId,
  isWildcard,
  matchesPattern,
  type Destination,
  type Message,
} from '@batonmq/model';
import { command, type ConsumerInfo, type ProducerInfo, type WireMessage } from '@batonmq/openwire';
import { BoundedMap } from '../bounded-map.ts';
import { wireProducerId } from '../identity.ts';
import { wireMessageOf } from '../message-conversion.ts';
import { int, text, type AdvisoryContent } from './advisory-message.ts';
import type { AdvisoryTeller } from './advisory-teller.ts';
import { isAdvisory, topicOf, type AdvisoryFamily } from './advisory-topics.ts';

type Event<T extends BrokerEvent['type']> = Extract<BrokerEvent, { type: T }>;

/** Destinations whose policies are remembered; more only cost their look-up again. */
const POLICY_COUNT_MAX = 10_000;

/** What policies say about advisories and events do not depend on. */
interface AdvisoryPolicy {
  readonly isBodyShown: boolean;
  readonly isDiscardTold: boolean;
  readonly isSlownessTold: boolean;
  readonly isFullTold: boolean;
  readonly isBlockedTold: boolean;
}

/** How clients announced what events name by its key. */
export interface Announced {
  consumer(key: string): ConsumerInfo | undefined;
  producer(key: string): ProducerInfo | undefined;
}

/** Tells of what happens to messages, and of those who are too slow or too fast for them, as far as policies want that. */
export class MessageAdvisories {
  readonly #broker: Broker;
  readonly #teller: AdvisoryTeller;
  readonly #announced: Announced;
  readonly #policies = new BoundedMap<string, AdvisoryPolicy>(POLICY_COUNT_MAX);
  readonly #stops: readonly (() => void)[];

  constructor(broker: Broker, teller: AdvisoryTeller, announced: Announced) {
    this.#broker = broker;
    this.#teller = teller;
    this.#announced = announced;
    this.#stops = [
      broker.on('message-delivered', ({ destination, message }) => {
        this.#moved('MessageDelivered', destination, message);
      }),
      broker.on('message-dispatched', ({ destination, message, consumerKey }) => {
        this.#moved('MessageDispatched', destination, message, { consumerId: text(consumerKey) });
      }),
      broker.on('message-consumed', ({ destination, message }) => {
        this.#moved('MessageConsumed', destination, message);
      }),
      broker.on('message-expired', ({ destination, message }) => {
        this.#about('Expired', destination, message, { orignalMessageId: idOf(message) });
      }),
      broker.on('message-dead-lettered', ({ origin, original }) => {
        this.#about('MessageDLQd', origin, original);
      }),
      broker.on('message-discarded', (event) => {
        this.#discarded(event);
      }),
      broker.on('message-without-consumer', ({ destination, message }) => {
        this.#withoutConsumer(destination, message);
      }),
      broker.on('consumer-slow', (event) => {
        this.#slow(event);
      }),
      broker.on('destination-full', (event) => {
        this.#full(event);
      }),
      broker.on('producer-blocked', (event) => {
        this.#blocked(event);
      }),
    ];
  }

  stop(): void {
    for (const stop of this.#stops) stop();
  }

  #discarded(event: Event<'message-discarded'>): void {
    const { destination, message, consumerKey, discardedCount } = event;
    if (isAdvisory(destination) || !this.#policyOf(destination).isDiscardTold) return;
    this.#moved('MessageDiscarded', destination, message, {
      consumerId: text(consumerKey),
      discardedCount: int(discardedCount),
    });
  }

  #moved(
    family: AdvisoryFamily,
    destination: Destination,
    message: Message,
    properties: AdvisoryContent['properties'] = {},
  ): void {
    this.#about(family, destination, message, {
      // Spelt as ActiveMQ does.
      orignalMessageId: idOf(message),
      orignalDestination: text(destination.key),
      ...properties,
    });
  }

  #about(
    family: AdvisoryFamily,
    destination: Destination,
    message: Message,
    properties: AdvisoryContent['properties'] = {},
  ): void {
    if (isAdvisory(destination) || !this.#teller.hears(family, destination)) return;
    const { isBodyShown } = this.#policyOf(destination);
    this.#teller.tell({
      topic: topicOf(family, destination),
      dataStructure: shown(message, destination, isBodyShown),
      properties,
    });
  }

  /** The message itself is the advisory. */
  #withoutConsumer(destination: Destination, message: Message): void {
    if (!this.#teller.hears('NoConsumer', destination)) return;
    this.#teller.publish({
      ...message,
      destination: topicOf('NoConsumer', destination),
      transactionId: undefined,
    });
  }

  /** A consumer of several destinations is slow at each of them. */
  #slow({ destination, consumerKey }: Event<'consumer-slow'>): void {
    const dataStructure = this.#announced.consumer(consumerKey);
    if (dataStructure === undefined) return;
    for (const target of this.#concrete(destination)) {
      if (!this.#policyOf(target).isSlownessTold) continue;
      const topic = topicOf('SlowConsumer', target);
      this.#teller.tell({ topic, dataStructure, properties: { consumerId: text(consumerKey) } });
    }
  }

  #full({ destination, limit }: Event<'destination-full'>): void {
    if (!this.#policyOf(destination).isFullTold) return;
    this.#teller.tell({
      topic: topicOf('FULL', destination),
      properties: { usageName: text(limit.name), usageCount: { kind: 'long', value: limit.used } },
    });
  }

  #blocked({ destination, producerId }: Event<'producer-blocked'>): void {
    if (!this.#policyOf(destination).isBlockedTold) return;
    this.#teller.tell({
      topic: topicOf('FastProducer', destination),
      // Of those who name no destination, or speak another protocol, nothing more is known.
      dataStructure:
        this.#announced.producer(producerId.key) ??
        command('ProducerInfo', { producerId: wireProducerId(producerId) }),
      properties: { producerId: text(producerId.key) },
    });
  }

  #concrete(target: Destination): readonly Destination[] {
    return compositeParts(target).flatMap((part) => {
      if (!isWildcard(part)) return [part];
      return this.#broker
        .destinations()
        .map(({ destination }) => destination)
        .filter(({ kind, name }) => kind === part.kind && matchesPattern(part.name, name));
    });
  }

  #policyOf(target: Destination): AdvisoryPolicy {
    const known = this.#policies.get(target.key);
    if (known !== undefined) return known;
    const policy = this.#broker.effectivePolicy(target);
    const isSet = (name: string): boolean => policy[name]?.value === true;
    return this.#policies.set(target.key, {
      isBodyShown: isSet('includeBodyForAdvisory'),
      isDiscardTold: isSet('advisoryForDiscardingMessages'),
      isSlownessTold: isSet('advisoryForSlowConsumers'),
      isFullTold: isSet('advisoryWhenFull'),
      isBlockedTold: isSet('advisoryForFastProducers'),
    });
  }
}

function idOf({ id }: Message): NonNullable<AdvisoryContent['properties']>[string] {
  return text(formatMessageId(id));
}

/** The message as an advisory shows it. */
function shown(message: Message, destination: Destination, isBodyShown: boolean): WireMessage {
  const { redeliveryCount } = message;
  const told = isBodyShown ? message : { ...message, content: undefined };
  return wireMessageOf({ message: told, destination, brokerSequence: 0, redeliveryCount }, 0);
}
