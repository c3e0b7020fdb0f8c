import type { DestinationNumber, Sequence } from '@batonmq/model';

/** One place a message is stored under: a composite send or a virtual topic has several, the body is stored once. */
export interface MessageTarget {
  readonly destination: DestinationNumber;
  readonly sequence: Sequence;
}

/**
 * One change of what a broker remembers.
 *
 * - `destination-added`: from now on `destination` stands for `key` (`queue://A.B`). It starts empty,
 *   also if its number or its key belonged to a destination that was removed.
 * - `destination-removed`: forgets it, every message in it and its next sequence.
 * - `message-added`: stores `payload` (its pieces put one after another) under each target.
 * - `message-removed`: takes the message at one place away (acked, expired, moved); unknown places
 *   are no error.
 * - `redelivery-counted`: the message at that place has now been delivered `count` times without an
 *   ack; unknown places are no error.
 * - `producer-marked`: every send of `producer` up to `sequence` is stored; kept after the messages
 *   are gone.
 * - `producer-forgotten`: drops the mark, if there is one.
 * - `state-put` / `state-removed`: keyed state (`space` groups keys: `subscription`, `transaction`, …).
 */
export type WriteRecord =
  | {
      readonly type: 'destination-added';
      readonly destination: DestinationNumber;
      readonly key: string;
    }
  | { readonly type: 'destination-removed'; readonly destination: DestinationNumber }
  | {
      readonly type: 'message-added';
      readonly targets: readonly MessageTarget[];
      readonly payload: readonly Uint8Array[];
    }
  | {
      readonly type: 'message-removed';
      readonly destination: DestinationNumber;
      readonly sequence: Sequence;
    }
  | {
      readonly type: 'redelivery-counted';
      readonly destination: DestinationNumber;
      readonly sequence: Sequence;
      readonly count: number;
    }
  | { readonly type: 'producer-marked'; readonly producer: string; readonly sequence: number }
  | { readonly type: 'producer-forgotten'; readonly producer: string }
  | {
      readonly type: 'state-put';
      readonly space: string;
      readonly key: string;
      readonly value: Uint8Array;
    }
  | { readonly type: 'state-removed'; readonly space: string; readonly key: string };

/**
 * Records that become durable together, in order. Its writer keeps these rules:
 *
 * - it holds at least one record;
 * - a destination is added before it is used, under a number and a key that no other has;
 * - sequences of a destination only grow, in the order of appends and records; one that was part of
 *   a refused append is not used again;
 * - every message has at least one target and at most one per place;
 * - a batch that adds or removes a destination adds no message. So it is never refused for lack of
 *   room, and batches in flight behind it may rely on it.
 */
export type WriteBatch = readonly WriteRecord[];
