import { BrokerError, type DestinationNumber, type Epoch, type Sequence } from '@batonmq/model';
import {
  STORE_PLUGIN,
  STORE_SPI_VERSION,
  type AcquireOptions,
  type Lease,
  type LeaseLoss,
  type ReadLimits,
  type RecoveryVisitor,
  type Store,
  type StoredMessage,
  type StoreInspection,
  type StoreManifest,
  type StorePlugin,
  type WriteBatch,
} from '@batonmq/store-spi';
import { addedBytes } from './contents.ts';
import type { SharedSpace, Turn } from './memory-space.ts';
import {
  resolveMemoryStoreOptions,
  type MemoryStoreOptions,
  type MemoryStoreSettings,
} from './options.ts';

const MANIFEST: StoreManifest = Object.freeze({
  name: '@batonmq/store-memory',
  spiVersion: STORE_SPI_VERSION,
  capabilities: Object.freeze({ isDurable: false, isShared: true }),
});

/**
 * A store that keeps messages in memory and loses them with the process.
 *
 * @throws `BATON_INVALID_OPTION` naming everything that is wrong with the options.
 */
export function memoryStore(options?: MemoryStoreOptions): StorePlugin {
  const settings = resolveMemoryStoreOptions(options);
  return { [STORE_PLUGIN]: true, manifest: MANIFEST, create: () => new MemoryStore(settings) };
}

class MemoryStore implements Store {
  readonly manifest = MANIFEST;
  readonly #settings: MemoryStoreSettings;
  readonly #closing = new AbortController();
  #lease: MemoryLease | undefined;

  constructor(settings: MemoryStoreSettings) {
    this.#settings = settings;
  }

  async acquire({ owner, signal, onProgress }: AcquireOptions): Promise<Lease> {
    const { space, messageBytesMax } = this.#settings;
    const holder = space.holderName;
    if (holder !== undefined) onProgress?.({ type: 'waiting', holder });
    const ends = [this.#closing.signal, ...(signal === undefined ? [] : [signal])];
    const turn = await space.takeTurn(owner, AbortSignal.any(ends));
    this.#lease = new MemoryLease(space, turn, messageBytesMax);
    return this.#lease;
  }

  inspect(): Promise<StoreInspection> {
    const { epoch, contents } = this.#settings.space;
    return Promise.resolve({
      epoch: epoch === 0 ? undefined : epoch,
      isHeldHere: this.#lease?.isCurrent ?? false,
      messageCount: contents.messageCount,
      liveBytes: contents.liveBytes,
      usedBytes: contents.liveBytes,
      lagBytes: 0,
      pins: [],
    });
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#lease?.release();
  }
}

class MemoryLease implements Lease {
  readonly epoch: Epoch;
  readonly lost: Promise<LeaseLoss>;
  readonly #space: SharedSpace;
  readonly #turn: Turn;
  readonly #messageBytesMax: number;
  #lose: (loss: LeaseLoss) => void = () => undefined;

  constructor(space: SharedSpace, turn: Turn, messageBytesMax: number) {
    this.epoch = turn.epoch;
    this.#space = space;
    this.#turn = turn;
    this.#messageBytesMax = messageBytesMax;
    this.lost = new Promise((resolve) => {
      this.#lose = resolve;
    });
    turn.onFenced = () => {
      this.#lose({ reason: 'fenced' });
    };
  }

  get isCurrent(): boolean {
    return this.#space.isHeldBy(this.#turn);
  }

  // Memory answers within the turn that asked, so appends are in order by themselves. A store that
  // waits for a disk or a network has to see to that.

  recover(visitor: RecoveryVisitor): Promise<void> {
    return atOnce(() => {
      this.#space.contents.recover(visitor);
    });
  }

  append(batch: WriteBatch): Promise<void> {
    return atOnce(() => {
      this.#checkEpoch();
      this.#checkRoom(batch);
      this.#space.contents.apply(batch);
    });
  }

  read(
    destination: DestinationNumber,
    from: Sequence,
    limits: ReadLimits,
  ): Promise<readonly StoredMessage[]> {
    return atOnce(() => this.#space.contents.read(destination, from, limits));
  }

  release(): Promise<void> {
    return atOnce(() => {
      this.#lose({ reason: 'released' });
      this.#space.endTurn(this.#turn);
    });
  }

  /** The fence. It sits where the write happens, so nothing can slip in between. */
  #checkEpoch(): void {
    const newest = this.#space.epoch;
    if (newest === this.epoch) return;
    this.#lose({ reason: 'fenced' });
    throw new BrokerError(
      'BATON_FENCED',
      `Epoch ${this.epoch} may not write any more: epoch ${newest} exists`,
      { details: { epoch: this.epoch, newest } },
    );
  }

  #checkRoom(batch: WriteBatch): void {
    const wanted = addedBytes(batch);
    const room = this.#messageBytesMax - this.#space.contents.liveBytes;
    if (wanted === 0 || wanted <= room) return;
    throw new BrokerError(
      'BATON_STORE_FULL',
      `${wanted} bytes of messages do not fit into the ${Math.max(room, 0)} bytes that are left`,
      { details: { wantedBytes: wanted, roomBytes: room } },
    );
  }
}

/** Runs `action` now; what it throws comes out as a rejection, as from any other store. */
function atOnce<T>(action: () => T): Promise<T> {
  return new Promise((resolve) => {
    resolve(action());
  });
}
