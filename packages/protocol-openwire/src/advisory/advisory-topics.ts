import { compositeParts, destination, isQueue, type Destination } from '@batonmq/model';

/** Start of the names of all advisory topics. */
export const ADVISORY_PREFIX = 'ActiveMQ.Advisory.';

export const CONNECTION_TOPIC = advisory('Connection');

/** Where a broker tells that it serves from now on. */
export const MASTER_TOPIC = advisory('MasterBroker');

const DESTINATION_TOPICS: Readonly<Record<Destination['kind'], Destination>> = {
  queue: advisory('Queue'),
  topic: advisory('Topic'),
  'temp-queue': advisory('TempQueue'),
  'temp-topic': advisory('TempTopic'),
};

/** What is told about a destination, each on a topic of its own for each destination. */
export type AdvisoryFamily =
  | 'Consumer'
  | 'Producer'
  | 'Expired'
  | 'MessageDLQd'
  | 'MessageDelivered'
  | 'MessageDispatched'
  | 'MessageConsumed'
  | 'MessageDiscarded'
  | 'NoConsumer'
  | 'SlowConsumer'
  | 'FastProducer'
  | 'FULL';

/** Where the coming and going of destinations of a kind is told. */
export function destinationTopic(target: Destination): Destination {
  return DESTINATION_TOPICS[target.kind];
}

/**
 * The name of the topic that tells such things about a destination. A comma would make it several
 * topics; clients look for those of a composite in ActiveMQ's spelling.
 */
export function topicNameOf(family: AdvisoryFamily, target: Destination): string {
  const name = target.name.replaceAll(',', '&sbquo;');
  return `${ADVISORY_PREFIX}${family}.${isQueue(target) ? 'Queue' : 'Topic'}.${name}`;
}

/** That topic. */
export function topicOf(family: AdvisoryFamily, target: Destination): Destination {
  return destination('topic', topicNameOf(family, target));
}

/** True for the topics themselves; nothing is told about these. */
export function isAdvisory(target: Destination): boolean {
  return (
    target.kind === 'topic' &&
    compositeParts(target).some((part) => part.name.startsWith(ADVISORY_PREFIX))
  );
}

function advisory(name: string): Destination {
  return destination('topic', `${ADVISORY_PREFIX}${name}`);
}
