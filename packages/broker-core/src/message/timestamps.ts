import type { Message } from '@batonmq/model';

/** Names and meanings are those of ActiveMQ's timestamp plugin. Times are milliseconds, from 0. */
export interface TimestampOptions {
  /**
   * Whether messages that arrive get the time of this broker as their timestamp, and keep their time to live
   * from then on. So the clocks of producers mean nothing. One with timestamps disabled is left alone,
   * and so is what came over another broker or goes to the queue of dead letters.
   *
   * @defaultValue false
   */
  readonly isEnabled?: boolean;
  /** The longest time to live; 0 is no limit. @defaultValue 0 */
  readonly ttlCeiling?: number;
  /** The time to live of messages that have none; 0 leaves them without. @defaultValue 0 */
  readonly zeroExpirationOverride?: number;
  /** Whether an expiration is only ever moved later, never earlier. @defaultValue false */
  readonly futureOnly?: boolean;
}

/** Complete {@link TimestampOptions}. */
export type TimestampSettings = Readonly<Required<TimestampOptions>>;

export const TIMESTAMP_DEFAULTS: TimestampSettings = Object.freeze({
  isEnabled: false,
  ttlCeiling: 0,
  zeroExpirationOverride: 0,
  futureOnly: false,
});

/** What is wrong with the options of that name, for `resolveBrokerOptions`. */
export function* timestampProblems(name: string, options: object): Generator<string> {
  for (const [key, value] of Object.entries(options) as [string, unknown][]) {
    const path = `"${name}.${key}"`;
    if (!Object.hasOwn(TIMESTAMP_DEFAULTS, key)) {
      yield `${path} is unknown`;
      continue;
    }
    const wanted = typeof TIMESTAMP_DEFAULTS[key as keyof TimestampSettings];
    if (typeof value !== wanted) yield `${path} must be a ${wanted}`;
    else if (typeof value === 'number' && !(Number.isSafeInteger(value) && value >= 0)) {
      yield `${path} must be a whole number from 0 up, not ${value}`;
    }
  }
}

/** The message with the broker's time, `now`, as the settings want it. */
export function withBrokerTime(
  message: Message,
  { ttlCeiling, zeroExpirationOverride, futureOnly }: TimestampSettings,
  now: number,
): Message {
  const { id, producerId, timestamp, expiration } = message;
  if (timestamp <= 0 || id.producerId.key !== producerId.key) return message;
  const wanted = expiration > 0 ? expiration - timestamp : zeroExpirationOverride;
  const timeToLive = ttlCeiling > 0 ? Math.min(wanted, ttlCeiling) : wanted;
  if (futureOnly && now + timeToLive <= expiration) return message;
  return {
    ...message,
    timestamp: now,
    expiration: timeToLive > 0 ? now + timeToLive : expiration,
  };
}
