import { isBrokerError, type Sequence } from '@batonmq/model';
import type { StoredMessage } from '@batonmq/store-spi';
import type { ClientConnection } from '../connection/client-connection.ts';
import type { Receipt } from '../connection/connection.ts';
import type { Lane, LaneSnapshot } from '../dispatch/lane.ts';
import type { Queue } from '../destination/queue.ts';
import { messageFilter, type MessageFilter } from '../message/message-filter.ts';
import { decodeMessage } from '../message/stored-message.ts';
import type { TermParts } from '../term-parts.ts';
import { DispatchCredit } from './dispatch-credit.ts';
import type { Ack, Delivery, SubscribeOptions, Subscription } from './subscription.ts';

/** Messages read from the store at once for a browser. */
const PAGE_MESSAGES = 256;

/** Where a browser is in the queue that it looks through. */
interface Cursor {
  readonly lane: Lane;
  /** Deliveries read and not shown yet. */
  page: readonly Delivery[];
  index: number;
  from: Sequence;
  readonly through: Sequence;
}

/**
 * Shows what is in queues without taking anything: first what was in memory when it came to a queue,
 * then page by page what was in the store, `browseMessagesMax` in all. Acks only make room.
 */
export class BrowserSubscription implements Subscription {
  readonly options: SubscribeOptions;
  readonly #connection: ClientConnection;
  readonly #parts: TermParts;
  readonly #queues: Queue[];
  /** The least of what the policies of its queues allow. */
  readonly #prefetchMax: number;
  readonly #isSelected: MessageFilter | undefined;
  readonly #credit: DispatchCredit;
  /** Of the queue it is at, those after the lane it is at. */
  #lanes: LaneSnapshot[] = [];
  #cursor: Cursor | undefined;
  #shownCount = 0;
  #isReading = false;
  #isExhausted = false;
  #isClosed = false;

  constructor(
    options: SubscribeOptions,
    queues: readonly Queue[],
    connection: ClientConnection,
    parts: TermParts,
  ) {
    this.options = options;
    this.#queues = [...queues];
    this.#isSelected = messageFilter(options.selector);
    this.#connection = connection;
    this.#parts = parts;
    this.#prefetchMax = Math.min(
      ...queues.map(({ policy }) => policy.queueBrowserPrefetch ?? Infinity),
    );
    const prefetchCount = Math.min(options.prefetchCount, this.#prefetchMax);
    this.#credit = new DispatchCredit(prefetchCount, options.sink, parts.clock);
  }

  get dispatchedCount(): number {
    return this.#credit.dispatchedCount;
  }

  ack(ack: Ack, receipt?: Receipt): void {
    if (ack.kind === 'delivered') this.#credit.extend(ack.messageCount);
    else if (ack.kind !== 'redelivered') this.#credit.settle(ack.messageCount);
    this.#parts.endOfTurn.settle(receipt);
    this.resume();
  }

  pull(timeoutMs: number): void {
    this.#credit.pull(timeoutMs);
    if (this.#isExhausted) this.#credit.exhaust();
    else this.resume();
  }

  setPrefetch(prefetchCount: number): void {
    this.#credit.prefetchCount = Math.min(prefetchCount, this.#prefetchMax);
    this.resume();
  }

  resume(): void {
    while (!this.#isClosed && !this.#isReading && !this.#isExhausted) {
      const cursor = this.#present();
      if (cursor === undefined) {
        this.#end();
        return;
      }
      const delivery = cursor.page[cursor.index];
      if (delivery === undefined) {
        this.#read(cursor);
        return;
      }
      if (!this.#credit.hasRoom) return;
      cursor.index += 1;
      if (this.#isSelected?.(delivery.message) === false) continue;
      this.#shownCount += 1;
      this.#credit.spend();
      this.options.sink.deliver(delivery);
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.stop();
    this.#connection.removeSubscription(this);
  }

  halt(): void {
    this.#credit.close();
  }

  stop(): void {
    this.#isClosed = true;
    this.#credit.close();
    this.#cursor = undefined;
  }

  /** The queue it is at, with something to show or to read; none at the end. */
  #present(): Cursor | undefined {
    if (this.#shownCount >= this.#parts.settings.browseMessagesMax) return undefined;
    for (;;) {
      const cursor = this.#cursor;
      if (cursor !== undefined) {
        const isRead = cursor.from > cursor.through || cursor.lane.queue.isRemoved;
        if (cursor.index < cursor.page.length || !isRead) return cursor;
      }
      const next = this.#nextLane();
      if (next === undefined) return undefined;
      const { lane, entries, from, through } = next;
      this.#cursor = { lane, page: entries, index: 0, from, through };
    }
  }

  #nextLane(): LaneSnapshot | undefined {
    while (this.#lanes.length === 0) {
      const queue = this.#queues.shift();
      if (queue === undefined) return undefined;
      this.#lanes = [...queue.snapshot()];
    }
    return this.#lanes.shift();
  }

  #read(cursor: Cursor): void {
    const { number } = cursor.lane;
    if (number === undefined) return;
    this.#isReading = true;
    const { pageBytes } = this.#parts.settings;
    const limits = { messageCountMax: PAGE_MESSAGES, bytesMax: pageBytes };
    const read = this.#parts.lease.read(number, cursor.from, limits);
    const decoded = read.then((stored) => ({
      page: this.#decoded(stored, cursor),
      last: stored.at(-1)?.sequence ?? cursor.through,
    }));
    decoded.then(
      ({ page, last }) => {
        this.#isReading = false;
        if (this.#parts.isOver) return;
        cursor.page = page;
        cursor.index = 0;
        cursor.from = (last + 1) as Sequence;
        this.resume();
      },
      (error: unknown) => {
        this.#isReading = false;
        if (this.#parts.isOver) return;
        this.#parts.logger.log('error', 'cannot read a backlog for a browser; it ends early', {
          destination: cursor.lane.key,
          from: cursor.from,
          code: isBrokerError(error) ? error.code : undefined,
          error,
        });
        this.#end();
      },
    );
  }

  #decoded(stored: readonly StoredMessage[], { lane, through }: Cursor): readonly Delivery[] {
    const { destination } = lane.queue;
    return stored
      .filter(({ sequence }) => sequence <= through)
      .map(({ payload, redeliveryCount }) => ({
        message: decodeMessage(payload, destination),
        destination,
        brokerSequence: this.#parts.nextBrokerSequence(),
        redeliveryCount,
      }));
  }

  #end(): void {
    if (this.#isClosed) return;
    this.#isExhausted = true;
    this.#cursor = undefined;
    if (this.options.prefetchCount === 0) this.#credit.exhaust();
    else this.options.sink.exhausted();
  }
}
