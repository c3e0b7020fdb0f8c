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
  /**
   * Several stores on the same place wait in line and one holds the lease; what it appended is there
   * for the next, also when all of them were closed in between.
   */
  readonly isShared: boolean;
}

export interface StoreManifest {
  /** Name of the npm package. */
  readonly name: string;
  /** {@link STORE_SPI_VERSION} as it was when the plugin was written. */
  readonly spiVersion: number;
  readonly capabilities: StoreCapabilities;
}

/**
 * What a plugin package exports: `fsLockStore(options)`.
 *
 * A plugin receives clean input. The broker never calls it directly but through `openStore`, which
 * keeps every promise listed under "The caller" below, so a plugin checks none of them again. It
 * may throw errors of any kind; those without a `BATON_` code come out as `BATON_STORE_FAILED`.
 */
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
  /** Leaves the line. Has no effect on a lease that was already granted. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: AcquireProgress) => void;
}

/** A broker's place in line for one place of storage. */
export interface Store {
  readonly manifest: StoreManifest;
  /**
   * Waits in line and resolves when this process may write.
   *
   * The caller: holds no lease of this store and waits for none; may come back after the lease was
   * lost or released. When it resolves: a greater epoch than any before it is recorded, whatever was
   * appended under those is readable, and nothing will be added to them. Until then it has
   * changed nothing in the storage, however long it waited.
   *
   * @throws `BATON_ABORTED` on the signal, `BATON_CLOSED` after {@link close}, and where waiting
   * cannot help `BATON_STORE_FORMAT`, `BATON_STORE_READ_ONLY`, `BATON_NAME_IN_USE`, `BATON_CORRUPT`
   * or `BATON_STORE_FAILED`.
   */
  acquire(options: AcquireOptions): Promise<Lease>;
  /**
   * Sizes, lag and what pins space.
   *
   * The caller: may ask at any time before {@link close}, as a standby too and beside every other
   * call. It changes nothing and its figures may be a moment old.
   *
   * @throws `BATON_CLOSED`, `BATON_STORE_FAILED`.
   */
  inspect(): Promise<StoreInspection>;
  /**
   * Ends everything: a call to {@link acquire} that waits rejects, a held lease is released, files and
   * connections are closed. When it resolves the next in line can have its turn. Calling it again
   * returns the same outcome.
   *
   * @throws `BATON_STORE_FAILED` if something could not be closed; the rest is closed all the same.
   */
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

/**
 * Receives what a broker must know before it serves: first every destination, then every producer,
 * then all state. It keeps nothing of what it is given but copies, and does not throw.
 */
export interface RecoveryVisitor {
  destination(recovered: RecoveredDestination): void;
  producer(producer: string, sequence: number): void;
  state(space: string, key: string, value: Uint8Array): void;
}

/** One message as read back. `payload` belongs to the caller and may pin a block of up to 1 MiB. */
export interface StoredMessage {
  readonly sequence: Sequence;
  readonly redeliveryCount: number;
  /** The pieces of the `message-added` record, put one after another. */
  readonly payload: Uint8Array;
}

/** Bounds of one page, each from 1 up; at least one message is returned however large, if there is one. */
export interface ReadLimits {
  readonly messageCountMax: number;
  readonly bytesMax: number;
}

/** The right to write, as long as no newer epoch exists. */
export interface Lease {
  readonly epoch: Epoch;
  /**
   * Resolves once, when the lease ends for whatever reason; never rejects. From then on every append
   * rejects and changes nothing; the broker must stop answering its clients in the same turn.
   */
  readonly lost: Promise<LeaseLoss>;
  /**
   * Tells the visitor everything but the messages themselves.
   *
   * The caller: calls it once, before the first append and read. When it resolves the visitor has seen
   * the outcome of every append of earlier epochs that resolved, and of any other wholly or not at all.
   *
   * @throws `BATON_CORRUPT` naming the place, `BATON_FENCED`, `BATON_STORE_FAILED`.
   */
  recover(visitor: RecoveryVisitor): Promise<void>;
  /**
   * Applies a batch whole or not at all, after every batch appended before it.
   *
   * The caller: has awaited {@link recover}; keeps the rules of {@link WriteBatch}; leaves the batch
   * and the bytes in it unchanged until the append settles, and does what it likes with them then.
   * It need not wait for one append before the next: many may be in flight, and they settle in order.
   * When it resolves the batch is as durable as the store promises and readable.
   *
   * @throws `BATON_FENCED` if a newer epoch exists (nothing took effect, the lease is lost);
   * `BATON_STORE_FULL` if there is no room for its messages (nothing took effect, the lease goes
   * on; batches without `message-added` still succeed); `BATON_STORE_FAILED` if the outcome is
   * unknown: the lease is lost with it, and the next {@link recover} tells.
   */
  append(batch: WriteBatch): Promise<void>;
  /**
   * Messages of a destination from `from` up, in order, without those removed.
   *
   * The caller: has awaited {@link recover}; may read while appends are in flight and sees each of
   * those wholly or not at all. Resolves with an empty page if and only if nothing is there from
   * `from` on, an unknown destination included.
   *
   * @throws `BATON_CORRUPT` naming the place if stored bytes fail their checksum; `BATON_FENCED`,
   * `BATON_STORE_FAILED`.
   */
  read(
    destination: DestinationNumber,
    from: Sequence,
    limits: ReadLimits,
  ): Promise<readonly StoredMessage[]>;
  /**
   * Gives the right to write back.
   *
   * The caller: calls it once and before the next `acquire`, also when the lease was lost; every append
   * has settled unless it was.
   * When it resolves `lost` has too, and the next in line gets its turn without waiting for a timeout.
   *
   * @throws `BATON_STORE_FAILED`; the lease has ended all the same.
   */
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

/** What a store knows of its own size. Byte counts are of payloads unless said otherwise. */
export interface StoreInspection {
  /** Newest epoch known; `undefined` before the first. */
  readonly epoch: Epoch | undefined;
  readonly isHeldHere: boolean;
  /** Messages of all destinations; one that several destinations show counts in each. */
  readonly messageCount: number;
  /** What is needed for the messages that exist; one that several destinations show counts once. */
  readonly liveBytes: number;
  /** What is taken up in all. */
  readonly usedBytes: number;
  /** What a standby has yet to follow; 0 for the holder. */
  readonly lagBytes: number;
  readonly pins: readonly SpacePin[];
}
