import type { QueueSubscription } from '../subscription/queue-subscription.ts';
import type { Attachment } from './consumer-ring.ts';
import type { Entry } from './entry.ts';
import { ExclusiveConsumer } from './exclusive-consumer.ts';
import {
  MessageGroups,
  type MessageGroup,
  type MessageGroupsSettings,
  type OwnerStore,
} from '../group/message-groups.ts';
import { Selection, textOf } from './selection.ts';

/**
 * Who gets an entry; or `no-room`: nobody can take anything now; or `not-now`: somebody has room, but
 * nobody who has may have this one, so the next one is looked at.
 */
export type Choice = QueueSubscription | 'no-room' | 'not-now';

/** What is set for the consumers of a queue. */
export interface ConsumersSettings {
  /** Fill one consumer before the next, instead of taking turns. */
  readonly isStrictOrder: boolean;
  readonly areAllExclusive: boolean;
  /** None if messages are not grouped. */
  readonly groups: MessageGroupsSettings | undefined;
}

/** The consumers of a queue, and who of them gets which message. */
export class Consumers {
  readonly attachments = new Set<Attachment>();
  readonly #selections = new Map<string, Selection>();
  /** Of {@link #selections}: the one of consumers without a selector. */
  #plain: Selection | undefined;
  #turn = 0;
  readonly #exclusive: ExclusiveConsumer;
  /** Those that wait for the first message of a group, see {@link MessageGroups}. */
  readonly #heldBack = new Set<Attachment>();
  readonly #settings: ConsumersSettings;
  readonly #owners: OwnerStore;
  /** From the first message of a group on. */
  #groups: MessageGroups<Attachment, Entry> | undefined;

  /** @param nextEpoch - Numbers that grow, also over takeovers. */
  constructor(settings: ConsumersSettings, owners: OwnerStore, nextEpoch: () => number) {
    this.#settings = settings;
    this.#owners = owners;
    this.#exclusive = new ExclusiveConsumer(settings.areAllExclusive, nextEpoch);
  }

  /** See {@link ExclusiveConsumer.epoch}. */
  get exclusiveEpoch(): number | undefined {
    return this.#exclusive.epoch;
  }

  /** True while messages wait until the store knows who owns their groups. */
  get isRecordingOwners(): boolean {
    return this.#groups?.isRecording ?? false;
  }

  /** True while some groups wait for owners from before a takeover. */
  get isAwaitingOwners(): boolean {
    return this.#groups?.isAwaiting ?? false;
  }

  /** True once there was a message of a group. */
  get hasGroups(): boolean {
    return this.#groups !== undefined;
  }

  get selections(): Iterable<Selection> {
    return this.#selections.values();
  }

  /** True if some consumer does not want every message. */
  get isSelective(): boolean {
    return this.#selections.size > (this.#plain === undefined ? 0 : 1);
  }

