import { compositeParts, destination, isQueue, type Destination } from '@batonmq/model';

/** Start of the names of all advisory topics. */
export const ADVISORY_PREFIX = 'ActiveMQ.Advisory.';

export const CONNECTION_TOPIC = advisory('Connection');

const DESTINATION_TOPICS: Readonly<Record<Destination['kind'], Destination>> = {
  queue: advisory('Queue'),
  topic: advisory('Topic'),
  'temp-queue': advisory('TempQueue'),
  'temp-topic': advisory('TempTopic'),
};

/** Where the coming and going of destinations of a kind is told. */
export function destinationTopic(target: Destination): Destination {
  return DESTINATION_TOPICS[target.kind];
}

/** Where the consumers of a destination are told. */
export function consumerTopic(target: Destination): Destination {
  return advisory(`Consumer.${family(target)}.${target.name}`);
}

/** Where the producers of a destination are told. */
export function producerTopic(target: Destination): Destination {
  return advisory(`Producer.${family(target)}.${target.name}`);
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

function family(target: Destination): string {
  return isQueue(target) ? 'Queue' : 'Topic';
}
