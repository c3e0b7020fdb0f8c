/**
 * How long a failed member stays out of a list. Pure: times come in as numbers.
 *
 * ```text
 *            failed, worked ≥ minConnectTime        attempts back to 0, out for initialReconnectDelay
 * listed ──┤ failed sooner                          attempts + 1, out for the delay, delay grows
 *            attempts reach maxReconnectAttempts    out for good
 * ```
 */
import { flag, decimal, wholeNumber, type OptionValues } from './uri-options.ts';

/** Options of agents with a fixed list, by their ActiveMQ names. Times are milliseconds. */
export const STATIC_OPTIONS = {
  /**
   * Out of the list after a first failure. ActiveMQ's source says 1000, its page 10; a takeover is
   * over in a fraction of a second here, so the page's value is the useful one.
   */
  initialReconnectDelay: wholeNumber(10),
  maxReconnectDelay: wholeNumber(30_000),
  useExponentialBackOff: flag(true),
  backOffMultiplier: decimal(2, { min: 1 }),
  /** Failures in a row after which the member is given up; 0 never does. */
  maxReconnectAttempts: wholeNumber(0),
  /** A connection that worked this long was a good one: its end starts the count afresh. */
  minConnectTime: wholeNumber(500),
} as const;

export type StaticSettings = OptionValues<typeof STATIC_OPTIONS>;

/** State of one member; a member that never failed has none. */
export interface MemberBackOff {
  readonly attempts: number;
  /** Milliseconds until it is listed again; `undefined` if it never is. */
  readonly delayMs: number | undefined;
}

/** The state after another failure. */
export function memberFailed(
  before: MemberBackOff | undefined,
  connectedMs: number,
  settings: StaticSettings,
): MemberBackOff {
  const wasGood = connectedMs >= settings.minConnectTime && connectedMs > 0;
  const attempts = wasGood ? 0 : (before?.attempts ?? 0) + 1;
  const limit = settings.maxReconnectAttempts;
  if (limit > 0 && attempts >= limit) return { attempts, delayMs: undefined };
  const growth = settings.useExponentialBackOff
    ? settings.backOffMultiplier ** Math.max(0, attempts - 1)
    : 1;
  const delayMs = Math.min(settings.initialReconnectDelay * growth, settings.maxReconnectDelay);
  return { attempts, delayMs };
}
