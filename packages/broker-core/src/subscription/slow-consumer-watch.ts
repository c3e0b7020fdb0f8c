import { BrokerError, compositeParts } from '@batonmq/model';
import type { CancelTimer } from '@batonmq/runtime';
import type { ClientConnection } from '../connection/client-connection.ts';
import type { SlowConsumerStrategy } from '../policy/destination-policy.ts';
import { POLICY_DEFAULTS } from '../policy/policy-defaults.ts';
import type { TermParts } from '../term-parts.ts';
import { LAST_DELIVERED_UNKNOWN, type Subscription } from './subscription.ts';

/** The connection of a consumer, as far as it is needed here. */
type WatchedConnection = Pick<ClientConnection, 'connectionId' | 'abort'>;

/** What the strategies leave open. */
const SLOW_CONSUMER_DEFAULTS = Object.freeze({
  checkPeriod: 30_000,
  maxSlowCount: -1,
  maxSlowDuration: 30_000,
  maxTimeSinceLastAck: 30_000,
  ignoreIdleConsumers: true,
  ignoreNetworkConsumers: true,
  abortConnection: false,
});

type AbortStrategy = Exclude<SlowConsumerStrategy, { type: 'none' }>;

/** A consumer as the watch sees it. */
export interface WatchedSubscription extends Subscription {
  /** Messages wait for it, and only its acks make room. */
  readonly isSlow: boolean;
  /** Messages it has. */
  readonly dispatchedCount: number;
  /** Messages it is done with, since it was opened. */
  readonly settledCount: number;
  /** Closes it and tells its client. `lastDelivered` is as for {@link Subscription.close}. */
  end(reason: BrokerError, lastDelivered: number): void;
}

/**
 * Looks at a consumer every `checkPeriod` and ends it when it was slow for too long. How long that
 * was is known to one period.
 */
export class SlowConsumerWatch {
  readonly #strategy: Required<AbortStrategy>;
  readonly #subscription: WatchedSubscription;
  readonly #connection: WatchedConnection;
  readonly #parts: TermParts;
  #cancelTimer: CancelTimer | undefined;
  #settledCount = 0;
  /** Monotonic milliseconds. */
  #lastAckAt: number;
  #isSlow = false;
  /** Checks in a row that found it slow. */
  #slowChecks = 0;
  /** How often it became slow, as far as checks saw it. */
  #slowCount = 0;

  /** None if the policy of its destination (of a composite, of the first part) watches nobody. */
  static of(
    subscription: WatchedSubscription,
    connection: WatchedConnection,
    parts: TermParts,
  ): SlowConsumerWatch | undefined {
    const { destination } = subscription.options;
    const { slowConsumerStrategy = POLICY_DEFAULTS.slowConsumerStrategy } = parts.policies.of(
      compositeParts(destination)[0] ?? destination,
    );
    if (slowConsumerStrategy.type === 'none') return undefined;
    const strategy = { ...SLOW_CONSUMER_DEFAULTS, ...slowConsumerStrategy };
    if (strategy.ignoreNetworkConsumers && subscription.options.isNetwork === true) {
      return undefined;
    }
    return new SlowConsumerWatch(strategy, subscription, connection, parts);
  }

  constructor(
    strategy: Required<AbortStrategy>,
    subscription: WatchedSubscription,
    connection: WatchedConnection,
    parts: TermParts,
  ) {
    this.#strategy = strategy;
    this.#subscription = subscription;
    this.#connection = connection;
    this.#parts = parts;
    this.#lastAckAt = parts.clock.now();
    this.#checkLater();
  }

  stop(): void {
    this.#cancelTimer?.();
  }

  #checkLater(): void {
    this.#cancelTimer = this.#parts.clock.setTimer(this.#strategy.checkPeriod, () => {
      if (this.#parts.isOver || this.#parts.isDraining) return;
      this.#check();
    });
  }

  #check(): void {
    const isSlow = this.#isTooSlowNow();
    this.#slowChecks = isSlow ? this.#slowChecks + 1 : 0;
    if (isSlow && !this.#isSlow) this.#slowCount += 1;
    this.#isSlow = isSlow;
    const { checkPeriod, maxSlowDuration, maxSlowCount } = this.#strategy;
    const isTooLong = maxSlowDuration > 0 && this.#slowChecks * checkPeriod >= maxSlowDuration;
    const isTooOften = maxSlowCount > 0 && this.#slowCount >= maxSlowCount;
    if (isSlow && (isTooLong || isTooOften)) this.#abort();
    else this.#checkLater();
  }

  #isTooSlowNow(): boolean {
    const { isSlow, dispatchedCount, settledCount } = this.#subscription;
    const now = this.#parts.clock.now();
    if (settledCount !== this.#settledCount) this.#lastAckAt = now;
    this.#settledCount = settledCount;
    if (this.#strategy.type === 'abortSlowConsumer') return isSlow;
    if (dispatchedCount === 0 && this.#strategy.ignoreIdleConsumers) {
      this.#lastAckAt = now;
      return false;
    }
    return now - this.#lastAckAt >= this.#strategy.maxTimeSinceLastAck;
  }

  #abort(): void {
    const { destination, consumerKey } = this.#subscription.options;
    const { connectionId } = this.#connection;
    const details = { destination: destination.key, consumerKey, connectionId };
    const reason = new BrokerError(
      'BATON_LIMIT',
      `Consumer ${consumerKey} of ${destination.key} was too slow for too long (${this.#strategy.type})`,
      { details },
    );
    this.#parts.logger.log('warn', 'a slow consumer is closed', details);
    this.#parts.emit({
      type: 'consumer-aborted',
      destination,
      connectionId,
      consumerKey,
      reason,
    });
    if (this.#strategy.abortConnection) this.#connection.abort(reason);
    else this.#subscription.end(reason, LAST_DELIVERED_UNKNOWN);
  }
}
