import { BrokerError, type Destination } from '@batonmq/model';
import type { ProducerState } from '../connection/flow-control.ts';
import type { DestinationPolicy } from '../policy/destination-policy.ts';
import { POLICY_DEFAULTS } from '../policy/policy-defaults.ts';

/** The producers of a destination whose policy depends on them. */
export class ProducerPlaces {
  readonly #destination: Destination;
  readonly #maxProducers: number;
  /** Whether each named the destination when it was opened, and so is here although it may send nothing. */
  readonly #producers = new Map<ProducerState, boolean>();

  constructor(destination: Destination, maxProducers: number) {
    this.#destination = destination;
    this.#maxProducers = maxProducers;
  }

  /** None for most destinations: nobody asks for their producers. */
  static of(destination: Destination, policy: DestinationPolicy): ProducerPlaces | undefined {
    const { maxProducers, gcInactiveDestinations } = { ...POLICY_DEFAULTS, ...policy };
    if (maxProducers === 0 && !gcInactiveDestinations) return undefined;
    return new ProducerPlaces(destination, maxProducers);
  }

  /** True if some producer is open that is for this destination alone. */
  get hasNamed(): boolean {
    for (const isNamed of this.#producers.values()) if (isNamed) return true;
    return false;
  }

  /** @throws `BATON_LIMIT` if there are as many producers as there may be, and this is another one. */
  enter(producer: ProducerState, isNamed: boolean): void {
    if (this.#producers.has(producer)) return;
    if (this.#maxProducers > 0 && this.#producers.size >= this.#maxProducers) throw this.#full();
    this.#producers.set(producer, isNamed);
    producer.places ??= new Set();
    producer.places.add(this);
  }

  leave(producer: ProducerState): void {
    this.#producers.delete(producer);
  }

  #full(): BrokerError {
    const { key } = this.#destination;
    const allowed = this.#maxProducers;
    return new BrokerError(
      'BATON_LIMIT',
      `${key} has ${allowed} producers; "maxProducers" allows no more`,
      { details: { destination: key, limit: 'maxProducers', allowed, used: allowed } },
    );
  }
}
