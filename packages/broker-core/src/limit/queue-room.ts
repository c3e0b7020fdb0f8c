import type { RecoveredDestination } from '@batonmq/store-spi';
import type { DestinationPolicy } from '../policy/destination-policy.ts';
import { POLICY_DEFAULTS } from '../policy/policy-defaults.ts';
import type { TermParts } from '../term-parts.ts';
import type { Entry } from '../dispatch/entry.ts';
import { statuses, Usage, type LimitStatus } from './usage.ts';

/**
 * What a queue keeps, against its limits. A message counts from when it is accepted until it is gone
 * for good, so what is on its way to the store counts too.
 *
 * With `producerFlowControl: false` a message that is not persistent and finds no memory is stored
 * instead (it is *paged*), and so are those after it while stored ones wait before them:
 * otherwise they would be overtaken.
 */
export class QueueRoom {
  /** Bytes of what is kept in memory only. */
  readonly memory: Usage;
  /** Bytes as they are stored. */
  readonly stored: Usage;
  readonly messages: Usage;
  /** Whether a message that finds no memory is stored. */
  readonly mayPage: boolean;
  /** Bytes of what is stored for want of memory; what a broker before this one stored so counts as {@link stored} only. */
  readonly #paged: Usage;
  #pagedInFlightCount = 0;

  constructor(policy: DestinationPolicy, parts: TermParts) {
    const { storeLimit, maxMessages, producerFlowControl } = { ...POLICY_DEFAULTS, ...policy };
    this.memory = destinationMemory(policy, parts);
    this.stored = new Usage('storeLimit', storeLimit, parts.usages, parts.stored);
    this.messages = new Usage('maxMessages', maxMessages, parts.usages);
    this.mayPage = !producerFlowControl;
    this.#paged = new Usage('tempLimitBytes', 0, parts.usages, parts.paged);
  }

  /** Also false if a message is still on its way to the store. */
  get isEmpty(): boolean {
    return this.messages.used === 0;
  }

  get limits(): readonly LimitStatus[] {
    return statuses([this.memory, this.stored, this.messages]);
  }

  /** Asked if it {@link mayPage}: true if a message that is not persistent is to be stored now. */
  isPaging(hasBacklog: boolean): boolean {
    return hasBacklog || this.#pagedInFlightCount > 0 || this.memory.isFull;
  }

  /** What has no room for one more message that is kept in this way. */
  full(isStored: boolean, isPersistent: boolean): Usage | undefined {
    return (
      this.messages.full ??
      (isStored
        ? (this.stored.full ?? (isPersistent ? undefined : this.#paged.full))
        : this.memory.full)
    );
  }

  recovered({ messageCount, messageBytes }: RecoveredDestination): void {
    this.messages.add(messageCount);
    this.stored.add(messageBytes);
  }

  accepted(entry: Entry): void {
    this.messages.add(1);
    if (!entry.isStored) this.memory.add(entry.bytes);
    else if (!entry.message.isPersistent) this.#pagedInFlightCount += 1;
  }

  /** It is known what an accepted entry needs in the store. */
  encoded(entry: Entry, storedBytes: number): void {
    entry.storedBytes = storedBytes;
    this.stored.add(storedBytes);
    if (!entry.message.isPersistent) this.#paged.add(storedBytes);
  }

  /** An entry that was accepted is durable, or was refused. */
  settled({ isStored, message }: Entry): void {
    if (isStored && !message.isPersistent) this.#pagedInFlightCount -= 1;
  }

  gone(entry: Entry): void {
    this.messages.remove(1);
    if (!entry.isStored) {
      this.memory.remove(entry.bytes);
      return;
    }
    this.stored.remove(entry.storedBytes);
    if (isPaged(entry)) this.#paged.remove(entry.storedBytes);
  }

  /** Messages that never were in memory are gone; each counts as the average of all. */
  goneUnread(count: number): void {
    const { messages, stored } = this;
    const bytes = Math.round((stored.used * count) / Math.max(count, messages.used));
    messages.remove(count);
    stored.remove(bytes);
  }

  clear(): void {
    const { memory, stored, messages } = this;
    for (const usage of [memory, stored, messages, this.#paged]) usage.remove(usage.used);
  }
}

function isPaged({ message, lane, sequence }: Entry): boolean {
  return !message.isPersistent && lane.isOfThisTerm(sequence);
}

/** The memory of one destination. */
export function destinationMemory({ memoryLimit }: DestinationPolicy, parts: TermParts): Usage {
  const { usages, memory, settings } = parts;
  return memoryLimit === undefined
    ? new Usage('destinationMemoryLimitBytes', settings.destinationMemoryLimitBytes, usages, memory)
    : new Usage('memoryLimit', memoryLimit, usages, memory);
}
