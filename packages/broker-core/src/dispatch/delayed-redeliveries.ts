import type { CancelTimer } from '@batonmq/runtime';
import type { RedeliveryPolicy } from '../policy/destination-policy.ts';
import { REDELIVERY_DEFAULTS } from '../policy/policy-defaults.ts';
import { redeliveryDelay } from '../policy/redelivery-delay.ts';
import type { TermParts } from '../term-parts.ts';
import type { Entry } from './entry.ts';

/** What timers take; a later one is waited for in several steps. */
const TIMER_MAX_MS = 2 ** 31 - 1;

interface Delayed {
  readonly entry: Entry;
  /** Monotonic milliseconds. */
  readonly dueAt: number;
}

/**
 * Messages of a queue that wait for their next redelivery, in memory: a heap, the one due first on top, and
 * one timer for it. Others pass them by meanwhile.
 *
 * The store has their counts, not their times: a broker that takes over lets each wait its whole delay
 * once more (docs/adr/0011).
 */
export class DelayedRedeliveries {
  readonly #policy: Required<RedeliveryPolicy>;
  readonly #parts: TermParts;
  readonly #due: (entries: readonly Entry[]) => void;
  readonly #heap: Delayed[] = [];
  #bytes = 0;
  #cancelTimer: CancelTimer | undefined;
  #timerAt = Infinity;

  constructor(
    policy: RedeliveryPolicy,
    parts: TermParts,
    due: (entries: readonly Entry[]) => void,
  ) {
    this.#policy = { ...REDELIVERY_DEFAULTS, ...policy };
    this.#parts = parts;
    this.#due = due;
  }

  get count(): number {
    return this.#heap.length;
  }

  /** True if its queue should give out nothing more until some are due: more of them would fill memory. */
  get isFull(): boolean {
    const { queueWindowMessages, queueWindowBytes } = this.#parts.settings;
    return this.#heap.length >= queueWindowMessages || this.#bytes >= queueWindowBytes;
  }

  /** In no particular order. */
  get entries(): readonly Entry[] {
    return this.#heap.map(({ entry }) => entry);
  }

  /** True if a message may be delivered again after `count` redeliveries were begun. */
  allows(count: number): boolean {
    const { maximumRedeliveries } = this.#policy;
    return maximumRedeliveries < 0 || count <= maximumRedeliveries;
  }

  /** Takes an entry that is in no list any more; its `redeliveryCount` says which delay is its own. */
  add(entry: Entry): void {
    entry.isDelayOwed = false;
    const { clock, random } = this.#parts;
    const delay = redeliveryDelay(this.#policy, entry.redeliveryCount, () => random.float());
    entry.redeliveryDelay = delay;
    this.#push({ entry, dueAt: clock.now() + delay });
    this.#bytes += entry.bytes;
    this.#arm();
  }

  /** Takes out those that `isWanted`, due or not. */
  take(isWanted: (entry: Entry) => boolean): readonly Entry[] {
    const taken = this.entries.filter(isWanted);
    if (taken.length === 0) return taken;
    const kept = this.#heap.filter(({ entry }) => !taken.includes(entry));
    this.#heap.length = 0;
    for (const each of kept) this.#push(each);
    for (const entry of taken) this.#bytes -= entry.bytes;
    return taken;
  }

  clear(): void {
    this.#heap.length = 0;
    this.#bytes = 0;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#timerAt = Infinity;
  }

  #arm(): void {
    const dueAt = this.#heap[0]?.dueAt ?? Infinity;
    if (dueAt >= this.#timerAt) return;
    this.#cancelTimer?.();
    this.#timerAt = dueAt;
    const delay = Math.min(Math.max(0, dueAt - this.#parts.clock.now()), TIMER_MAX_MS);
    this.#cancelTimer = this.#parts.clock.setTimer(delay, () => {
      this.#cancelTimer = undefined;
      this.#timerAt = Infinity;
      if (!this.#parts.isOver) this.#release();
    });
  }

  #release(): void {
    const now = this.#parts.clock.now();
    const due: Entry[] = [];
    for (let first = this.#heap[0]; first !== undefined && first.dueAt <= now;) {
      this.#shift();
      this.#bytes -= first.entry.bytes;
      due.push(first.entry);
      first = this.#heap[0];
    }
    this.#arm();
    if (due.length > 0) this.#due(due);
  }

  #push(added: Delayed): void {
    const heap = this.#heap;
    let at = heap.push(added) - 1;
    while (at > 0) {
      const parentAt = (at - 1) >> 1;
      const parent = heap[parentAt];
      if (parent === undefined || parent.dueAt <= added.dueAt) break;
      heap[at] = parent;
      at = parentAt;
    }
    heap[at] = added;
  }

  #shift(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      const left = heap[2 * at + 1];
      const right = heap[2 * at + 2];
      if (left === undefined) break;
      const isRight = right !== undefined && right.dueAt < left.dueAt;
      const child = isRight ? right : left;
      if (child.dueAt >= last.dueAt) break;
      heap[at] = child;
      at = 2 * at + (isRight ? 2 : 1);
    }
    heap[at] = last;
  }
}
