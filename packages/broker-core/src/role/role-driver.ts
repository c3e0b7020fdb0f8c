import { BrokerError, isBrokerError, type Epoch } from '@batonmq/model';
import type { Clock, Logger } from '@batonmq/runtime';
import type { AcquireProgress, Lease, Store } from '@batonmq/store-spi';
import { canHappen, step, type Role, type RoleEffect, type RoleEvent } from './role.ts';

/** The term that a lease starts, as the driver needs it. */
export interface DrivenTerm {
  recover(): Promise<void>;
  end(reason: BrokerError): void;
  drain(reason: BrokerError): Promise<void>;
}

/** What the driver needs from its broker. */
export interface RoleDriverOptions<T extends DrivenTerm> {
  readonly name: string;
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly acquireRetryMs: number;
  /** `failed` is to be called when the term finds out first that the lease is gone. */
  readonly beginTerm: (lease: Lease, failed: (error: BrokerError) => void) => T;
  readonly changed: (from: Role, to: Role, epoch: Epoch | undefined, cause?: BrokerError) => void;
}

/** Time between two lines about a recovery that takes long, milliseconds. */
const PROGRESS_INTERVAL_MS = 1000;

/** Performs what the role machine decides: the only place that acquires, recovers and releases. */
export class RoleDriver<T extends DrivenTerm> {
  readonly #options: RoleDriverOptions<T>;
  readonly #abort = new AbortController();
  #role: Role = 'stopped';
  #lease: Lease | undefined;
  #term: T | undefined;
  #hasStarted = false;
  #progressLoggedAt = -Infinity;
  /** The call of `start`, until this broker is in line or serves; a failure before that is told to its caller. */
  #starting:
    { readonly resolve: () => void; readonly reject: (error: unknown) => void } | undefined;
  #stopped: Promise<void> | undefined;

  constructor(options: RoleDriverOptions<T>) {
    this.#options = options;
  }

  get role(): Role {
    return this.#role;
  }

  get epoch(): Epoch | undefined {
    return this.#lease?.epoch;
  }

  /** The term that serves; none unless active. */
  get term(): T | undefined {
    return this.#role === 'active' ? this.#term : undefined;
  }

  async start(): Promise<void> {
    if (this.#hasStarted) {
      throw new BrokerError(
        'BATON_INVALID_STATE',
        `Broker ${this.#options.name} was started before`,
      );
    }
    this.#hasStarted = true;
    await new Promise<void>((resolve, reject) => {
      this.#starting = { resolve, reject };
      this.#handle('start');
    });
  }

