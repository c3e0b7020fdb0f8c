import { BrokerError } from '@batonmq/model';
import type { TlsIdentity, TlsTrust } from './tls.ts';

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
  /** Lets in only peers with a certificate that an authority of `tls` vouches for. For TLS listeners. @defaultValue false */
  readonly needClientAuth?: boolean;
  /** Asks for such a certificate, and lets in peers without one; a wrong one is refused. @defaultValue false */
  readonly wantClientAuth?: boolean;
  /**
   * Pages from where a browser may connect, with commas: origins like `https://app.example:8443`, `loopback`
   * for pages of this machine, `*` for all. Peers that are no browsers say no origin and are let in.
   *
   * @defaultValue `loopback`
   */
  readonly allowedOrigins?: string;
  /** Bytes of the largest WebSocket message taken from a peer that has logged in. @defaultValue 100 MiB */
  readonly webSocketMessageBytesMax?: number;
  /**
   * Milliseconds between two pings to a WebSocket peer; one that has answered none of them until the
   * next is closed. 0 sends none.
   *
   * @defaultValue 30 000
   */
  readonly webSocketPingIntervalMs?: number;
  /** Offers permessage-deflate to WebSocket peers: fewer bytes, for much memory and time each. @defaultValue false */
  readonly isDeflateOffered?: boolean;
  /** Who we are under TLS. Needed by TLS listeners; others serve TLS peers beside plain ones with it. */
  readonly tls?: TlsIdentity;
}

/** What {@link dial} may be told. */
export interface DialOptions extends SocketOptions {
  /** Gives up connecting after this long; 0 leaves it to the operating system. @defaultValue 10 000 */
  readonly timeoutMs?: number;
  /** Ends the attempt with `BATON_ABORTED`. Has no effect once connected. */
  readonly signal?: AbortSignal;
  /** For `ssl:` and `wss:`: whom to trust, and who we are. The authorities of Node are trusted without it. */
  readonly tls?: TlsTrust;
  /** For `ws:` and `wss:`: the sub-protocols offered, best first. */
  readonly subprotocols?: readonly string[];
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
  needClientAuth: false,
  wantClientAuth: false,
  allowedOrigins: 'loopback',
  webSocketMessageBytesMax: 100 * 1024 * 1024,
  webSocketPingIntervalMs: 30_000,
  isDeflateOffered: false,
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
  readonly needClientAuth: boolean;
  readonly wantClientAuth: boolean;
  readonly allowedOrigins: string;
  readonly webSocketMessageBytesMax: number;
  readonly webSocketPingIntervalMs: number;
  readonly isDeflateOffered: boolean;
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
  webSocketMessageBytesMax: [1024, 2 ** 31 - 1],
  webSocketPingIntervalMs: [0, MS_MAX],
  timeoutMs: [0, MS_MAX],
};

/** An origin as browsers send it, or one of the two words. */
const ORIGIN = /^(?:\*|loopback|https?:\/\/[^\s/?#,]+)$/;

/** What options hold beside plain settings. */
const COMPONENTS = ['refused', 'signal', 'tls', 'subprotocols'];

/** @throws `BATON_INVALID_OPTION`, naming everything that is wrong. */
export function resolveListenOptions(
  query: URLSearchParams,
  options: ListenOptions,
): ListenSettings {
  return resolve<ListenSettings>(LISTEN_DEFAULTS, query, options);
}

/** @throws `BATON_INVALID_OPTION`, naming everything that is wrong. */
export function resolveServeOptions(query: URLSearchParams, options: ServeOptions): ServeSettings {
  return resolve<ServeSettings>(SERVE_DEFAULTS, query, options);
}

/** @throws `BATON_INVALID_OPTION`, naming everything that is wrong. */
export function resolveDialOptions(query: URLSearchParams, options: DialOptions): DialSettings {
  return resolve<DialSettings>(DIAL_DEFAULTS, query, options);
}

/** What the URI says goes over the options, and these over the defaults. */
function resolve<T extends SocketSettings>(
  defaults: T,
  query: URLSearchParams,
  options: object,
): T {
  const problems: string[] = [];
  const allowed = Object.keys(defaults);
  const settings = { ...defaults };
  const take = (key: string, value: unknown, where: string): void => {
    const problem = allowed.includes(key)
      ? problemOf(key, value, defaults[key as keyof T])
      : `is unknown; allowed are ${allowed.join(', ')}`;
    if (problem === undefined) Object.assign(settings, { [key]: value });
    else problems.push(`${where} ${key} ${problem}`);
  };
  for (const [key, value] of Object.entries(options)) {
    if (value === undefined || COMPONENTS.includes(key)) continue;
    take(key, value, 'option');
  }
  for (const [key, text] of query) {
    // ActiveMQ marks options of accepted sockets with this prefix.
    const name = key.replace(/^transport\./, '');
    take(name, fromText(text, defaults[name as keyof T]), 'URI option');
  }
  if (settings.lowWaterBytes >= settings.highWaterBytes) {
    problems.push(
      `lowWaterBytes (${settings.lowWaterBytes}) must be less than highWaterBytes (${settings.highWaterBytes})`,
    );
  }
  if (problems.length > 0) throw new BrokerError('BATON_INVALID_OPTION', problems.join('; '));
  return Object.freeze(settings);
}

/** A value of a query as the kind that `usual` is of. */
function fromText(text: string, usual: unknown): unknown {
  if (typeof usual === 'number') return text === '' ? NaN : Number(text);
  if (typeof usual === 'boolean' && (text === 'true' || text === 'false')) return text === 'true';
  return text;
}

function problemOf(key: string, value: unknown, usual: unknown): string | undefined {
  if (typeof usual === 'number') {
    const [least, most] = RANGES[key] ?? [0, Number.MAX_SAFE_INTEGER];
    const isAllowed =
      typeof value === 'number' && Number.isSafeInteger(value) && value >= least && value <= most;
    return isAllowed
      ? undefined
      : `is ${String(value)}; a whole number ${least} to ${most} is allowed`;
  }
  if (typeof usual === 'boolean') {
    return typeof value === 'boolean' ? undefined : `is ${String(value)}; true or false is allowed`;
  }
  const isAllowed =
    typeof value === 'string' && value.split(',').every((part) => ORIGIN.test(part));
  return isAllowed
    ? undefined
    : `is ${String(value)}; origins with commas, loopback or * are allowed`;
}
