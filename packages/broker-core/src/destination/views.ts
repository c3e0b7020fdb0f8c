import type { Backlog, PagedMessage } from './backlog.ts';
import { Entry } from './entry.ts';
import type { Lane } from './lane.ts';
import type { Selection } from './selection.ts';

/** What a {@link View} has that tested everything. */
const CAUGHT_UP = Infinity;

/** How far a selection has come in a lane. */
export interface View {
  readonly selection: Selection;
  /**
   * The first stored message it has not tested. All before it that its consumers may have are in
   * memory; those after it are not for them yet, so they get theirs in order.
   */
  from: number;
  /** Entries that are ready for it. */
  readyCount: number;
}

/**
 * The selections of a lane while it is selective.
 *
 * Only messages that somebody wants are in memory. The others are passed over: they stay in the
 * store, at no cost here but their number. Each selection has its own place in the lane, so one
 * whose consumers are full holds up no other, and a new one reads from the first passed over.
 * Selections that meet at one place go on together.
 */
export class Views {
  readonly #lane: Lane;
  readonly #backlog: Backlog;
  readonly #all = new Map<Selection, View>();
  /** Messages of the backlog that every view has tested; exact once all have caught up. */
  #passedCount = 0;

  constructor(lane: Lane, backlog: Backlog) {
    this.#lane = lane;
    this.#backlog = backlog;
  }

  get size(): number {
    return this.#all.size;
  }

  /** Stored messages that nobody who is there may have. */
  get unmatchedCount(): number {
    if (this.#all.size === 0) return 0;
    return this.#isCaughtUp ? this.#backlog.messageCount : this.#passedCount;
  }

  add(selection: Selection): View {
    const { messageCount, from } = this.#backlog;
    const view = { selection, from: messageCount > 0 ? from : CAUGHT_UP, readyCount: 0 };
    this.#all.set(selection, view);
    this.#passedCount = 0;
    return view;
  }

  remove(selection: Selection): View | undefined {
    const view = this.#all.get(selection);
    this.#all.delete(selection);
    return view;
  }

  /** Where the only view is, if there is no other. */
  get onlyFrom(): number | undefined {
    if (this.#all.size !== 1) return undefined;
    for (const { from } of this.#all.values()) return from;
    return undefined;
  }

  /** The views whose selection an entry matches. */
  of(entry: Entry): View[] {
    const views: View[] = [];
    for (const view of this.#all.values()) if (view.selection.matches(entry)) views.push(view);
    return views;
  }

  isBehind(selection: Selection): boolean {
    const view = this.#all.get(selection);
    return view !== undefined && view.from !== CAUGHT_UP;
  }

  /** A message became durable. True if it stays in memory; its views are set then. */
  keeps(entry: Entry): boolean {
    const views = this.of(entry);
    if (views.some((view) => view.from === CAUGHT_UP && this.#hasPlace(view))) {
      entry.views = views;
      this.#backlog.arrived(entry.sequence);
      return true;
    }
    if (this.#isCaughtUp) this.#passedCount = this.#backlog.messageCount;
    this.#backlog.stayed(entry.sequence);
    for (const view of views) if (view.from === CAUGHT_UP) view.from = entry.sequence;
    if (views.length === 0 && this.#isCaughtUp) this.#passedCount += 1;
    return false;
  }

  /** An entry that nobody may have went back to the store. */
  left({ sequence }: Entry): void {
    this.#backlog.left(sequence);
    for (const { from } of this.#all.values()) if (from <= sequence) return;
    this.#passedCount += 1;
  }

  /** The next view that is behind and has little ready: where to read for it. In turn. */
  nextFrom(): number | undefined {
    for (const view of this.#all.values()) {
      if (view.from === CAUGHT_UP || view.readyCount * 2 > this.#lane.readyMax) continue;
      this.#all.delete(view.selection);
      this.#all.set(view.selection, view);
      return view.from;
    }
    return undefined;
  }

  /**
   * Tests a page that was read from `start` on and holds all before `end`. Returns the entries that
   * somebody wants, in order.
   */
  take(start: number, page: readonly PagedMessage[], end: number): readonly Entry[] {
    const readers = new Set([...this.#all.values()].filter(({ from }) => from >= start));
    const taken: Entry[] = [];
    const isFromFirst = start <= this.#backlog.from;
    let first: number | undefined;
    for (const paged of page) {
      const { sequence } = paged;
      if (this.#backlog.isAbsent(sequence)) {
        const entry = this.#wanted(paged, readers);
        if (entry !== undefined) taken.push(entry);
        else first ??= sequence;
      }
      for (const view of readers) if (view.from <= sequence) view.from = sequence + 1;
    }
    const { durableThrough } = this.#backlog;
    for (const view of readers) view.from = Math.max(view.from, end);
    const isNothingLeft = this.#backlog.messageCount === 0;
    for (const view of this.#all.values()) {
      if (isNothingLeft || view.from > durableThrough) view.from = CAUGHT_UP;
    }
    if (isFromFirst) this.#backlog.startsAt(first ?? end);
    return taken;
  }

  /** Counts anew what is ready for whom. */
  recount(ready: Iterable<Entry>): void {
    for (const view of this.#all.values()) view.readyCount = 0;
    for (const entry of ready) countReady(entry, 1);
  }

  /** The entry of a message that one of `readers` wants and has a place for. Those without a place stop there. */
  #wanted({ message, sequence, storedCount }: PagedMessage, readers: Set<View>): Entry | undefined {
    const entry = new Entry(this.#lane, message, sequence, storedCount);
    const wanting = [...readers].filter(
      ({ from, selection }) => from <= sequence && selection.matches(entry),
    );
    if (wanting.length === 0) {
      this.#countPassed(sequence, readers);
      return undefined;
    }
    if (!wanting.some((view) => this.#hasPlace(view))) {
      for (const view of wanting) {
        view.from = sequence;
        readers.delete(view);
      }
      return undefined;
    }
    for (const view of wanting) view.readyCount += 1;
    entry.views = this.of(entry);
    this.#backlog.entered(sequence);
    return entry;
  }

  /** One that every view has tested once `readers` have. */
  #countPassed(sequence: number, readers: ReadonlySet<View>): void {
    let isFirstTest = false;
    for (const view of this.#all.values()) {
      if (view.from > sequence) continue;
      if (!readers.has(view)) return;
      isFirstTest = true;
    }
    if (isFirstTest) this.#passedCount += 1;
  }

  #hasPlace({ readyCount }: View): boolean {
    return readyCount < this.#lane.readyMax;
  }

  get #isCaughtUp(): boolean {
    for (const { from } of this.#all.values()) if (from !== CAUGHT_UP) return false;
    return true;
  }
}

/** An entry became ready, or is not any more. */
export function countReady({ views, sequence }: Entry, by: 1 | -1): void {
  if (views === undefined) return;
  for (const view of views) if (view.from > sequence) view.readyCount += by;
}
