import {
  assert,
  BrokerError,
  connectionId,
  isTemporary,
  type Destination,
  type Message,
} from '@batonmq/model';
import type { DurableWaits } from '../durable-waits.ts';
import { Entry } from '../dispatch/entry.ts';
import { Queue } from '../destination/queue.ts';
import { StoredBodies } from '../virtual/stored-bodies.ts';
import { PULL_WITHOUT_WAIT } from '../subscription/dispatch-credit.ts';
import { QueueSubscription, type SubscriptionOwner } from '../subscription/queue-subscription.ts';
import { LAST_DELIVERED_NONE } from '../subscription/subscription.ts';
import type { TermParts } from '../term-parts.ts';
import { consumerSelector } from './message-filter.ts';
import { messageIdOf } from './selectable-message.ts';

export interface RedriveOptions {
  /** Only letters that it lets through. @defaultValue all */
  readonly selector?: string | undefined;
  /** Only letters with one of these message ids, 1 to 1000 of them. @defaultValue all */
  readonly ids?: readonly string[] | undefined;
  /** Letters moved at most, from 1. @defaultValue all that are there when it begins */
  readonly limit?: number | undefined;
}

export interface RedriveResult {
  readonly movedCount: number;
  /** Where they are now. */
  readonly movedTo: readonly { readonly destination: string; readonly messageCount: number }[];
  /** Of the `ids` asked for, those that name no letter that could be moved; within `limit`. */
  readonly notFoundIds: readonly string[];
}

/** Letters of one write group; each such page is moved whole or not at all. */
const PAGE_MESSAGES = 500;

/** Each letter that is looked through is compared with so many at most. */
const IDS_MAX = 1000;

/**
 * Moves the dead letters of a queue back to where they came from, a page at a time. It is a consumer
 * like others, so it finds what is in memory and what is in the store alone; each page is one write
 * group, so a letter is at one of both places at any time, whatever happens in between.
 */
export class Redrive {
  readonly #queue: Queue;
  readonly #parts: TermParts;
  readonly #waits: DurableWaits;
  readonly #limit: number;
  readonly #consumer: QueueSubscription;
  /** Waits for the next letter, or for the news that there is none. */
  #next: (entry: Entry | undefined) => void = () => undefined;
  #movedCount = 0;
  readonly #movedTo = new Map<string, number>();
  readonly #notFoundIds: Set<string>;

