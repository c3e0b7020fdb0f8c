import { BrokerError, matchesPattern, parseDestination, type Destination } from '@batonmq/model';
import {
  VIRTUAL_TOPIC_DEFAULTS,
  type CompositeDestination,
  type VirtualDestination,
  type VirtualTopic,
} from '../policy/virtual-destination.ts';
import { isOfVirtualTopic, mirrorOf, queuesPattern } from '../policy/virtual-problems.ts';
import type { Destinations } from './destinations.ts';
import { Queue } from './queue.ts';

/** Where the messages of one destination go on to. */
export interface Route {
  /** Destinations by name, made if missing. */
  readonly forwardTo: readonly Destination[];
  /** Queues that are there: those of a virtual topic. */
  readonly queues: () => Iterable<Queue>;
  /** Whether its own consumers get them too. */
  readonly isKept: boolean;
}

/** What the virtual destinations of a broker mean for the destinations there are. */
export class Routes {
  readonly #virtuals: readonly VirtualDestination[];
  readonly #destinations: Destinations;
  /** Of virtual topics, by the key of the topic; made anew after such queues came or went. */
  readonly #queues = new Map<string, readonly Queue[]>();

  constructor(virtuals: readonly VirtualDestination[], destinations: Destinations) {
    this.#virtuals = virtuals;
    this.#destinations = destinations;
  }

  /** Queues that are to be there before anybody consumes from them. */
  get declaredQueues(): readonly Destination[] {
    return this.#topics
      .flatMap(({ queues = [] }) => queues)
      .map((queue) => parseDestination(`queue://${queue}`));
  }

  /** A destination was made. None for one that passes nothing on. */
  added({ kind, name, key }: Destination): Route | undefined {
    if (kind === 'queue') {
      this.#changed(name);
      return this.#routeOfQueue(name);
    }
    return kind === 'topic' ? this.#routeOfTopic(name, key) : undefined;
  }

  removed({ kind, name, key }: Destination): void {
    if (kind === 'queue') this.#changed(name);
    this.#queues.delete(key);
  }

  /** True for a queue that gets the messages of a virtual topic: it must outlive its consumers. */
  isOfVirtualTopic(target: Destination): boolean {
    return target.kind === 'queue' && isOfVirtualTopic(this.#virtuals, target.name);
  }

  /** @throws `BATON_INVALID_DESTINATION` if `topic` is no virtual topic, or the name of the application is no name. */
  queueFor(topic: string, consumer: string): Destination {
    const virtual = this.#topics.find((each) => matchesPattern(nameOf(each), topic));
    if (virtual !== undefined && /^[^.*>,]+$/.test(consumer)) {
      return parseDestination(`queue://${queuesPattern(virtual, topic).replace('*', consumer)}`);
    }
    const text =
      virtual === undefined
        ? `topic://${topic} is no virtual topic`
        : `"${consumer}" cannot stand in the name of a queue: a name without . * > , is needed`;
    throw new BrokerError('BATON_INVALID_DESTINATION', text, { details: { topic, consumer } });
  }

  get #topics(): readonly VirtualTopic[] {
    return this.#virtuals.filter((virtual) => virtual.type === 'virtualTopic');
  }

  #routeOfQueue(name: string): Route | undefined {
    const composites = this.#composites('compositeQueue', name);
    const mirrors = this.#virtuals
      .filter((virtual) => virtual.type === 'mirroredQueues')
      .filter(() => !isOfVirtualTopic(this.#virtuals, name))
      .map((virtual) => parseDestination(`topic://${mirrorOf(virtual, name)}`));
    if (composites.length + mirrors.length === 0) return undefined;
    return {
      forwardTo: [...targetsOf(composites), ...mirrors],
      queues: () => [],
      isKept: composites.every(({ forwardOnly = true }) => !forwardOnly),
    };
  }

  #routeOfTopic(name: string, key: string): Route | undefined {
    const composites = this.#composites('compositeTopic', name);
    const topics = this.#topics.filter((virtual) => matchesPattern(nameOf(virtual), name));
    if (composites.length + topics.length === 0) return undefined;
    const patterns = topics.map((virtual) => queuesPattern(virtual, name));
    return {
      forwardTo: targetsOf(composites),
      queues: () => this.#queuesOf(key, patterns),
      isKept: composites.every(({ forwardOnly = true }) => !forwardOnly),
    };
  }

  #composites(type: CompositeDestination['type'], name: string): readonly CompositeDestination[] {
    return this.#virtuals.flatMap((virtual) =>
      virtual.type === type && matchesPattern(virtual.name, name) ? [virtual] : [],
    );
  }

  #queuesOf(key: string, patterns: readonly string[]): readonly Queue[] {
    const known = this.#queues.get(key);
    if (known !== undefined || patterns.length === 0) return known ?? [];
    const found = [...this.#destinations].flatMap((each) =>
      each instanceof Queue && isNamedBy(each.destination, patterns) ? [each] : [],
    );
    this.#queues.set(key, found);
    return found;
  }

  /** Most queues that come and go belong to no virtual topic. */
  #changed(queue: string): void {
    if (this.#queues.size > 0 && isOfVirtualTopic(this.#virtuals, queue)) this.#queues.clear();
  }
}

function isNamedBy({ kind, name }: Destination, patterns: readonly string[]): boolean {
  return kind === 'queue' && patterns.some((pattern) => matchesPattern(pattern, name));
}

function nameOf({ name = VIRTUAL_TOPIC_DEFAULTS.name }: VirtualTopic): string {
  return name;
}

function targetsOf(composites: readonly CompositeDestination[]): readonly Destination[] {
  return composites.flatMap(({ forwardTo }) => forwardTo.map((each) => parseDestination(each)));
}
