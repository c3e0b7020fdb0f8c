import type { CancelTimer, Clock } from '@batonmq/runtime';
import type { DispatchSink } from './subscription.ts';

/** The timeout of a pull that takes only what is there. */
export const PULL_WITHOUT_WAIT = -1;

/**
 * How many messages a consumer may still be sent.
 *
 * With a prefetch: `dispatched − extension < prefetch`, where the extension is what the consumer
 * said it had passed on without consuming it. Without (0): one for each pull. Never while the
 * connection's output is congested.
 */
export class DispatchCredit {
  readonly #prefetchMax: number;
  #prefetchCount: number;
  readonly #sink: DispatchSink;
  readonly #clock: Clock;
  #dispatchedCount = 0;
  #extensionCount = 0;
  #settledCount = 0;
  #isPulling = false;
  #isClosed = false;
  #cancelPullTimer: CancelTimer | undefined;

  /** @param prefetchMax - What its policy allows, whatever the client asks for. */
  constructor(prefetchCount: number, sink: DispatchSink, clock: Clock, prefetchMax = Infinity) {
    this.#prefetchMax = prefetchMax;
    this.#prefetchCount = Math.min(prefetchCount, prefetchMax);
    this.#sink = sink;
    this.#clock = clock;
  }

  get prefetchCount(): number {
    return this.#prefetchCount;
  }

  set prefetchCount(prefetchCount: number) {
    this.#prefetchCount = Math.min(prefetchCount, this.#prefetchMax);
  }

  get hasRoom(): boolean {
    if (this.#isClosed || this.#sink.isCongested) return false;
    if (this.#prefetchCount === 0) return this.#isPulling;
    return !this.isExhausted;
  }

  /** Messages it may be sent now. */
  get roomCount(): number {
    if (!this.hasRoom) return 0;
    if (this.#prefetchCount === 0) return 1;
    return this.#prefetchCount + this.#extensionCount - this.#dispatchedCount;
  }

  /** True if it has as many messages as it may, so that only an ack makes room. A consumer that pulls has no such number. */
  get isExhausted(): boolean {
    return (
      this.#prefetchCount > 0 && this.#dispatchedCount - this.#extensionCount >= this.#prefetchCount
    );
  }

  /** Messages it has. */
  get dispatchedCount(): number {
    return this.#dispatchedCount;
  }

  /** Messages it has and said it had passed on. */
  get extensionCount(): number {
    return this.#extensionCount;
  }

  /** Messages it is done with, since it was opened. */
  get settledCount(): number {
    return this.#settledCount;
  }

  /** A message is sent. */
  spend(): void {
    this.#dispatchedCount += 1;
    if (this.#isPulling) this.#stopPulling();
  }

  /** Messages are consumed, or given back. */
  settle(count: number): void {
    this.#settledCount += count;
    this.#dispatchedCount = Math.max(0, this.#dispatchedCount - count);
    this.shrink(count);
  }

  extend(count: number): void {
    // More than what is out would let the window grow without bounds.
    this.#extensionCount = Math.min(this.#extensionCount + count, this.#dispatchedCount);
  }

  shrink(count: number): void {
    this.#extensionCount = Math.max(0, this.#extensionCount - count);
  }

  /** Lets one message through, replacing an earlier pull; after `timeoutMs` (0 and less: never by itself) it ends without one. */
  pull(timeoutMs: number): void {
    this.#stopPulling();
    this.#isPulling = true;
    if (timeoutMs <= 0) return;
    this.#cancelPullTimer = this.#clock.setTimer(timeoutMs, () => {
      this.exhaust();
    });
  }

  /** The pull ends without a message. */
  exhaust(): void {
    if (!this.#isPulling || this.#isClosed) return;
    this.#stopPulling();
    this.#sink.exhausted();
  }

  close(): void {
    this.#isClosed = true;
    this.#stopPulling();
  }

  #stopPulling(): void {
    this.#isPulling = false;
    this.#cancelPullTimer?.();
    this.#cancelPullTimer = undefined;
  }
}