  /** @throws `BATON_INVALID_SELECTOR`, `BATON_INVALID_ARGUMENT`. */
  constructor(queue: Queue, parts: TermParts, waits: DurableWaits, options: RedriveOptions) {
    requireValid(options);
    const { ids = [], limit = Infinity } = options;
    this.#notFoundIds = new Set(ids);
    this.#queue = queue;
    this.#parts = parts;
    this.#waits = waits;
    this.#limit = limit;
    this.#consumer = new QueueSubscription(
      {
        consumerKey: 'redrive',
        destination: queue.destination,
        prefetchCount: 0,
        selector: selectorOf(options),
        isBrowser: false,
        isNoLocal: false,
        isExclusive: false,
        isRetroactive: false,
        priority: 0,
        sink: {
          deliver: (delivery) => {
            assert(delivery instanceof Entry, 'a queue gives out its entries');
            this.#next(delivery);
          },
          exhausted: () => {
            this.#next(undefined);
          },
          ended: () => {
            this.#next(undefined);
          },
          isCongested: false,
        },
      },
      NO_OWNER,
      parts,
    );
  }

  /** @throws `BATON_STORE_FULL`, or why the term ended; what was moved before stays moved. */
  async run(): Promise<RedriveResult> {
    // Letters that die again while this runs come behind these.
    let leftCount = this.#queue.messageCount;
    this.#consumer.attach(this.#queue);
    try {
      while (leftCount > 0 && this.#movedCount < this.#limit) {
        const taken = await this.#take(Math.min(leftCount, PAGE_MESSAGES));
        if (taken.length === 0) break;
        leftCount -= taken.length;
        await this.#move(taken.filter(({ message }) => isRedrivable(message)));
      }
    } finally {
      // What it could not move goes back to its place, as if it had never left.
      this.#consumer.close(LAST_DELIVERED_NONE);
      this.#queue.dispatch();
    }
    return this.#result;
  }

  get #result(): RedriveResult {
    const movedTo = [...this.#movedTo].map(([destination, messageCount]) => ({
      destination,
      messageCount,
    }));
    return { movedCount: this.#movedCount, movedTo, notFoundIds: [...this.#notFoundIds] };
  }

  async #take(countMax: number): Promise<readonly Entry[]> {
    const taken: Entry[] = [];
    const room = Math.min(countMax, this.#limit - this.#movedCount);
    while (taken.length < room && !this.#queue.isRemoved) {
      const entry = await this.#pull();
      if (entry === undefined) break;
      taken.push(entry);
    }
    return taken;
  }

  #pull(): Promise<Entry | undefined> {
    return this.#waits.orEnd((resolve) => {
      this.#next = resolve;
      this.#consumer.pull(PULL_WITHOUT_WAIT);
    });
  }

  async #move(entries: readonly Entry[]): Promise<void> {
    if (entries.length === 0) return;
    for (const entry of entries) this.#addMove(entry);
    await this.#waits.seal();
    for (const entry of entries) {
      this.#queue.release(entry);
      this.#consumer.committed(entry);
      this.#count(entry.message);
    }
  }

  #count(letter: Message): void {
    const key = letter.originalDestination?.key ?? '';
    this.#movedCount += 1;
    this.#movedTo.set(key, (this.#movedTo.get(key) ?? 0) + 1);
    this.#notFoundIds.delete(messageIdOf(letter));
  }

  /** Adds the move of a letter to the open write group. */
  #addMove(entry: Entry): void {
    const { originalDestination } = entry.message;
    if (originalDestination === undefined) return;
    const message = this.#restored(entry.message, originalDestination);
    const { destinations, writes } = this.#parts;
    const place = destinations.ofBroker(originalDestination);
    if (place instanceof Queue) {
      writes.complete(place.accept(message));
    } else {
      const bodies = new StoredBodies();
      place.accept(message, bodies);
      bodies.write(writes);
    }
    this.#queue.addRemoval(entry);
  }

  /** As it was before it died, but stored, and without a time that is over. */
  #restored(letter: Message, destination: Destination): Message {
    const { originalExpiration = 0 } = letter.deadLetter ?? {};
    const isOver = originalExpiration <= this.#parts.clock.wallTime();
    return {
      ...letter,
      destination,
      originalDestination: undefined,
      expiration: isOver ? 0 : originalExpiration,
      redeliveryCount: 0,
      deadLetter: undefined,
    };
  }
}

/** @throws `BATON_INVALID_ARGUMENT`. */
function requireValid({ ids, limit = 1 }: RedriveOptions): void {
  const problem =
    !Number.isSafeInteger(limit) || limit < 1
      ? `its limit is ${limit}`
      : ids !== undefined && (ids.length < 1 || ids.length > IDS_MAX)
        ? `it was given ${ids.length} message ids, of 1 to ${IDS_MAX}`
        : undefined;
  if (problem === undefined) return;
  throw new BrokerError('BATON_INVALID_ARGUMENT', `A redrive moves 1 message or more; ${problem}`);
}

/** @throws `BATON_INVALID_SELECTOR`. */
function selectorOf({ selector, ids }: RedriveOptions): string | undefined {
  const isSelective = consumerSelector(selector) !== undefined;
  if (ids === undefined) return selector;
  const quoted = ids.map((id) => `'${id.replaceAll("'", "''")}'`);
  const named = `JMSMessageID IN (${quoted.join(', ')})`;
  return isSelective ? `(${selector ?? ''}) AND ${named}` : named;
}

/** It serves no client: there is nobody to tell, and no transaction. */
const NO_OWNER: SubscriptionOwner = {
  connectionId: connectionId('redrive'),
  abort: () => undefined,
  refuse: () => undefined,
  inTransaction: () => undefined,
  removeSubscription: () => undefined,
};

/** What was sent to a dead-letter queue by a client never came from anywhere. */
function isRedrivable({ deadLetter, originalDestination }: Message): boolean {
  if (deadLetter === undefined || originalDestination === undefined) return false;
  return !isTemporary(originalDestination);
}
