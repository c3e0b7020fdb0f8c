import { type Destination } from '@batonmq/model';
import type { CancelTimer } from '@batonmq/runtime';
import type { TermParts } from '../term-parts.ts';
import type { OwnerStore } from './message-groups.ts';
import { Queue } from '../destination/queue.ts';

/**
 * Keyed state: the consumer that owns a message group. The key is the JSON of `[queue, group]`, the value
 * the consumer's key.
 */
const SPACE = 'group';

/** What the store knows of the owners of message groups. A record is written when an owner changes, not for each message. */
export class GroupOwners {
  readonly #parts: TermParts;
  #hasUnsealed = false;
  #cancelWait: CancelTimer | undefined;

  constructor(parts: TermParts) {
    this.#parts = parts;
  }

  /** All destinations are known by now. */
  recovered(space: string, key: string, value: Uint8Array): void {
    if (space !== SPACE) return;
    const [queueKey, groupId] = JSON.parse(key) as [string, string];
    const queue = this.#parts.destinations.find(queueKey);
    if (queue instanceof Queue) {
      queue.consumers.ownerRecovered(groupId, Buffer.from(value).toString());
    } else {
      this.#add({ type: 'state-removed', space: SPACE, key });
    }
  }

  /** From now on owners have a time to come back. */
  endRecovery(): void {
    this.seal();
    const { clock, settings } = this.#parts;
    this.#cancelWait = clock.setTimer(settings.messageGroupOwnerWaitMs, () => {
      this.#endWait();
    });
  }

  stop(): void {
    this.#cancelWait?.();
  }

  /**
   * Where the owners of a queue's groups are stored; {@link seal} follows.
   *
   * @param recorded - Called at the end of a turn in which some became durable.
   */
  storeOf({ key: queueKey }: Destination, recorded: () => void): OwnerStore {
    let isAtEndOfTurn = false;
    return {
      put: (groupId, consumerKey, receipt) => {
        const value = Buffer.from(consumerKey);
        this.#add({ type: 'state-put', space: SPACE, key: keyOf(queueKey, groupId), value });
        this.#parts.writes.complete(receipt);
      },
      recorded: () => {
        if (isAtEndOfTurn) return;
        isAtEndOfTurn = true;
        this.#parts.endOfTurn.run(() => {
          isAtEndOfTurn = false;
          recorded();
        });
      },
      remove: (groupId) => {
        // Those that a stop of the broker sends away are back at the next one.
        if (this.#parts.isDraining) return;
        this.#add({ type: 'state-removed', space: SPACE, key: keyOf(queueKey, groupId) });
      },
    };
  }

  /** Ends a write group if there is anything of owners in it. */
  seal(): void {
    if (!this.#hasUnsealed) return;
    this.#hasUnsealed = false;
    this.#parts.writes.seal();
  }

  #add(record: Parameters<TermParts['writes']['add']>[0]): void {
    this.#parts.writes.add(record);
    this.#hasUnsealed = true;
  }

  #endWait(): void {
    if (this.#parts.isOver) return;
    for (const destination of this.#parts.destinations) {
      if (!(destination instanceof Queue) || !destination.consumers.isAwaitingOwners) continue;
      destination.consumers.endOwnersWait();
      this.seal();
      destination.dispatch();
    }
  }
}

function keyOf(queueKey: string, groupId: string): string {
  return JSON.stringify([queueKey, groupId]);
}
