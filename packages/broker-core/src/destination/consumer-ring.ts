import type { QueueSubscription } from '../subscription/queue-subscription.ts';
import { Deque } from './deque.ts';

/**
 * Who gets an entry; or `no-room`: nobody can take anything now; or `not-now`: somebody has room, but
 * nobody who has may have this one, so the next one is looked at.
 */
export type Choice = QueueSubscription | 'no-room' | 'not-now';

/** A subscription at one queue; a wildcard one has several. */
export interface Attachment {
  readonly subscription: QueueSubscription;
  isInRing: boolean;
  isAttached: boolean;
}

interface Band {
  readonly priority: number;
  readonly ring: Deque<Attachment>;
}

/**
 * Chooses who gets the next message: greater priority first, in turn among equals.
 *
 * A band's ring holds those that may have room. One that turns out to have none drops out when its
 * turn comes and re-enters when it has some again, so choosing costs the same however many are full.
 */
export class ConsumerRing {
  readonly attachments = new Set<Attachment>();
  #bands: Band[] = [];
  /** While there are exclusive consumers only this one is served: of the greatest priority, then the first. */
  #exclusive: Attachment | undefined;

  add(subscription: QueueSubscription): Attachment {
    const attachment = { subscription, isInRing: false, isAttached: true };
    this.attachments.add(attachment);
    this.#chooseExclusive();
    this.enter(attachment);
    return attachment;
  }

  remove(attachment: Attachment): void {
    attachment.isAttached = false;
    this.attachments.delete(attachment);
    this.#chooseExclusive();
  }

  /** It has room again, or may have. */
  enter(attachment: Attachment): void {
    if (attachment.isInRing || !attachment.isAttached) return;
    attachment.isInRing = true;
    this.#band(attachment.subscription.options.priority).ring.push(attachment);
  }

  /** Who gets the entry that the queue looks at; its turn is over with that. */
  choose(): Choice {
    return this.#next() ?? 'no-room';
  }

  #next(): QueueSubscription | undefined {
    if (this.#exclusive !== undefined) {
      const { subscription } = this.#exclusive;
      return subscription.hasRoom ? subscription : undefined;
    }
    for (const { ring } of this.#bands) {
      for (;;) {
        const attachment = ring.shift();
        if (attachment === undefined) break;
        if (attachment.isAttached && attachment.subscription.hasRoom) {
          ring.push(attachment);
          return attachment.subscription;
        }
        attachment.isInRing = false;
      }
    }
    return undefined;
  }

  #band(priority: number): Band {
    const found = this.#bands.find((band) => band.priority === priority);
    if (found !== undefined) return found;
    const band: Band = { priority, ring: new Deque() };
    this.#bands = [...this.#bands, band].sort((one, other) => other.priority - one.priority);
    return band;
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
