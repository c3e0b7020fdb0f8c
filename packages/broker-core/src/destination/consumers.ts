import type { QueueSubscription } from '../subscription/queue-subscription.ts';
import type { Attachment } from './consumer-ring.ts';
import type { Entry } from './entry.ts';
import { Selection, textOf } from './selection.ts';

/**
 * Who gets an entry; or `no-room`: nobody can take anything now; or `not-now`: somebody has room, but
 * nobody who has may have this one, so the next one is looked at.
 */
export type Choice = QueueSubscription | 'no-room' | 'not-now';

/** The consumers of a queue, and who of them gets which message. */
export class Consumers {
  readonly attachments = new Set<Attachment>();
  readonly #selections = new Map<string, Selection>();
  /** Of {@link #selections}: the one of consumers without a selector. */
  #plain: Selection | undefined;
  #turn = 0;
  /** While there are exclusive consumers only this one is served: of the greatest priority, then the first. */
  #exclusive: Attachment | undefined;
  readonly #isStrictOrder: boolean;

  /** @param isStrictOrder - Fill one consumer before the next, instead of taking turns. */
  constructor(isStrictOrder: boolean) {
    this.#isStrictOrder = isStrictOrder;
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
    const attachment = { subscription, selection, isInRing: false, isAttached: true };
    this.#selections.set(text, selection);
    if (selection.isPlain) this.#plain = selection;
    selection.size += 1;
    this.attachments.add(attachment);
    this.#chooseExclusive();
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
    this.#chooseExclusive();
  }

  /** It has room again, or may have. */
  enter(attachment: Attachment): void {
    attachment.selection.ring.enter(attachment);
  }

  /** Who gets `entry`; their turn is over with that. */
  choose(entry: Entry): Choice {
    if (this.#exclusive !== undefined) return this.#chooseOnly(this.#exclusive, entry);
    if (entry.views !== undefined) return this.#chooseBySelection(entry);
    if (this.#plain === undefined) return 'no-room';
    return this.#next(this.#plain) ?? 'no-room';
  }

  #next({ ring }: Selection): QueueSubscription | undefined {
    return this.#isStrictOrder ? ring.peek() : ring.next();
  }

  #chooseOnly({ subscription, selection }: Attachment, { views, sequence }: Entry): Choice {
    if (!subscription.hasRoom) return 'no-room';
    if (views === undefined) return subscription;
    const isWanted = views.some((view) => view.selection === selection && view.from > sequence);
    return isWanted ? subscription : 'not-now';
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
    if (best === undefined) return this.#hasRoom ? 'not-now' : 'no-room';
    this.#turn += 1;
    best.turn = this.#turn;
    return this.#next(best) ?? 'no-room';
  }

  get #hasRoom(): boolean {
    for (const { ring } of this.#selections.values()) if (ring.peek() !== undefined) return true;
    return false;
  }

  #chooseExclusive(): void {
    this.#exclusive = undefined;
    let best = -Infinity;
    for (const attachment of this.attachments) {
      const { isExclusive, priority } = attachment.subscription.options;
      if (!isExclusive || priority <= best) continue;
      this.#exclusive = attachment;
      best = priority;
    }
    // Everyone may have left the ring's view while an exclusive one was served.
    for (const attachment of this.attachments) this.enter(attachment);
  }
}
