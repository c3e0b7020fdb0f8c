import type { QueueSubscription } from '../subscription/queue-subscription.ts';
import { Deque } from './deque.ts';
import type { Selection } from './selection.ts';

/** A subscription at one queue; a wildcard one has several. */
export interface Attachment {
  readonly subscription: QueueSubscription;
  readonly selection: Selection;
  /** Of the subscription. */
  readonly consumerKey: string;
  readonly priority: number;
  isInRing: boolean;
  /** Nothing more goes to it in this walk. */
  isHeldBack: boolean;
  isAttached: boolean;
}

interface Band {
  readonly priority: number;
  readonly ring: Deque<Attachment>;
}

/**
 * Whose turn it is among consumers that may all have the same messages: greater priority first, in
 * turn among equals.
 *
 * A band's ring holds those that may have room. One that turns out to have none, or is held back, drops out when its
 * turn comes and re-enters when it has some again, so choosing costs the same however many are full.
 */
export class ConsumerRing {
  #bands: Band[] = [];

  /** It has room again, or may have. */
  enter(attachment: Attachment): void {
    if (attachment.isInRing || !attachment.isAttached) return;
    attachment.isInRing = true;
    this.#band(attachment.priority).ring.push(attachment);
  }

  /** Whose turn it is; none if all are full. */
  peek(): QueueSubscription | undefined {
    for (const { ring } of this.#bands) {
      let attachment: Attachment | undefined;
      while ((attachment = ring.peek()) !== undefined) {
        if (mayTake(attachment)) {
          return attachment.subscription;
        }
        ring.shift();
        attachment.isInRing = false;
      }
    }
    return undefined;
  }

  /** Takes a turn: whoever had it goes to the end of the line. */
  next(): QueueSubscription | undefined {
    for (const { ring } of this.#bands) {
      for (;;) {
        const attachment = ring.shift();
        if (attachment === undefined) break;
        if (mayTake(attachment)) {
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
}

function mayTake({ isAttached, isHeldBack, subscription }: Attachment): boolean {
  return isAttached && !isHeldBack && subscription.hasRoom;
}
