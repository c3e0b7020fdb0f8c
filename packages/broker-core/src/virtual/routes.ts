import { BrokerError, matchesPattern, parseDestination, type Destination } from '@batonmq/model';
import type { Selector } from '@batonmq/selector';
import { consumerSelector } from '../message/message-filter.ts';
import {
  COMPOSITE_DEFAULTS,
  forwardKey,
  VIRTUAL_TOPIC_DEFAULTS,
  type CompositeDestination,
  type FilteredDestination,
  type VirtualDestination,
  type VirtualTopic,
} from '../policy/virtual-destination.ts';
import {
  isOfVirtualTopic,
  mirrorOf,
  queuesPattern,
  topicsOfQueue,
} from '../policy/virtual-problems.ts';
import type { Destinations } from '../destination/destinations.ts';
import { Queue } from '../destination/queue.ts';

/** Where the messages of one destination go on to. Its own consumers get what no part of it keeps from them. */
export interface Route {
  /** To destinations by name, made if missing. */
  readonly forwardings: readonly Forwarding[];
  /** Queues that are there: those of a virtual topic. */
  readonly queues: () => Iterable<Queue>;
}

/** What one entry of the virtual destinations makes of a destination's messages. */
export interface Forwarding {
  readonly targets: readonly ForwardTarget[];
  /** Which messages its own consumers get too; `unmatched` ones are for none of the targets. */
  readonly kept: 'all' | 'unmatched' | 'none';
}

export interface ForwardTarget {
  readonly destination: Destination;
  /** What it lets through; none is everything. */
  readonly selector: Selector | undefined;
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

  /** The virtual topics that a queue gets messages of. */
  topicsOf(target: Destination): readonly VirtualTopic[] {
    return target.kind === 'queue' ? topicsOfQueue(this.#virtuals, target.name) : [];
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
      .map((virtual) => mirroring(`topic://${mirrorOf(virtual, name)}`));
    if (composites.length + mirrors.length === 0) return undefined;
    return { forwardings: [...composites, ...mirrors], queues: () => [] };
  }

  #routeOfTopic(name: string, key: string): Route | undefined {
    const composites = this.#composites('compositeTopic', name);
    const topics = this.#topics.filter((virtual) => matchesPattern(nameOf(virtual), name));
    if (composites.length + topics.length === 0) return undefined;
    const patterns = topics.map((virtual) => queuesPattern(virtual, name));
    return { forwardings: composites, queues: () => this.#queuesOf(key, patterns) };
  }

  #composites(type: CompositeDestination['type'], name: string): readonly Forwarding[] {
    return this.#virtuals.flatMap((virtual) =>
      virtual.type === type && matchesPattern(virtual.name, name) ? [forwardingOf(virtual)] : [],
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

function forwardingOf(composite: CompositeDestination): Forwarding {
  const { forwardTo, forwardOnly, sendWhenNotMatched } = { ...COMPOSITE_DEFAULTS, ...composite };
  const others = forwardOnly ? 'none' : 'all';
  return {
    targets: forwardTo.map(targetOf),
    kept: sendWhenNotMatched ? 'unmatched' : others,
  };
}

function targetOf(forward: string | FilteredDestination): ForwardTarget {
  return {
    destination: parseDestination(forwardKey(forward)),
    selector: typeof forward === 'string' ? undefined : consumerSelector(forward.selector),
  };
}

function mirroring(topic: string): Forwarding {
  return { targets: [targetOf(topic)], kept: 'all' };
}
