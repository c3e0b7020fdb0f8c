import type { Entry } from '../dispatch/entry.ts';

/** What the parked groups of a lane may have in memory, as much as the window of its queue. */
export interface ParkedLimits {
  readonly messageCountMax: number;
  readonly bytesMax: number;
}

/**
 * A message group that would fill the window of its lane while nobody may have its messages. What comes
 * next of it is in memory; the others, from `from` up, stay in the store until that is taken.
 */
export class ParkedGroup {
  /** The first stored message of it that was not looked at since; all before it are in memory or gone. */
  from: number;
  /** True when the lane has everything of the group where it belongs again. */
  isOver = false;
  readyCount = 0;
  readonly #groups: ParkedGroups;

  constructor(from: number, groups: ParkedGroups) {
    this.from = from;
    this.#groups = groups;
  }

  /** True if the next of it may be read, beside what others have in memory. */
  get hasPlace(): boolean {
    return this.readyCount === 0 || this.#groups.hasPlace;
  }

  /** One of its entries became ready, or is not any more. */
  count({ bytes }: Entry, by: 1 | -1): void {
    this.readyCount += by;
    if (!this.isOver) this.#groups.count(by, by * bytes);
  }
}

/** The parked groups of a lane. What they have in memory counts as theirs, not as part of the window. */
export class ParkedGroups {
  readonly #limits: ParkedLimits;
  readonly #groups = new Map<string, ParkedGroup>();
  #readyCount = 0;
  #readyBytes = 0;

  constructor(limits: ParkedLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#groups.size;
  }

  get readyCount(): number {
    return this.#readyCount;
  }

  get readyBytes(): number {
    return this.#readyBytes;
  }

  get hasPlace(): boolean {
    const { messageCountMax, bytesMax } = this.#limits;
    return this.#readyCount < messageCountMax && this.#readyBytes < bytesMax;
  }

  /** The first of those whose messages in memory are all taken: the next one to read for. */
  get nextHungry(): ParkedGroup | undefined {
    let next: ParkedGroup | undefined;
    for (const group of this.#groups.values()) {
      if (group.readyCount > 0 || (next !== undefined && next.from <= group.from)) continue;
      next = group;
    }
    return next;
  }

  /** All that read on from `start` together. */
  readersFrom(start: number): Set<ParkedGroup> {
    const groups = [...this.#groups.values()];
    return new Set(groups.filter(({ from, readyCount }) => from >= start && readyCount === 0));
  }

  /** The parked group that a stored message waits with; none if it was read since the group is parked. */
  of(groupId: string | undefined, sequence: number): ParkedGroup | undefined {
    if (groupId === undefined) return undefined;
    const group = this.#groups.get(groupId);
    return group !== undefined && group.from <= sequence ? group : undefined;
  }

  /** Parks the group of `head`, which stays in memory. False if there are too many. */
  park(groupId: string, head: Entry): boolean {
    const found = this.#groups.get(groupId);
    if (
      found === undefined &&
      (this.#groups.size >= this.#limits.messageCountMax || !this.hasPlace)
    )
      return false;
    const group = found ?? new ParkedGroup(head.sequence + 1, this);
    this.#groups.set(groupId, group);
    head.parked = group;
    group.count(head, 1);
    return true;
  }

  /** Those that have come to `end`, where the lane reads on for all, are parked no longer. */
  endAt(end: number): void {
    for (const [groupId, group] of this.#groups) {
      if (group.from < end) continue;
      group.isOver = true;
      this.#groups.delete(groupId);
    }
  }

  /** A part of them is counted anew with {@link ParkedGroup.count}. */
  recountBegins(): void {
    for (const group of this.#groups.values()) group.readyCount = 0;
    this.#readyCount = 0;
    this.#readyBytes = 0;
  }

  count(messages: number, bytes: number): void {
    this.#readyCount += messages;
    this.#readyBytes += bytes;
  }
}
