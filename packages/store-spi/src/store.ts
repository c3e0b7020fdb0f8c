import type { DestinationNumber, Epoch, Sequence } from '@batonmq/model';
import type { RuntimeComponents } from '@batonmq/runtime';
import type { WriteBatch } from './write-batch.ts';

/** Version of this contract; its major is the major of this package. */
export const STORE_SPI_VERSION = 1;

/** Recognises a plugin of any loaded copy of this package. */
export const STORE_PLUGIN: unique symbol = Symbol.for('@batonmq/store');

/** What a store promises. A capability is the only way a suite of the test kit is skipped. */
export interface StoreCapabilities {
  /** What was appended is there after the process or the machine died. */
  readonly isDurable: boolean;
  /** Several stores on the same place wait in line, one holds the lease. */
  readonly isShared: boolean;
}

export interface StoreManifest {
  readonly name: string;
  readonly spiVersion: number;
  readonly capabilities: StoreCapabilities;
}

/** What a plugin package exports: `fsLockStore(options)`. */
export interface StorePlugin {
  readonly [STORE_PLUGIN]: true;
  readonly manifest: StoreManifest;
  /** Called once per broker. Touches nothing outside the process. */
  create(components: RuntimeComponents): Store;
}

/** What a store does while it waits or takes over; for watchers, never for control flow. */
export type AcquireProgress =
  | { readonly type: 'waiting'; readonly holder: string | undefined }
  | { readonly type: 'following'; readonly lagBytes: number }
  | { readonly type: 'recovering'; readonly doneBytes: number; readonly totalBytes: number };

export interface AcquireOptions {
  /** Name of the broker, shown to the others in line. */
  readonly owner: string;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: AcquireProgress) => void;
}

export interface Store {
  readonly manifest: StoreManifest;
  /**
   * Waits in line and resolves when this process may write; everything appended under earlier
   * epochs is then readable. Until it holds the right to write it changes nothing in the store.
   * May be called again after the lease was lost or released, not while one is held.
   *
   * @throws `BATON_ABORTED` on the signal; `BATON_STORE_FORMAT`, `BATON_STORE_READ_ONLY`,
   * `BATON_NAME_IN_USE`, `BATON_CORRUPT`, `BATON_STORE_FAILED` when waiting cannot help.
   */
  acquire(options: AcquireOptions): Promise<Lease>;
  /** Sizes, lag and what pins space; works on a standby too and changes nothing. */
  inspect(): Promise<StoreInspection>;
  /** Releases a held lease, stops waiting, closes files. Idempotent. */
  close(): Promise<void>;
}

/** Why a lease ended; `fenced` means another epoch exists. */
export interface LeaseLoss {
  readonly reason: 'released' | 'fenced' | 'failed';
  readonly cause?: Error;
}

/** A destination as recovered: enough to serve it without loading a message. */
export interface RecoveredDestination {
  readonly destination: DestinationNumber;
  readonly key: string;
  readonly messageCount: number;
  /** Stored payload bytes of those messages. */
  readonly messageBytes: number;
  /** Sequence of the oldest message, or the next free one if there is none. */
  readonly firstSequence: Sequence;
  /** Greater than every sequence ever stored in this destination. */
  readonly nextSequence: Sequence;
}

/** Receives what a broker must know before it serves; calls come in the order of these members. */
export interface RecoveryVisitor {
  destination(recovered: RecoveredDestination): void;
  producer(producer: string, sequence: number): void;
  state(space: string, key: string, value: Uint8Array): void;
}

/** One message as read back. `payload` belongs to the caller and may pin a block of up to 1 MiB. */
export interface StoredMessage {
  readonly sequence: Sequence;
  readonly redeliveryCount: number;
  readonly payload: Uint8Array;
}

/** Bounds of one page; at least one message is returned however large, if there is one. */
export interface ReadLimits {
  readonly messageCountMax: number;
  readonly bytesMax: number;
}

/** The right to write, as long as no newer epoch exists. */
export interface Lease {
  readonly epoch: Epoch;
  /** Resolves once when the lease ends. From then on every append rejects; the broker must stop answering in the same turn. */
  readonly lost: Promise<LeaseLoss>;
  /** Called once, before the first append. Message bodies are not loaded. */
  recover(visitor: RecoveryVisitor): Promise<void>;
  /**
   * Applies a batch whole or not at all, after every batch appended before it. When it resolves
   * the batch is durable and readable. Many appends may be in flight; they settle in order.
   * The bytes given have been copied or written when the call returns its promise.
   *
   * @throws `BATON_FENCED` if a newer epoch exists (nothing took effect); `BATON_STORE_FULL` if
   * there is no room for its messages (nothing took effect; batches without `message-added` still
   * succeed); `BATON_STORE_FAILED` if the outcome is unknown: the lease is lost with it.
   */
  append(batch: WriteBatch): Promise<void>;
  /**
   * Messages of a destination from `from` up, in order, without those removed.
   *
   * @throws `BATON_CORRUPT` naming the place if stored bytes fail their checksum.
   */
  read(
    destination: DestinationNumber,
    from: Sequence,
    limits: ReadLimits,
  ): Promise<readonly StoredMessage[]>;
  /** Gives the right to write back, after every append has settled, so that the next in line takes over at once. */
  release(): Promise<void>;
}

/** One reason why space is not freed. */
export interface SpacePin {
  /** The file, table or range that is kept. */
  readonly what: string;
  readonly bytes: number;
  readonly liveBytes: number;
  readonly why: string;
}

export interface StoreInspection {
  readonly epoch: Epoch | undefined;
  readonly isHeldHere: boolean;
  readonly messageCount: number;
  readonly liveBytes: number;
  readonly usedBytes: number;
  readonly lagBytes: number;
  readonly pins: readonly SpacePin[];
}
