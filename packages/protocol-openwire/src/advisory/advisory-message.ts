import {
  connectionId,
  producerId,
  type Destination,
  type Message,
  type ProducerId,
} from '@batonmq/model';
import { encodeProperties, type PrimitiveValue } from '@batonmq/message-content';
import { type ConsumerId, type DataStructure } from '@batonmq/openwire';
import { encodeExtension } from '../message-conversion.ts';

/** What one advisory tells. */
export interface AdvisoryContent {
  readonly topic: Destination;
  /** The command that says what happened, or the message it happened to; some say all by their topic. */
  readonly dataStructure?: DataStructure;
  /** What is said beside it, e.g. `consumerCount`. */
  readonly properties?: Readonly<Record<string, PrimitiveValue>>;
  /** The only consumer that gets it, when it is told again to a new one. */
  readonly target?: ConsumerId | undefined;
}

/** Makes the messages of one run of a broker. */
export class AdvisoryMessages {
  /** Where clients reach the broker. */
  brokerUrl: string;
  readonly #producerId: ProducerId;
  readonly #brokerId: string;
  readonly #brokerName: string;
  #count = 0;

  constructor(brokerId: string, brokerName: string) {
    this.#producerId = producerId(connectionId(brokerId), 0, 0);
    this.#brokerId = brokerId;
    this.#brokerName = brokerName;
    this.brokerUrl = `vm://${brokerName}`;
  }

  make({ topic, dataStructure, properties = {}, target }: AdvisoryContent, now: number): Message {
    this.#count += 1;
    return {
      id: { producerId: this.#producerId, producerSequence: this.#count },
      producerId: this.#producerId,
      destination: topic,
      isPersistent: false,
      priority: 0,
      timestamp: 0,
      expiration: 0,
      type: 'Advisory',
      groupSequence: 0,
      contentKind: 'empty',
      isCompressed: false,
      properties: encodeProperties(new Map(Object.entries(this.#all(properties)))) ?? undefined,
      redeliveryCount: 0,
      brokerInTime: now,
      extension: encodeExtension({
        dataStructure: dataStructure ?? null,
        targetConsumerId: target ?? null,
      }),
    };
  }

  #all(properties: Readonly<Record<string, PrimitiveValue>>): Record<string, PrimitiveValue> {
    return {
      ...properties,
      originBrokerId: text(this.#brokerId),
      originBrokerName: text(this.#brokerName),
      originBrokerURL: text(this.brokerUrl),
    };
  }
}

/** A property that is text. */
export function text(value: string): PrimitiveValue {
  return { kind: 'string', value };
}

/** A property that is a small whole number. */
export function int(value: number): PrimitiveValue {
  return { kind: 'int', value };
}
