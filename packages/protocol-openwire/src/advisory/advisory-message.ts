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
  /** The command that says what happened. */
  readonly dataStructure: DataStructure;
  /** Whole numbers beside it, e.g. `consumerCount`. */
  readonly counts?: Readonly<Record<string, number>>;
  /** The only consumer that gets it, when it is told again to a new one. */
  readonly target?: ConsumerId | undefined;
}

/** Makes the messages of one run of a broker. */
export class AdvisoryMessages {
  readonly #producerId: ProducerId;
  readonly #origin: readonly (readonly [string, PrimitiveValue])[];
  #count = 0;

  constructor(brokerId: string, brokerName: string) {
    this.#producerId = producerId(connectionId(brokerId), 0, 0);
    this.#origin = [
      ['originBrokerId', { kind: 'string', value: brokerId }],
      ['originBrokerName', { kind: 'string', value: brokerName }],
      ['originBrokerURL', { kind: 'string', value: `vm://${brokerName}` }],
    ];
  }

  make({ topic, dataStructure, counts = {}, target }: AdvisoryContent, now: number): Message {
    const numbers = Object.entries(counts).map(
      ([key, value]) => [key, { kind: 'int', value }] as const,
    );
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
      properties: encodeProperties(new Map([...this.#origin, ...numbers])) ?? undefined,
      redeliveryCount: 0,
      brokerInTime: now,
      extension: encodeExtension({ dataStructure, targetConsumerId: target ?? null }),
    };
  }
}
