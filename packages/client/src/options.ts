import { closest, type DiscoveryPlugin } from '@batonmq/discovery';
import { BrokerError } from '@batonmq/model';
import type { RuntimeComponents } from '@batonmq/runtime';
import { nodeRuntime } from '@batonmq/runtime/node';
import type { TlsTrust } from '@batonmq/transport';
import type { ClientSettings } from './client-settings.ts';
import { readUri } from './uri-settings.ts';

/** What `connect` may be told beside the URI. Times are milliseconds; -1 is "no deadline". */
export interface ConnectOptions {
  /** Name of this client for durable subscriptions; made up if not given. Unique among live connections. */
  readonly clientId?: string;
  readonly userName?: string;
  readonly password?: string;
  /** Ends the wait for the first connection. Has no effect later. */
  readonly signal?: AbortSignal | undefined;
  /** Deadline for the first connection. @defaultValue 30 000 */
  readonly connectTimeoutMs?: number;
  /** Deadline of calls that ask the broker for something, except sends. @defaultValue 30 000 */
  readonly requestTimeoutMs?: number;
  /** Deadline of sends. @defaultValue the `timeout` of `failover:`, 30 000 */
  readonly sendTimeoutMs?: number;
  /** How long closing may take before the socket is cut. @defaultValue 5 000 */
  readonly closeTimeoutMs?: number;
  /** Sends that may be unanswered at once; further ones wait in line. @defaultValue 10 000 */
  readonly sendWindowCount?: number;
  /** The same in bytes. Larger: more memory, no more speed beyond what the network holds. @defaultValue 16 MiB */
  readonly sendWindowBytes?: number;
  /** Sends that may wait in line; further ones reject with `BATON_LIMIT` at once. @defaultValue 1 000 000 */
  readonly sendQueueCount?: number;
  /**
   * Bytes of a transaction's sends kept so that it survives a reconnect. A larger transaction is
   * rolled back by one. @defaultValue 16 MiB
   */
  readonly transactionReplayBytes?: number;
  /**
   * Whom `ssl:` and `wss:` connections trust, and who we are: PEM texts. What a URI says by `ca`, `cert`
   * and `key`, paths of PEM files, goes first. @defaultValue the authorities of Node
   */
  readonly tls?: TlsTrust;
  /** Agents for URIs of your own; see `@batonmq/discovery`. */
  readonly discovery?: readonly DiscoveryPlugin[];
  /** The outside world; Node's if not given. */
  readonly components?: RuntimeComponents;
}

export const CONNECT_DEFAULTS = {
  connectTimeoutMs: 30_000,
  requestTimeoutMs: 30_000,
  closeTimeoutMs: 5_000,
  sendWindowCount: 10_000,
  sendWindowBytes: 16 * 1024 * 1024,
  sendQueueCount: 1_000_000,
  transactionReplayBytes: 16 * 1024 * 1024,
} as const;

const NUMBERS: Readonly<Record<string, number>> = {
  connectTimeoutMs: -1,
  requestTimeoutMs: -1,
  sendTimeoutMs: -1,
  closeTimeoutMs: 0,
  sendWindowCount: 1,
  sendWindowBytes: 1,
  sendQueueCount: 0,
  transactionReplayBytes: 0,
};

const OTHERS: ReadonlySet<string> = new Set([
  'clientId',
  'userName',
  'password',
  'signal',
  'tls',
  'discovery',
  'components',
]);

/**
 * Everything `connect` was told, complete and checked.
 *
 * @throws BrokerError `BATON_INVALID_URI`, `BATON_INVALID_OPTION` naming every problem.
 */
export function resolveConnectOptions(
  uri: string,
  options: ConnectOptions,
): { settings: ClientSettings; components: RuntimeComponents } {
  checkConnectOptions(options);
  const components = options.components ?? nodeRuntime();
  const { jms, ...target } = readUri(uri, components, options.discovery ?? []);
  const given = { ...CONNECT_DEFAULTS, ...options };
  const pick = (option: number | undefined, fromUri: number, fallback: number): number =>
    option ?? (fromUri >= 0 ? fromUri : fallback);
  const settings: ClientSettings = {
    ...target,
    jms,
    wireFormat: {},
    tls: options.tls,
    clientId: options.clientId ?? textOrNone(jms.clientID),
    userName: options.userName ?? textOrNone(jms.userName),
    password: options.password ?? textOrNone(jms.password),
    connectTimeoutMs: pick(
      options.connectTimeoutMs,
      jms.connectResponseTimeout,
      CONNECT_DEFAULTS.connectTimeoutMs,
    ),
    requestTimeoutMs: pick(
      options.requestTimeoutMs,
      jms.requestTimeout,
      CONNECT_DEFAULTS.requestTimeoutMs,
    ),
    sendTimeoutMs: pick(options.sendTimeoutMs, jms.sendTimeout, target.failover.timeout),
    closeTimeoutMs: pick(options.closeTimeoutMs, jms.closeTimeout, CONNECT_DEFAULTS.closeTimeoutMs),
    sendWindowCount: given.sendWindowCount,
    sendWindowBytes: given.sendWindowBytes,
    sendQueueCount: given.sendQueueCount,
    transactionReplayBytes: given.transactionReplayBytes,
  };
  return { settings: Object.freeze(settings), components };
}

function checkConnectOptions(options: ConnectOptions): void {
  const problems: string[] = [];
  for (const [name, value] of Object.entries(options)) {
    const least = Object.hasOwn(NUMBERS, name) ? NUMBERS[name] : undefined;
    if (least === undefined) {
      if (OTHERS.has(name)) continue;
      const guess = closest(name, [...Object.keys(NUMBERS), ...OTHERS]);
      problems.push(
        `there is no option "${name}"${guess === undefined ? '' : `; did you mean "${guess}"?`}`,
      );
    } else if (value !== undefined && !(Number.isSafeInteger(value) && Number(value) >= least)) {
      problems.push(`"${name}" must be a whole number from ${least} up, not ${String(value)}`);
    }
  }
  if (problems.length > 0) {
    throw new BrokerError('BATON_INVALID_OPTION', `Options of connect: ${problems.join('; ')}`);
  }
}

function textOrNone(text: string): string | undefined {
  return text === '' ? undefined : text;
}
