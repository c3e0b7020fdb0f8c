/**
 * Destinations whose messages go on to others. Names and meanings are ActiveMQ's. A fan-out is always
 * atomic and its body is stored once, so there is nothing to choose about that.
 */
export type VirtualDestination = VirtualTopic | CompositeDestination | MirroredQueues;

/** A topic whose messages also go to a queue for each application that wants them. */
export interface VirtualTopic {
  readonly type: 'virtualTopic';
  /** The topics: a name, or a pattern. @defaultValue 'VirtualTopic.>' */
  readonly name?: string;
  /**
   * What stands before the name of the topic in the names of its queues; its `*` is the application.
   *
   * @defaultValue 'Consumer.*.'
   */
  readonly prefix?: string;
  /** What stands behind it. @defaultValue '' */
  readonly postfix?: string;
  /** Queues that exist before their first consumer, so that no message is missed. @defaultValue none */
  readonly queues?: readonly string[];
  /**
   * Whether a queue gets only what the selector of one of its consumers lets through. Selectors are stored and
   * count on when their consumers are gone; a queue that had no consumer yet gets everything.
   *
   * @defaultValue false
   */
  readonly selectorAware?: boolean;
  /**
   * Whether, of consumers that are gone, only the last one's selector counts on. Means something with
   * `selectorAware` only.
   *
   * @defaultValue false
   */
  readonly singleSelectorPerDestination?: boolean;
}

/** A queue or topic that passes its messages on to others. */
export interface CompositeDestination {
  readonly type: 'compositeQueue' | 'compositeTopic';
  /** A name, or a pattern. */
  readonly name: string;
  /** Where its messages go: `queue://A`, `topic://B`; a bare name is a queue. */
  readonly forwardTo: readonly (string | FilteredDestination)[];
  /** False: its own consumers get them too. @defaultValue true */
  readonly forwardOnly?: boolean;
  /**
   * True: its own consumers get what goes nowhere else because no selector lets it through, and nothing
   * but that, whatever `forwardOnly` says.
   *
   * @defaultValue false
   */
  readonly sendWhenNotMatched?: boolean;
}

/** A queue or a topic that gets some of the messages. */
export interface FilteredDestination {
  /** The name of the queue; or else there is a topic. */
  readonly queue?: string;
  readonly topic?: string;
  /** What it lets through. @defaultValue everything */
  readonly selector?: string;
}

/** Every queue shows what is sent to it on a topic too, which applications can listen to. */
export interface MirroredQueues {
  readonly type: 'mirroredQueues';
  /** What stands before the name of the queue in the name of its topic. @defaultValue 'VirtualTopic.Mirror.' */
  readonly prefix?: string;
  /** What stands behind it. @defaultValue '' */
  readonly postfix?: string;
}

export const VIRTUAL_TOPIC_DEFAULTS = Object.freeze({
  name: 'VirtualTopic.>',
  prefix: 'Consumer.*.',
  postfix: '',
  queues: Object.freeze([]),
  selectorAware: false,
  singleSelectorPerDestination: false,
});

export const COMPOSITE_DEFAULTS = Object.freeze({ forwardOnly: true, sendWhenNotMatched: false });

export const MIRRORED_QUEUES_DEFAULTS = Object.freeze({
  prefix: 'VirtualTopic.Mirror.',
  postfix: '',
});

/** What a broker has where nothing is said; an entry of a `virtualTopic` takes its place. */
export const DEFAULT_VIRTUAL_TOPIC: VirtualTopic = Object.freeze({ type: 'virtualTopic' });

/** Where a message of a composite goes, as `queue://A`. */
export function forwardKey(forward: string | FilteredDestination): string {
  if (typeof forward === 'string') return forward;
  return forward.queue === undefined ? `topic://${forward.topic}` : `queue://${forward.queue}`;
}

/** The entries in force: those given, and the default virtual topic unless another is given. */
export function withDefaultVirtualTopic(
  given: readonly VirtualDestination[],
): readonly VirtualDestination[] {
  const hasTopic = given.some(({ type }) => type === 'virtualTopic');
  return hasTopic ? given : [DEFAULT_VIRTUAL_TOPIC, ...given];
}
