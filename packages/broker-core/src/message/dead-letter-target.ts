import { destination, isQueue, type Destination, type Message } from '@batonmq/model';
import type { Queue } from '../destination/queue.ts';
import type { BrokerSettings } from '../options.ts';
import type { DeadLetterStrategy } from '../policy/destination-policy.ts';

type Individual = Extract<DeadLetterStrategy, { type: 'individual' }>;

export const INDIVIDUAL_DEFAULTS = Object.freeze({
  queuePrefix: 'ActiveMQ.DLQ.Queue.',
  queueSuffix: '',
  topicPrefix: 'ActiveMQ.DLQ.Topic.',
  topicSuffix: '',
  useQueueForQueueMessages: true,
  useQueueForTopicMessages: true,
  destinationPerDurableSubscriber: false,
});

/** Where a dead letter goes, and how long it lives there. */
export interface DeadLetterTarget {
  readonly destination: Destination;
  /** Milliseconds; 0 is for ever. */
  readonly expiration: number;
}

/**
 * Where a message that `queue` holds goes when it cannot be delivered; `undefined` if it is dropped.
 *
 * A dead letter never becomes one again: whatever a policy says about the places where dead letters are,
 * none goes round in circles or through an endless row of them.
 */
export function deadLetterTarget(
  message: Message,
  queue: Queue,
  settings: BrokerSettings,
  isExpired: boolean,
): DeadLetterTarget | undefined {
  const strategy = queue.policy.deadLetterStrategy ?? { type: 'shared' };
  if (strategy.type === 'discard' || message.deadLetter !== undefined) return undefined;
  const {
    processExpired = settings.areExpiredDeadLettered,
    processNonPersistent = settings.areNonPersistentDeadLettered,
    expiration = 0,
  } = strategy;
  if (isExpired && !processExpired) return undefined;
  if (!message.isPersistent && !processNonPersistent) return undefined;
  const to =
    strategy.type === 'individual'
      ? individualTarget(strategy, message, queue)
      : destination('queue', strategy.deadLetterQueue ?? settings.deadLetterQueue);
  return to.key === message.destination.key ? undefined : { destination: to, expiration };
}

function individualTarget(strategy: Individual, message: Message, queue: Queue): Destination {
  const options = { ...INDIVIDUAL_DEFAULTS, ...strategy };
  const { name } = message.destination;
  if (isQueue(message.destination)) {
    const kind = options.useQueueForQueueMessages ? 'queue' : 'topic';
    return destination(kind, `${options.queuePrefix}${name}${options.queueSuffix}`);
  }
  const kind = options.useQueueForTopicMessages ? 'queue' : 'topic';
  const own = options.destinationPerDurableSubscriber ? ownerPart(queue) : '';
  return destination(kind, `${options.topicPrefix}${name}${options.topicSuffix}${own}`);
}

/** `.client:subscription` for what a durable subscription holds, as ActiveMQ names it. */
function ownerPart({ ownerName }: Queue): string {
  return ownerName === undefined ? '' : `.${ownerName}`;
}