  /** The caller tells its lanes of a selection of size 1: it is new. */
  add(subscription: QueueSubscription): Attachment {
    const { selector } = subscription;
    const text = textOf(selector);
    const selection = this.#selections.get(text) ?? new Selection(selector);
    const { consumerKey, priority } = subscription.options;
    const attachment: Attachment = {
      subscription,
      selection,
      consumerKey,
      priority,
      isInRing: false,
      isHeldBack: false,
      isAttached: true,
    };
    this.#selections.set(text, selection);
    if (selection.isPlain) this.#plain = selection;
    selection.size += 1;
    this.attachments.add(attachment);
    this.#groups?.joined(attachment);
    if (this.#exclusive.joined(attachment)) this.#enterAll();
    this.enter(attachment);
    return attachment;
  }

  /** The caller tells its lanes of a selection of size 0: it is gone. */
  remove(attachment: Attachment): void {
    const { selection } = attachment;
    attachment.isAttached = false;
    this.attachments.delete(attachment);
    selection.size -= 1;
    if (selection.size === 0) {
      this.#selections.delete(selection.text);
      if (selection === this.#plain) this.#plain = undefined;
    }
    this.#groups?.left(attachment);
    if (this.#exclusive.left(attachment, this.attachments)) this.#enterAll();
  }

  /** It has room again, or may have. */
  enter(attachment: Attachment): void {
    attachment.selection.ring.enter(attachment);
  }

  /** Who gets `entry`; their turn is over with that. */
  choose(entry: Entry): Choice {
    if (entry.message.groupId !== undefined && this.#settings.groups !== undefined) {
      return this.#chooseForGroup(entry.message.groupId, entry, this.#settings.groups);
    }
    const { current } = this.#exclusive;
    if (current !== undefined) return this.#chooseOnly(current, entry);
    if (entry.views !== undefined) return this.#chooseBySelection(entry);
    if (this.#plain === undefined) return 'no-room';
    return this.#next(this.#plain) ?? this.#nobody;
  }

  /** The queue looks at its messages from the first. */
  walkBegins(): void {
    if (this.#groups === undefined) return;
    this.#groups.walkBegins();
    for (const attachment of this.#heldBack) {
      attachment.isHeldBack = false;
      this.enter(attachment);
    }
    this.#heldBack.clear();
  }

  /** True if messages of its group were passed by since the walk began. */
  isPassedBy({ group }: Entry): boolean {
    return group !== undefined && this.#groups?.isPassedBy(group) === true;
  }

  /** A dispatched entry was consumed, given back, or is a dead letter. */
  settled(entry: Entry): void {
    if (!entry.isWithOwner || entry.group === undefined) return;
    entry.isWithOwner = false;
    this.#groups?.settled(entry.group);
  }

  /** An entry waits for its next redelivery; if it was dispatched, {@link settled} follows. */
  delayBegins(entry: Entry): void {
    const group = this.#groupOf(entry);
    if (group !== undefined) this.#groups?.delayBegins(group);
  }

  /** True if others of its group come first, so that what it waits for itself does not begin yet. */
  isBehindOthers(entry: Entry): boolean {
    const group = this.#groupOf(entry);
    return group !== undefined && this.#groups?.isWaiting(group) === true;
  }

  /** It is back in the queue, or gone. */
  delayEnds({ group }: Entry): void {
    if (group !== undefined) this.#groups?.delayEnds(group);
  }

  /** A dispatched entry leaves the store with the open write group. */
  removed({ isWithOwner, group, message }: Entry): void {
    if (isWithOwner && group !== undefined && message.groupSequence < 0)
      this.#groups?.closed(group);
  }

  /** The store knows who owns a group. */
  ownerRecovered(groupId: string, consumerKey: string): void {
    const { groups } = this.#settings;
    if (groups !== undefined) this.#groupsWith(groups).recovered(groupId, consumerKey);
  }

  /** Owners from before a takeover are not waited for any longer. */
  endOwnersWait(): void {
    this.#groups?.endWait();
  }

  /** The queue is removed. */
  forgetGroups(): void {
    this.#groups?.clear();
  }

  #groupOf(entry: Entry): MessageGroup<Attachment> | undefined {
    const { groupId } = entry.message;
    const { groups } = this.#settings;
    if (groupId === undefined || groups === undefined) return undefined;
    if (entry.group === undefined || entry.group.isForgotten) {
      entry.group = this.#groupsWith(groups).of(groupId);
    }
    return entry.group;
  }

  #chooseForGroup(groupId: string, entry: Entry, settings: MessageGroupsSettings): Choice {
    const groups = this.#groupsWith(settings);
    if (entry.group === undefined || entry.group.isForgotten) entry.group = groups.of(groupId);
    const attachment = groups.choose(entry.group, entry);
    if (attachment === undefined) return this.#nobody;
    entry.isWithOwner = true;
    return attachment.subscription;
  }

  #groupsWith(settings: MessageGroupsSettings): MessageGroups<Attachment, Entry> {
    if (this.#groups !== undefined) return this.#groups;
    const groups = new MessageGroups<Attachment, Entry>(
      settings,
      {
        wants: (attachment, entry) => this.#isFor(attachment, entry),
        room: (attachment, entry) => roomFor(attachment, entry),
        isHeldBack: ({ isHeldBack }) => isHeldBack,
        holdBack: (attachment) => {
          attachment.isHeldBack = true;
          this.#heldBack.add(attachment);
        },
      },
      this.#owners,
    );
    for (const attachment of this.attachments) groups.joined(attachment);
    this.#groups = groups;
    return groups;
  }

  #isFor(attachment: Attachment, { views }: Entry): boolean {
    const { current } = this.#exclusive;
    if (current !== undefined && current !== attachment) return false;
    return views?.some(({ selection }) => selection === attachment.selection) ?? true;
  }

  #next({ ring }: Selection): QueueSubscription | undefined {
    return this.#settings.isStrictOrder ? ring.peek() : ring.next();
  }

  #chooseOnly(attachment: Attachment, entry: Entry): Choice {
    const { subscription } = attachment;
    if (!subscription.hasRoom) return 'no-room';
    if (attachment.isHeldBack) return 'not-now';
    const isIts = this.#isFor(attachment, entry) && roomFor(attachment, entry) > 0;
    return isIts ? subscription : 'not-now';
  }

  #chooseBySelection({ views = [], sequence }: Entry): Choice {
    let best: Selection | undefined;
    let bestPriority = -Infinity;
    for (const { selection, from } of views) {
      // A view that has messages before this one to read must not see it yet.
      if (from <= sequence) continue;
      const candidate = selection.ring.peek();
      if (candidate === undefined) continue;
      const { priority } = candidate.options;
      if (best !== undefined && priority < bestPriority) continue;
      if (best !== undefined && priority === bestPriority && selection.turn > best.turn) continue;
      best = selection;
      bestPriority = priority;
    }
    if (best === undefined) return this.#nobody;
    this.#turn += 1;
    best.turn = this.#turn;
    return this.#next(best) ?? 'no-room';
  }

  /** Nobody may have it now. */
  get #nobody(): Choice {
    return this.#heldBack.size > 0 || this.#hasRoom ? 'not-now' : 'no-room';
  }

  get #hasRoom(): boolean {
    const { current } = this.#exclusive;
    if (current !== undefined) return current.subscription.hasRoom;
    for (const { ring } of this.#selections.values()) if (ring.peek() !== undefined) return true;
    return false;
  }

  /** Everyone may have left the ring's view while an exclusive one was served. */
  #enterAll(): void {
    for (const attachment of this.attachments) this.enter(attachment);
  }
}

/** A view that has messages before this one to read must not see it yet. */
function roomFor({ subscription, selection }: Attachment, { views, sequence }: Entry): number {
  const isSeen = views?.some((view) => view.selection === selection && view.from > sequence);
  return isSeen === false ? 0 : subscription.roomCount;
}
