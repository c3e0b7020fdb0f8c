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
}

/** A queue or topic that passes its messages on to others. */
export interface CompositeDestination {
  readonly type: 'compositeQueue' | 'compositeTopic';
  /** A name, or a pattern. */
  readonly name: string;
  /** Where its messages go: `queue://A`, `topic://B`; a bare name is a queue. */
  readonly forwardTo: readonly string[];
  /** False: its own consumers get them too. @defaultValue true */
  readonly forwardOnly?: boolean;
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
});

export const MIRRORED_QUEUES_DEFAULTS = Object.freeze({
  prefix: 'VirtualTopic.Mirror.',
  postfix: '',
});

/** What a broker has where nothing is said; an entry of a `virtualTopic` takes its place. */
export const DEFAULT_VIRTUAL_TOPIC: VirtualTopic = Object.freeze({ type: 'virtualTopic' });

/** The entries in force: those given, and the default virtual topic unless another is given. */
export function withDefaultVirtualTopic(
  given: readonly VirtualDestination[],
): readonly VirtualDestination[] {
  const hasTopic = given.some(({ type }) => type === 'virtualTopic');
  return hasTopic ? given : [DEFAULT_VIRTUAL_TOPIC, ...given];
}