  stop(): Promise<void> {
    if (this.#stopped !== undefined) return this.#stopped;
    if (this.#role === 'stopped') this.#stopped = this.#options.store.close();
    else this.#handle('stop');
    this.#stopped ??= Promise.resolve();
    return this.#stopped;
  }

  #handle(event: RoleEvent, cause?: BrokerError): void {
    const from = this.#role;
    const { role, effects } = step(from, event);
    this.#role = role;
    // Clients are cut off before anybody hears of it: this turn must not answer one more of them.
    for (const effect of effects) this.#perform(effect, cause);
    if (from !== role) this.#options.changed(from, role, this.#lease?.epoch, cause);
  }

  #perform(effect: RoleEffect, cause: BrokerError | undefined): void {
    switch (effect) {
      case 'acquire':
        this.#lease = undefined;
        void this.#acquire();
        break;
      case 'acquire-later':
        this.#options.clock.setTimer(this.#options.acquireRetryMs, () => {
          if (this.#role === 'standby') void this.#acquire();
        });
        break;
      case 'recover':
        void this.#recover();
        break;
      case 'let-go':
        this.#letGo();
        break;
      case 'disconnect':
        this.#term?.end(cause ?? fenced(this.#options.name));
        this.#term = undefined;
        void this.#leave();
        break;
      case 'drain':
        this.#stopped = this.#drain();
        // Whoever calls `stop` is told; without a caller it is no reason to end the process.
        this.#stopped.catch((error: unknown) => {
          this.#log('cannot stop in order', asBrokerError(error));
        });
        break;
    }
  }

  async #acquire(): Promise<void> {
    const { name, store } = this.#options;
    const { signal } = this.#abort;
    try {
      const onProgress = (progress: AcquireProgress): void => {
        this.#progressed(progress);
      };
      const lease = await store.acquire({ owner: name, signal, onProgress });
      this.#granted(lease);
    } catch (error) {
      this.#refused(error);
    }
  }

  #progressed(progress: AcquireProgress): void {
    if (progress.type === 'waiting') this.#started();
    if (progress.type !== 'recovering') return;
    if (this.#role === 'standby') this.#handle('sighted');
    this.#logProgress(progress.doneBytes, progress.totalBytes);
  }

  /** Who waits for a long recovery wants to see that it moves, and how far it has to go. */
  #logProgress(doneBytes: number, totalBytes: number): void {
    const { clock, logger } = this.#options;
    const now = clock.now();
    if (now - this.#progressLoggedAt < PROGRESS_INTERVAL_MS) return;
    this.#progressLoggedAt = now;
    logger.log('info', 'recovering', { event: 'recovering', doneBytes, totalBytes });
  }

  #granted(lease: Lease): void {
    // Stopped while the store was granting: closing the store gives the lease back.
    if (this.#role === 'stopped') return;
    this.#lease = lease;
    if (this.#role === 'standby') this.#handle('sighted');
    void lease.lost.then(({ cause }) => {
      this.#lost(lease, cause);
    });
    this.#handle('granted');
  }

  #refused(error: unknown): void {
    if (this.#role === 'stopped') return;
    const failure = asBrokerError(error);
    if (this.#rejectedStart(failure)) return;
    this.#log('cannot get in line for the store; trying again', failure);
    this.#handle('failed', failure);
  }

  async #recover(): Promise<void> {
    const lease = this.#lease;
    if (lease === undefined) return;
    const term = this.#options.beginTerm(lease, (error) => {
      this.#lost(lease, error);
    });
    this.#term = term;
    try {
      await term.recover();
      if (this.#lease !== lease || !canHappen(this.#role, 'recovered')) return;
      this.#handle('recovered');
      this.#started();
    } catch (error) {
      if (this.#lease !== lease || !canHappen(this.#role, 'failed')) return;
      this.#recoveryFailed(asBrokerError(error));
    }
  }

  /** Another broker that was faster is no reason to give up, at a first start either. */
  #recoveryFailed(failure: BrokerError): void {
    if (failure.code !== 'BATON_FENCED' && this.#rejectedStart(failure)) return;
    this.#log('cannot recover from the store; trying again', failure);
    this.#handle('failed', failure);
  }

  #lost(lease: Lease, cause: unknown): void {
    if (this.#lease !== lease) return;
    const reason = cause === undefined ? fenced(this.#options.name) : asBrokerError(cause);
    // A recovery that fails loses the lease too: without the pause, one that cannot succeed would never let go.
    if (this.#role === 'recovering') this.#recoveryFailed(reason);
    if (!canHappen(this.#role, 'lost')) return;
    this.#log('the lease is lost', reason);
    this.#handle('lost', reason);
  }

  /** A store grants no lease while it still has one out, lost or not. */
  async #leave(): Promise<void> {
    try {
      await this.#lease?.release();
    } catch (error) {
      this.#log('cannot give the lost lease back', asBrokerError(error));
    }
    if (canHappen(this.#role, 'disconnected')) this.#handle('disconnected');
  }

  #letGo(): void {
    const lease = this.#lease;
    this.#lease = undefined;
    this.#term?.end(fenced(this.#options.name));
    this.#term = undefined;
    void lease?.release().catch((error: unknown) => {
      this.#log('cannot give the lease back', asBrokerError(error));
    });
  }

  async #drain(): Promise<void> {
    const { name, store } = this.#options;
    this.#abort.abort();
    const stopping = new BrokerError('BATON_NOT_ACTIVE', `Broker ${name} is stopping`);
    try {
      await this.#term?.drain(stopping);
      await this.#lease?.release();
    } finally {
      this.#term?.end(stopping);
      this.#started();
      await store.close();
    }
  }

  /** A broker that never got anywhere stops, and whoever started it learns why. */
  #rejectedStart(failure: BrokerError): boolean {
    const starting = this.#starting;
    if (starting === undefined) return false;
    this.#starting = undefined;
    this.#handle('stop', failure);
    starting.reject(failure);
    return true;
  }

  #started(): void {
    this.#starting?.resolve();
    this.#starting = undefined;
  }

  #log(message: string, error: BrokerError): void {
    this.#options.logger.log('error', message, { code: error.code, error });
  }
}

function fenced(name: string): BrokerError {
  return new BrokerError('BATON_FENCED', `Broker ${name} is not the active one any more`);
}

function asBrokerError(error: unknown): BrokerError {
  if (isBrokerError(error)) return error;
  return new BrokerError('BATON_STORE_FAILED', 'The store failed', { cause: error });
}
