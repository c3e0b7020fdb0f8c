import { BrokerError } from '@batonmq/model';

/** Settings of each socket, on both sides. */
export interface SocketOptions {
  /**
   * Asks the kernel to probe an idle peer after this many milliseconds, so that a peer which
   * vanished without a word is noticed; 0 turns probing off.
   *
   * @defaultValue 60 000
   */
  readonly keepAliveDelayMs?: number;
  /**
   * Bytes waiting for the kernel above which a connection is congested. Larger: fewer pauses, more
   * memory for each slow peer.
   *
   * @defaultValue 1 MiB
   */
  readonly highWaterBytes?: number;
  /**
   * Bytes waiting below which a congested connection counts as drained; less than `highWaterBytes`.
   *
   * @defaultValue 256 KiB
   */
  readonly lowWaterBytes?: number;
}

/** What {@link listen} may be told. */
export interface ListenOptions extends SocketOptions {
  /**
   * Connections open at once; a peer beyond them is disconnected at once and reported to `refused`.
   *
   * @defaultValue 10 000
   */
  readonly connectionCountMax?: number;
  /** Connections the kernel keeps while the process is busy. @defaultValue 511 */
  readonly backlogCount?: number;
  /** Told of every peer that was not let in: the limit was reached, or the system had no descriptor left. Must not throw. */
  readonly refused?: (reason: BrokerError) => void;
}

/** What {@link serve} may be told. */
export interface ServeOptions extends ListenOptions {
  /**
   * Milliseconds in which a peer must have shown which protocol it speaks; then its socket is closed.
   *
   * @defaultValue 30 000
   */
  readonly protocolDetectionTimeOut?: number;
  /**
   * Peers that may be connected without having shown it; the next one is disconnected at once. Smaller
   * than a crowd of clients that comes back after a takeover, it makes some of them try again.
   *
   * @defaultValue 2 000
   */
  readonly undetectedCountMax?: number;
}

/** What {@link dial} may be told. */
export interface DialOptions extends SocketOptions {
  /** Gives up connecting after this long; 0 leaves it to the operating system. @defaultValue 10 000 */
  readonly timeoutMs?: number;
  /** Ends the attempt with `BATON_ABORTED`. Has no effect once connected. */
  readonly signal?: AbortSignal;
}

export const SOCKET_DEFAULTS = {
  keepAliveDelayMs: 60_000,
  highWaterBytes: 1024 * 1024,
  lowWaterBytes: 256 * 1024,
} as const;

export const LISTEN_DEFAULTS = {
  ...SOCKET_DEFAULTS,
  connectionCountMax: 10_000,
  backlogCount: 511,
} as const;

export const SERVE_DEFAULTS = {
  ...LISTEN_DEFAULTS,
  protocolDetectionTimeOut: 30_000,
  undetectedCountMax: 2_000,
} as const;

export const DIAL_DEFAULTS = { ...SOCKET_DEFAULTS, timeoutMs: 10_000 } as const;

export interface SocketSettings {
  readonly keepAliveDelayMs: number;
  readonly highWaterBytes: number;
  readonly lowWaterBytes: number;
}

export interface ListenSettings extends SocketSettings {
  readonly connectionCountMax: number;
  readonly backlogCount: number;
}

export interface ServeSettings extends ListenSettings {
  readonly protocolDetectionTimeOut: number;
  readonly undetectedCountMax: number;
}

export interface DialSettings extends SocketSettings {
  readonly timeoutMs: number;
}

/** The greatest delay a timer of Node can keep. */
const MS_MAX = 2 ** 31 - 1;

/** Smallest and greatest value of every number that may be set, in code or in a URI's query. */
const RANGES: Readonly<Record<string, readonly [least: number, most: number]>> = {
  keepAliveDelayMs: [0, MS_MAX],
  highWaterBytes: [1024, 2 ** 31],
  lowWaterBytes: [0, 2 ** 31],
  connectionCountMax: [1, 1_000_000],
  backlogCount: [1, 65_535],
  protocolDetectionTimeOut: [1, MS_MAX],
  undetectedCountMax: [1, 1_000_000],
  timeoutMs: [0, MS_MAX],
};

/** @throws `BATON_INVALID_OPTION`, naming everything that is wrong. */
export function resolveListenOptions(
  query: URLSearchParams,
  options: ListenOptions,
): ListenSettings {
  return resolve(LISTEN_DEFAULTS, ['refused'], query, options);
}

/** @throws `BATON_INVALID_OPTION`, naming everything that is wrong. */
export function resolveServeOptions(query: URLSearchParams, options: ServeOptions): ServeSettings {
  return resolve(SERVE_DEFAULTS, ['refused'], query, options);
}

/** @throws `BATON_INVALID_OPTION`, naming everything that is wrong. */
export function resolveDialOptions(query: URLSearchParams, options: DialOptions): DialSettings {
  return resolve(DIAL_DEFAULTS, ['signal'], query, options);
}

/** What the URI says goes over the options, and these over the defaults. */
function resolve<T extends SocketSettings>(
  defaults: T,
  components: readonly string[],
  query: URLSearchParams,
  options: object,
): T {
  const problems: string[] = [];
  const allowed = Object.keys(defaults);
  const settings = { ...defaults } as Record<string, number> & T;
  const take = (key: string, value: number, where: string): void => {
    const [least, most] = RANGES[key] ?? [0, Number.MAX_SAFE_INTEGER];
    if (Number.isSafeInteger(value) && value >= least && value <= most)
      Object.assign(settings, { [key]: value });
    else
      problems.push(`${where} ${key} is ${value}; a whole number ${least} to ${most} is allowed`);
  };
  for (const [key, value] of Object.entries(options)) {
    if (value === undefined || components.includes(key)) continue;
    if (allowed.includes(key)) take(key, Number(value), 'option');
    else problems.push(`option ${key} is unknown; allowed are ${allowed.join(', ')}`);
  }
  for (const [key, text] of query) {
    if (allowed.includes(key)) take(key, text === '' ? NaN : Number(text), 'URI option');
    else problems.push(`URI option ${key} is unknown; allowed are ${allowed.join(', ')}`);
  }
  if (settings.lowWaterBytes >= settings.highWaterBytes) {
    problems.push(
      `lowWaterBytes (${settings.lowWaterBytes}) must be less than highWaterBytes (${settings.highWaterBytes})`,
    );
  }
  if (problems.length > 0) throw new BrokerError('BATON_INVALID_OPTION', problems.join('; '));
  return Object.freeze(settings);
}
