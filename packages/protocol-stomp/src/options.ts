import { BrokerError } from '@batonmq/model';
import type { FrameLimits } from './codec/frame-parser.ts';
import { parseHeartBeat } from './heart-beat.ts';

/** How a {@link StompProtocol} treats its peers. Options that ActiveMQ has too are called as there. */
export interface StompOptions {
  /**
   * Milliseconds in which a peer must have logged in, from the first byte to an accepted `CONNECT`; then
   * its socket is closed. 100 and up.
   *
   * @defaultValue 30 000
   */
  readonly loginTimeoutMs?: number;
  /** Bytes of the largest frame taken before the login. 256 and up. @defaultValue 16 KiB */
  readonly loginFrameBytesMax?: number;
  /**
   * Bytes of the largest frame, headers and body. Larger: one peer may make the broker hold that much.
   * 1 KiB to 2 GiB.
   *
   * @defaultValue 101 MiB
   */
  readonly maxFrameSize?: number;
  /** Bytes of the largest body. 0 to 2 GiB. @defaultValue 100 MiB */
  readonly maxDataLength?: number;
  /** Headers of one frame. 16 to 65 535. @defaultValue 1000 */
  readonly headerCountMax?: number;
  /** Bytes of one header, name and value. 64 to 1 MiB. @defaultValue 10 KiB */
  readonly headerLineBytesMax?: number;
  /** Bytes of all headers of one frame. 256 to 16 MiB. @defaultValue 128 KiB */
  readonly headerBytesMax?: number;
  /**
   * The heart-beat of a client that names none: what it can send and what it wants, in milliseconds, as in
   * the header `heart-beat`.
   *
   * @defaultValue '0,0', none
   */
  readonly defaultHeartBeat?: string;
  /**
   * A client that sends nothing for this many times the time agreed on is given up; more than 1
   * leaves room for a slow network. 1 to 100.
   *
   * @defaultValue 2
   */
  readonly hbGracePeriodMultiplier?: number;
  /**
   * Milliseconds of the shortest time between heart-beats, in both directions; shorter ones cost more
   * than the messages. 10 and up.
   *
   * @defaultValue 100
   */
  readonly heartBeatMinMs?: number;
  /** Subscriptions of one connection; the next one is refused. @defaultValue 10 000 */
  readonly subscriptionCountMax?: number;
  /** Open transactions of one connection; the next one is refused. @defaultValue 100 */
  readonly transactionCountMax?: number;
  /** Temporary destinations of one connection; the next one is refused. @defaultValue 1000 */
  readonly temporaryDestinationCountMax?: number;
  /**
   * Bytes encoded for one socket and not yet taken by it above which its subscriptions get no more.
   * 4 KiB and up.
   *
   * @defaultValue 1 MiB
   */
  readonly outputBytesMax?: number;
}

/** All of {@link StompOptions}, checked. */
export type StompSettings = Readonly<Required<StompOptions>>;

const MIB = 1024 * 1024;

export const STOMP_DEFAULTS: StompSettings = Object.freeze({
  loginTimeoutMs: 30_000,
  loginFrameBytesMax: 16 * 1024,
  maxFrameSize: 101 * MIB,
  maxDataLength: 100 * MIB,
  headerCountMax: 1000,
  headerLineBytesMax: 10 * 1024,
  headerBytesMax: 128 * 1024,
  defaultHeartBeat: '0,0',
  hbGracePeriodMultiplier: 2,
  heartBeatMinMs: 100,
  subscriptionCountMax: 10_000,
  transactionCountMax: 100,
  temporaryDestinationCountMax: 1000,
  outputBytesMax: MIB,
});

const INT_MAX = 2 ** 31 - 1;

const RANGES: Readonly<Record<keyof StompSettings, readonly [number, number] | 'heart-beat'>> = {
  loginTimeoutMs: [100, INT_MAX],
  loginFrameBytesMax: [256, INT_MAX],
  maxFrameSize: [1024, INT_MAX],
  maxDataLength: [0, INT_MAX],
  headerCountMax: [16, 65_535],
  headerLineBytesMax: [64, MIB],
  headerBytesMax: [256, 16 * MIB],
  defaultHeartBeat: 'heart-beat',
  hbGracePeriodMultiplier: [1, 100],
  heartBeatMinMs: [10, INT_MAX],
  subscriptionCountMax: [1, 1_000_000],
  transactionCountMax: [1, 10_000],
  temporaryDestinationCountMax: [1, 100_000],
  outputBytesMax: [4096, 2 ** 31],
};

/** @throws `BATON_INVALID_OPTION`, naming everything that is wrong. */
export function resolveStompOptions(input: StompOptions = {}): StompSettings {
  const given = Object.entries(input).filter(([, value]) => value !== undefined);
  const problems: string[] = [];
  for (const [key, value] of given) {
    const known = Object.hasOwn(STOMP_DEFAULTS, key);
    const problem = known ? problemOf(key as keyof StompSettings, value) : 'is unknown';
    if (problem !== undefined) problems.push(`${key} ${problem}`);
  }
  if (problems.length > 0) throw new BrokerError('BATON_INVALID_OPTION', problems.join('; '));
  return Object.freeze({ ...STOMP_DEFAULTS, ...Object.fromEntries(given) });
}

/** What frames may be like before the login. */
export function loginLimits(settings: StompSettings): FrameLimits {
  const { loginFrameBytesMax, maxFrameSize, headerBytesMax } = settings;
  return {
    ...settings,
    maxFrameSize: Math.min(loginFrameBytesMax, maxFrameSize),
    // The size of a frame is known at its body alone, which a stranger need not come to.
    headerBytesMax: Math.min(loginFrameBytesMax, headerBytesMax),
  };
}

function problemOf(key: keyof StompSettings, value: unknown): string | undefined {
  const range = RANGES[key];
  if (range === 'heart-beat') {
    const isAllowed = typeof value === 'string' && parseHeartBeat(value) !== undefined;
    return isAllowed ? undefined : `is ${String(value)}; two times such as 10000,10000 are allowed`;
  }
  const [least, most] = range;
  const isWhole = Number.isSafeInteger(value) || key === 'hbGracePeriodMultiplier';
  const isAllowed = typeof value === 'number' && isWhole && value >= least && value <= most;
  const what = key === 'hbGracePeriodMultiplier' ? 'a number' : 'a whole number';
  return isAllowed ? undefined : `is ${String(value)}; ${what} ${least} to ${most} is allowed`;
}
