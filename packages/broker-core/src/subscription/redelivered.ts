import type { Entry } from '../dispatch/entry.ts';
import { LAST_DELIVERED_NONE, LAST_DELIVERED_UNKNOWN } from './subscription.ts';

/** Which of the messages that a consumer gives back its application has seen. */
export interface Redelivered {
  /** Seen, or begun: their redelivery counts grow. */
  readonly seen: ReadonlySet<Entry>;
  /** Perhaps seen: they are marked as redelivered, but however often that happens it counts once. */
  readonly perhapsSeen: ReadonlySet<Entry>;
}

const NONE: ReadonlySet<Entry> = new Set<Entry>();

/** What an application has seen for sure. */
export function seenAll(entries: readonly Entry[]): Redelivered {
  return { seen: new Set(entries), perhapsSeen: NONE };
}

/**
 * What the consumer of a queue has seen when it goes; see `Subscription.close`.
 *
 * @param dispatched - What it has, in dispatch order.
 * @param passedOnCount - How many of those it said it had passed on to its application.
 */
export function redeliveredOf(
  dispatched: readonly Entry[],
  lastDelivered: number,
  passedOnCount: number,
): Redelivered {
  if (lastDelivered === LAST_DELIVERED_UNKNOWN) return guessed(dispatched, passedOnCount);
  if (lastDelivered === LAST_DELIVERED_NONE) return seenAll([]);
  const last = dispatched.findIndex((entry) => entry.brokerSequence === lastDelivered);
  return seenAll(dispatched.slice(0, last + 1));
}

/** The same for a durable subscription, whose clients may name a message that is acked already. */
export function redeliveredOfDurable(
  dispatched: readonly Entry[],
  lastDelivered: number,
  passedOnCount: number,
): Redelivered {
  // Zero is what clients send that do not know of this.
  const isUnknown = lastDelivered === LAST_DELIVERED_UNKNOWN || lastDelivered === 0;
  if (isUnknown) return guessed(dispatched, passedOnCount);
  return seenAll(dispatched.filter(({ brokerSequence }) => brokerSequence <= lastDelivered));
}

/**
 * A consumer is lost. Its application has what was passed on, and perhaps was at the next one; what
 * waited behind that in its buffer is not to blame for its end, however many consumers it outlives.
 */
function guessed(dispatched: readonly Entry[], passedOnCount: number): Redelivered {
  const isKnown = ({ transaction, isSeen }: Entry, index: number): boolean =>
    index < passedOnCount || isSeen || transaction !== undefined;
  const seen = new Set(dispatched.filter(isKnown));
  const next = dispatched.find((entry) => !seen.has(entry));
  if (next !== undefined) seen.add(next);
  return { seen, perhapsSeen: new Set(dispatched.filter((entry) => !seen.has(entry))) };
}
