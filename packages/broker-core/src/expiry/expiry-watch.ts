import type { CancelTimer } from '@batonmq/runtime';
import type { Lane } from '../dispatch/lane.ts';
import { Queue } from '../destination/queue.ts';
import type { TermParts } from '../term-parts.ts';
import { secondOf } from './expiry-second.ts';

/** Keyed state: the lanes that ever stored a message with an expiration, by the key of the lane. No value. */
const SPACE = 'expiring';

const NO_VALUE = new Uint8Array(0);

/** Between two steps through what is unread after a takeover: 256 messages each, so about 25,000 a second at most. */
const UNREAD_PAUSE_MS = 10;

/**
 * When the messages of all queues expire: which queue is to be looked at in which second, one timer a second for
 * all of them while there are any, and which of the recovered lanes have yet to be read.
 */
export class ExpiryWatch {
  readonly #parts: TermParts;
  readonly #queues = new Map<number, Set<Queue>>();
  readonly #recoveredKeys = new Set<string>();
  /** Each is read to its end, then the next. */
  #unread: Lane[] = [];
  #cancelTick: CancelTimer | undefined;
  #cancelRead: CancelTimer | undefined;

  constructor(parts: TermParts) {
    this.#parts = parts;
  }

  recovered(space: string, key: string): void {
    if (space === SPACE) this.#recoveredKeys.add(key);
  }

  /** All queues are known. */
  endRecovery(): void {
    for (const lane of this.#lanes()) {
      if (this.#recoveredKeys.delete(lane.key) && lane.expectExpiring()) this.#unread.push(lane);
    }
    for (const key of this.#recoveredKeys) this.#forget(key);
    this.#recoveredKeys.clear();
    this.#readLater();
  }

  /** A lane is about to store the first message that expires: the record joins the open write group. */
  laneExpires(key: string): void {
    this.#parts.writes.add({ type: 'state-put', space: SPACE, key, value: NO_VALUE });
  }

  laneRemoved(key: string): void {
    this.#forget(key);
  }

  /** Something of that queue expires in that second, which is sooner than anything known before. */
  watch(queue: Queue, second: number, before: number): void {
    this.#queues.get(before)?.delete(queue);
    const queues = this.#queues.get(second);
    if (queues === undefined) this.#queues.set(second, new Set([queue]));
    else queues.add(queue);
    this.#tickLater();
  }

  stop(): void {
    this.#cancelTick?.();
    this.#cancelRead?.();
  }

  #tickLater(): void {
    if (this.#cancelTick !== undefined || this.#queues.size === 0) return;
    const { clock } = this.#parts;
    this.#cancelTick = clock.setTimer(1000 - (clock.wallTime() % 1000), () => {
      this.#cancelTick = undefined;
      this.#tick();
      this.#tickLater();
    });
  }

  #tick(): void {
    const now = secondOf(this.#parts.clock.wallTime());
    const due: Queue[] = [];
    for (const [second, queues] of this.#queues) {
      if (second <= now) due.push(...queues);
      if (second <= now || queues.size === 0) this.#queues.delete(second);
    }
    for (const queue of due) queue.removeExpired();
  }

  #readLater(): void {
    if (this.#unread.length === 0) return;
    this.#cancelRead = this.#parts.clock.setTimer(UNREAD_PAUSE_MS, () => {
      this.#unread[0]?.readUnread();
      if (this.#unread[0]?.hasUnread !== true) this.#unread.shift();
      this.#readLater();
    });
  }

  #forget(key: string): void {
    this.#parts.writes.add({ type: 'state-removed', space: SPACE, key });
    this.#parts.writes.seal();
  }

  *#lanes(): Generator<Lane> {
    for (const each of this.#parts.destinations) if (each instanceof Queue) yield* each.lanes;
    for (const { queue } of this.#parts.durables) yield* queue.lanes;
  }
}
