import type { Destination } from '@batonmq/model';
import type { WriteRecord } from '@batonmq/store-spi';
import type { VirtualTopic } from '../policy/virtual-destination.ts';
import type { TermParts } from '../term-parts.ts';
import { Queue } from '../destination/queue.ts';
import { WantedMessages } from './wanted-messages.ts';

/**
 * Keyed state: the selectors by which a queue gets messages of a selector-aware virtual topic. The key is
 * the queue's, the value a JSON list of texts; the empty one lets everything through.
 */
const SPACE = 'selector';

/** What the store knows of the selectors that queues get messages by. */
export class WantedStore {
  readonly #parts: TermParts;

  constructor(parts: TermParts) {
    this.#parts = parts;
  }

  /** All destinations are known by now. */
  recovered(space: string, key: string, value: Uint8Array): void {
    if (space !== SPACE) return;
    const queue = this.#parts.destinations.find(key);
    if (queue instanceof Queue && queue.wanted !== undefined) {
      queue.wanted.recovered(JSON.parse(Buffer.from(value).toString()) as string[]);
    } else {
      this.#parts.writes.add({ type: 'state-removed', space: SPACE, key });
    }
  }

  endRecovery(): void {
    this.#parts.writes.seal();
  }

  /** For a queue that is made now; `topics` are those it gets messages of. None if one of them sends it all it has. */
  wantedBy({ key }: Destination, topics: readonly VirtualTopic[]): WantedMessages | undefined {
    if (topics.length === 0 || !topics.every(({ selectorAware }) => selectorAware === true)) {
      return undefined;
    }
    const isSingle = topics.every(({ singleSelectorPerDestination: is }) => is === true);
    return new WantedMessages(isSingle, (selectors) => {
      // Those that a stop of the broker sends away are back at the next one.
      if (this.#parts.isDraining) return;
      const value = Buffer.from(JSON.stringify(selectors));
      this.#write({ type: 'state-put', space: SPACE, key, value });
    });
  }

  /** The queue is removed. */
  forget({ key }: Destination): void {
    this.#write({ type: 'state-removed', space: SPACE, key });
  }

  /** In a group of its own: consumers may come in the middle of another one, with the destination it makes. */
  #write(record: WriteRecord): void {
    const { endOfTurn, writes } = this.#parts;
    endOfTurn.run(() => {
      writes.add(record);
      writes.seal();
    });
  }
}
