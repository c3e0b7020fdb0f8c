import type { DestinationNumber, Sequence } from '@batonmq/model';

/** One place a message is stored under: a composite send or a virtual topic has several, the body is stored once. */
export interface MessageTarget {
  readonly destination: DestinationNumber;
  readonly sequence: Sequence;
}

/**
 * One change of what a broker remembers. A batch of them is applied whole or not at all.
 *
 * - `destination-added`: from now on `destination` stands for `key` (`queue://A.B`).
 * - `destination-removed`: forgets it and every message in it.
 * - `message-added`: stores `payload` (its pieces put one after another) under each target. Sequences of a destination only grow.
 * - `message-removed`: takes the message at one place away (acked, expired, moved); unknown places are no error.
 * - `redelivery-counted`: the message at that place has now been delivered `count` times without an ack.
 * - `producer-marked`: every send of `producer` up to `sequence` is stored; kept after the messages are gone.
 * - `producer-forgotten`: drops the mark.
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

/** Records that become durable together, in order. The caller must not change it, nor the bytes in it, until the append settles. */
export type WriteBatch = readonly WriteRecord[];
