import { AbortError, assert, BrokerError } from '@batonmq/model';
import type { RuntimeComponents } from '@batonmq/runtime';
import { requireOf, storeError } from './contract.ts';
import { GuardedLease } from './guarded-lease.ts';
import {
  STORE_PLUGIN,
  STORE_SPI_VERSION,
  type AcquireOptions,
  type Lease,
  type Store,
  type StoreInspection,
  type StoreManifest,
  type StorePlugin,
} from './store.ts';

/**
 * Creates a plugin's store behind the checks of the contract. Everybody who uses a store opens it here,
 * so plugins get clean input and callers get documented errors.
 *
 * A caller that breaks its side (a malformed batch, a second `acquire`) and a plugin that breaks its
 * own (an epoch that does not grow, a page out of order) are bugs: the call rejects with an
 * `AssertionError` that names the rule.
 *
 * @param plugin - What a plugin package's factory returned.
 * @throws `BATON_INVALID_ARGUMENT` if that is no store plugin; `BATON_SPI_VERSION` if it was written
 * for another major version of this contract.
 */
export function openStore(plugin: unknown, components: RuntimeComponents): Store {
  if (!isStorePlugin(plugin)) {
    throw new BrokerError(
      'BATON_INVALID_ARGUMENT',
      'This is no store plugin; pass what its factory returns, such as fsLockStore(options)',
    );
  }
  const { name, spiVersion } = plugin.manifest;
  if (spiVersion !== STORE_SPI_VERSION) {
    throw new BrokerError(
      'BATON_SPI_VERSION',
      `The store "${name}" is written for version ${spiVersion} of the store contract, ` +
        `this broker for version ${STORE_SPI_VERSION}; install releases that agree`,
      { details: { plugin: name, pluginVersion: spiVersion, brokerVersion: STORE_SPI_VERSION } },
    );
  }
  return new GuardedStore(plugin.create(components));
}

/** By the symbol, not by class: the plugin may have been built with another copy of this package. */
function isStorePlugin(value: unknown): value is StorePlugin {
  return (
    typeof value === 'object' &&
    value !== null &&
    STORE_PLUGIN in value &&
    value[STORE_PLUGIN] === true
  );
}

/** A plugin's store behind the checks of the contract; one {@link GuardedLease} at a time. */
class GuardedStore implements Store {
  readonly manifest: StoreManifest;
  readonly #inner: Store;
  #status: 'open' | 'acquiring' | 'closed' = 'open';
  #lease: GuardedLease | undefined;
  #lastEpoch = 0;
  #closed: Promise<void> | undefined;

  constructor(inner: Store) {
    this.manifest = inner.manifest;
    this.#inner = inner;
  }

  async acquire(options: AcquireOptions): Promise<Lease> {
    this.#requireOpen();
    assert(this.#status === 'open', 'acquire is not called while another call waits');
    assert(this.#lease?.hasEnded !== false, 'acquire is not called while a lease is held');
    requireNotAborted(options.signal);
    this.#status = 'acquiring';
    try {
      await this.#letGoOfLost();
      const granted = await this.#inner.acquire(options);
      await this.#take(granted);
      return (this.#lease = new GuardedLease(this.manifest.name, granted));
    } catch (error) {
      this.#requireOpen();
      requireNotAborted(options.signal);
      throw storeError(this.manifest.name, 'acquire a lease', error);
    } finally {
      this.#reopen();
    }
  }

  async inspect(): Promise<StoreInspection> {
    this.#requireOpen();
    try {
      return await this.#inner.inspect();
    } catch (error) {
      throw storeError(this.manifest.name, 'inspect its storage', error);
    }
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#status = 'closed';
    try {
      await this.#lease?.release();
    } finally {
      await this.#closeInner();
    }
  }

  async #closeInner(): Promise<void> {
    try {
      await this.#inner.close();
    } catch (error) {
      throw storeError(this.manifest.name, 'close', error);
    }
  }

  /** Plugins see the end of one lease before they are asked for the next. */
  async #letGoOfLost(): Promise<void> {
    const lost = this.#lease;
    this.#lease = undefined;
    await lost?.release();
  }

  /** A lease that was granted while the store closed, or without a new epoch, goes back at once. */
  async #take(granted: Lease): Promise<void> {
    const isNewer = Number.isSafeInteger(granted.epoch) && granted.epoch > this.#lastEpoch;
    if (this.#status === 'closed' || !isNewer) await granted.release();
    this.#requireOpen();
    requireOf(this.manifest.name, isNewer, 'every acquisition has a greater epoch');
    this.#lastEpoch = granted.epoch;
  }

  #requireOpen(): void {
    if (this.#status !== 'closed') return;
    throw new BrokerError('BATON_CLOSED', `The store "${this.manifest.name}" was closed`);
  }

  #reopen(): void {
    if (this.#status === 'acquiring') this.#status = 'open';
  }
}

function requireNotAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new AbortError('acquire', signal.reason);
}
