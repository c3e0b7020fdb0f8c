import { BrokerError } from '@batonmq/model';

/** How an {@link OpenWireProtocol} treats its peers. */
export interface OpenWireOptions {
  /**
   * Milliseconds in which a peer must have said who it is, from the first byte to an accepted
   * `ConnectionInfo`; then its socket is closed. 100 and up.
   *
   * @defaultValue 30 000
   */
  readonly loginTimeoutMs?: number;
  /**
   * Bytes of the largest frame taken from a peer and offered to it. Larger: a single peer may make
   * the broker hold that much. 4 KiB to 2 GiB.
   *
   * @defaultValue 100 MiB
   */
  readonly frameBytesMax?: number;
  /**
   * Bytes of the largest frame taken from a peer that has not logged in; larger ones end its
   * connection. 1 KiB to 1 MiB.
   *
   * @defaultValue 64 KiB
   */
  readonly loginFrameBytesMax?: number;
  /**
   * Milliseconds of silence after which a peer is taken for dead; 0 turns the check off. The
   * smaller of both sides' values counts.
   *
   * @defaultValue 30 000
   */
  readonly inactivityTimeoutMs?: number;
  /** Milliseconds before the first check for silence. @defaultValue 10 000 */
  readonly inactivityInitialDelayMs?: number;
  /**
   * Offers the tight encoding, used if the peer offers it too. Off by default because loose bytes do
   * not depend on the connection; see docs/adr/0007-negotiation-defaults.md.
   *
   * @defaultValue false
   */
  readonly isTightEncodingOffered?: boolean;
  /** Offers the object cache, used if the peer offers it too. @defaultValue false */
  readonly isCacheOffered?: boolean;
  /** Slots of that cache, 100 to 16 383. @defaultValue 1024 */
  readonly cacheSlotCount?: number;
  /**
   * Bytes encoded for one socket and not yet taken by it above which its consumers get no more.
   * 4 KiB and up.
   *
   * @defaultValue 1 MiB
   */
  readonly outputBytesMax?: number;
  /**
   * Sessions, producers and consumers that one connection may have open together; the next one is
   * refused with `BATON_LIMIT`.
   *
   * @defaultValue 50 000
   */
  readonly entityCountMax?: number;
}

/** All of {@link OpenWireOptions}, checked. */
export type OpenWireSettings = Readonly<Required<OpenWireOptions>>;

export const OPEN_WIRE_DEFAULTS: OpenWireSettings = Object.freeze({
  loginTimeoutMs: 30_000,
  frameBytesMax: 100 * 1024 * 1024,
  loginFrameBytesMax: 64 * 1024,
  inactivityTimeoutMs: 30_000,
  inactivityInitialDelayMs: 10_000,
  isTightEncodingOffered: false,
  isCacheOffered: false,
  cacheSlotCount: 1024,
  outputBytesMax: 1024 * 1024,
  entityCountMax: 50_000,
});

const RANGES: Readonly<Partial<Record<keyof OpenWireSettings, readonly [number, number]>>> = {
  loginTimeoutMs: [100, 2 ** 31 - 1],
  frameBytesMax: [4096, 2 ** 31 - 1],
  loginFrameBytesMax: [1024, 2 ** 20],
  inactivityTimeoutMs: [0, 2 ** 31 - 1],
  inactivityInitialDelayMs: [0, 2 ** 31 - 1],
  cacheSlotCount: [100, 16_383],
  outputBytesMax: [4096, 2 ** 31],
  entityCountMax: [1, 1_000_000],
};

/** @throws `BATON_INVALID_OPTION`, naming everything that is wrong. */
export function resolveOpenWireOptions(input: OpenWireOptions = {}): OpenWireSettings {
  const problems: string[] = [];
  for (const [key, value] of Object.entries(input)) {
    if (value === undefined) continue;
    const known = Object.hasOwn(OPEN_WIRE_DEFAULTS, key);
    const problem = known ? problemOf(key as keyof OpenWireSettings, value) : 'is unknown';
    if (problem !== undefined) problems.push(`${key} ${problem}`);
  }
  if (problems.length > 0) throw new BrokerError('BATON_INVALID_OPTION', problems.join('; '));
  const given = Object.entries(input).filter(([, value]) => value !== undefined);
  return Object.freeze({ ...OPEN_WIRE_DEFAULTS, ...Object.fromEntries(given) });
}

function problemOf(key: keyof OpenWireSettings, value: unknown): string | undefined {
  const range = RANGES[key];
  if (range === undefined) return typeof value === 'boolean' ? undefined : 'must be true or false';
  const [least, most] = range;
  const isAllowed =
    typeof value === 'number' && Number.isSafeInteger(value) && value >= least && value <= most;
  return isAllowed
    ? undefined
    : `is ${String(value)}; a whole number ${least} to ${most} is allowed`;
}
