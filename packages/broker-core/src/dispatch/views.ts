import type { Backlog, PagedMessage } from './backlog.ts';
import { Entry } from './entry.ts';
import type { Lane } from './lane.ts';
import { ParkedGroups, type ParkedGroup, type ParkedLimits } from '../group/parked-groups.ts';
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
 *
 * A message group that waits (its owner is full or away) is parked when it stands in the way of others:
 * it reads on from a place of its own, too.
 */
export class Views {
  readonly #lane: Lane;
  readonly #backlog: Backlog;
  readonly #all = new Map<Selection, View>();
  readonly parked: ParkedGroups;
  #wasForParked = false;
  /** Messages of the backlog that every view has tested; exact once all have caught up. */
  #passedCount = 0;

  constructor(lane: Lane, backlog: Backlog, parkedLimits: ParkedLimits) {
    this.#lane = lane;
    this.#backlog = backlog;
    this.parked = new ParkedGroups(parkedLimits);
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
    return view !== undefined && (view.from !== CAUGHT_UP || this.parked.nextHungry !== undefined);
  }

  /** True if some view is behind and has so much ready that it does not read on. */
  get isClogged(): boolean {
    for (const view of this.#all.values()) {
      if (view.from !== CAUGHT_UP && this.#hasEnough(view)) return true;
    }
    return false;
  }

  /** A message became durable. True if it stays in memory; its views are set then. */
  keeps(entry: Entry): boolean {
    const views = this.of(entry);
    if (this.parked.of(entry.message.groupId, entry.sequence) !== undefined) {
      this.#stays(entry, true);
      return false;
    }
    if (views.some((view) => view.from === CAUGHT_UP && this.#hasPlace(view))) {
      entry.views = views;
      this.#backlog.arrived(entry.sequence);
      return true;
    }
    this.#stays(entry, views.length === 0);
    for (const view of views) if (view.from === CAUGHT_UP) view.from = entry.sequence;
    return false;
  }

  /** An entry that nobody may have now went back to the store. */
  left({ sequence }: Entry): void {
    this.#backlog.left(sequence);
    for (const { from } of this.#all.values()) if (from <= sequence) return;
    this.#passedCount += 1;
  }

  /** The next view that is behind and has little ready, or parked group that has nothing: where to read for it. In turn. */
  nextFrom(): number | undefined {
    const hungry = this.#wasForParked ? undefined : this.parked.nextHungry;
    this.#wasForParked = hungry !== undefined;
    return hungry?.from ?? this.#nextOfViews() ?? this.parked.nextHungry?.from;
  }

  #nextOfViews(): number | undefined {
    for (const view of this.#all.values()) {
      if (view.from === CAUGHT_UP || this.#hasEnough(view)) continue;
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
    const parkedReaders = this.parked.readersFrom(start);
    const taken: Entry[] = [];
    const isFromFirst = start <= this.#backlog.from;
    let first: number | undefined;
    for (const paged of page) {
      const { sequence } = paged;
      if (this.#backlog.isAbsent(sequence)) {
        const parked = this.parked.of(paged.message.groupId, sequence);
        const entry =
          parked === undefined
            ? this.#wanted(paged, readers)
            : this.#nextOf(parked, paged, readers, parkedReaders);
        if (entry !== undefined) taken.push(entry);
        else first ??= sequence;
      }
      for (const view of readers) if (view.from <= sequence) view.from = sequence + 1;
    }
    const { durableThrough } = this.#backlog;
    for (const reader of readers) reader.from = Math.max(reader.from, end);
    for (const reader of parkedReaders) reader.from = Math.max(reader.from, end);
    const isNothingLeft = this.#backlog.messageCount === 0;
    for (const view of this.#all.values()) {
      if (isNothingLeft || view.from > durableThrough) view.from = CAUGHT_UP;
    }
    if (isFromFirst) this.#backlog.startsAt(first ?? end);
    this.parked.endAt(this.#frontFrom);
    return taken;
  }

  /** Counts anew what is ready for whom. */
  recount(ready: Iterable<Entry>): void {
    for (const view of this.#all.values()) view.readyCount = 0;
    this.parked.recountBegins();
    for (const entry of ready) {
      if (entry.parked?.isOver === true) entry.parked = undefined;
      countReady(entry, 1);
    }
  }

  /** A durable message stays in the store alone. */
  #stays({ sequence }: Entry, isPassed: boolean): void {
    if (this.#isCaughtUp) this.#passedCount = this.#backlog.messageCount;
    this.#backlog.stayed(sequence);
    if (isPassed && this.#isCaughtUp) this.#passedCount += 1;
  }

  /** The entry of a message that one of `readers` wants and has a place for. Those without a place stop there. */
  #wanted(
    { message, sequence, storedCount, storedBytes }: PagedMessage,
    readers: Set<View>,
  ): Entry | undefined {
    const entry = new Entry(this.#lane, message, sequence, storedCount, storedBytes);
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

  /** The entry of a message of a parked group, if the group reads here and somebody may have it. Else it is passed by. */
  #nextOf(
    parked: ParkedGroup,
    { message, sequence, storedCount }: PagedMessage,
    readers: Set<View>,
    parkedReaders: Set<ParkedGroup>,
  ): Entry | undefined {
    const entry = new Entry(this.#lane, message, sequence, storedCount);
    const views = this.of(entry);
    const isReading = parkedReaders.has(parked);
    const isTaken =
      isReading &&
      parked.hasPlace &&
      views.some((view) => view.from > sequence || readers.has(view));
    if (!isTaken) {
      this.#countPassed(sequence, readers);
      if (isReading && !parked.hasPlace) {
        parked.from = sequence;
        parkedReaders.delete(parked);
      } else if (isReading) {
        // For those who have yet to come here, or nobody.
        parked.from = sequence + 1;
      }
      return undefined;
    }
    entry.views = views;
    entry.parked = parked;
    parked.count(entry, 1);
    parked.from = sequence + 1;
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

  /** Nothing from there up was read for anybody. */
  get #frontFrom(): number {
    let front = 0;
    for (const { from } of this.#all.values()) front = Math.max(front, from);
    return this.#all.size === 0 ? Infinity : Math.min(front, this.#backlog.durableThrough + 1);
  }

  #hasEnough({ readyCount }: View): boolean {
    return readyCount * 2 > this.#lane.readyMax;
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
export function countReady(entry: Entry, by: 1 | -1): void {
  const { views, parked, sequence, isStored } = entry;
  if (views === undefined || !isStored) return;
  if (parked !== undefined) {
    parked.count(entry, by);
    return;
  }
  for (const view of views) if (view.from > sequence) view.readyCount += by;
}
