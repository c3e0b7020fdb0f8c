/**
 * Agreeing on a format. Each side sends a `WireFormatInfo` with what it prefers, unprompted, and
 * both compute the same result from the two; nothing is confirmed.
 */
import { BrokerError } from '@batonmq/model';
import { decodeProperties, encodeProperties } from '@batonmq/message-content';
import { command } from '../structure/build-command.ts';
import type { WireFormatInfo } from '../structure/commands.ts';
import type { PrimitiveMap, PrimitiveValue } from '@batonmq/message-content';
import { protocolError } from '../protocol-error.ts';
import type { WireFormatSettings } from '../codec/settings.ts';
import { LATEST_VERSION } from '../structure/table.ts';

/** What to ask a peer for. */
export interface WireFormatOptions {
  /** Highest version to speak, 1 to 12. @defaultValue 12 */
  readonly version?: number;
  /**
   * Flags as bits, short numbers short. Agreed only if the peer wants it too. Off by default: a
   * loose frame does not depend on its connection and is cheaper to handle.
   * @defaultValue false
   */
  readonly tightEncodingEnabled?: boolean;
  /** Ids that return are sent as numbers. Agreed only if the peer wants it too. @defaultValue false */
  readonly cacheEnabled?: boolean;
  /** Slots per direction, 100 to 16383; the smaller of both sides' counts. @defaultValue 1024 */
  readonly cacheSize?: number;
  /** Exceptions carry stack traces and causes, if the peer wants it too. @defaultValue true */
  readonly stackTraceEnabled?: boolean;
  /** @defaultValue true */
  readonly tcpNoDelayEnabled?: boolean;
  /** Bytes of the largest frame accepted, from 1024; the smaller of both sides'. @defaultValue 104857600 */
  readonly maxFrameSize?: number;
  /** Milliseconds of silence that end a connection, 0 for never; the smaller of both. @defaultValue 30000 */
  readonly maxInactivityDurationMs?: number;
  /** Milliseconds before the first check; the smaller of both. @defaultValue 10000 */
  readonly maxInactivityInitialDelayMs?: number;
  /** Host part of the URI a client connects to; informational. */
  readonly host?: string;
  /** Who we are; informational. At most 512 bytes. @defaultValue 'BatonMQ' */
  readonly providerName?: string;
  /** Informational. At most 512 bytes. */
  readonly providerVersion?: string;
}

/** The preferences of a peer, or of ourselves. What a peer leaves out is false, 0 or null. */
export interface WireFormatPreferences extends WireFormatSettings {
  readonly sizePrefixDisabled: boolean;
  readonly host: string | null;
  readonly providerName: string | null;
  readonly providerVersion: string | null;
}

export const WIRE_FORMAT_DEFAULTS = {
  version: LATEST_VERSION,
  tightEncodingEnabled: false,
  cacheEnabled: false,
  cacheSize: 1024,
  stackTraceEnabled: true,
  tcpNoDelayEnabled: true,
  maxFrameSize: 100 * 1024 * 1024,
  maxInactivityDurationMs: 30_000,
  maxInactivityInitialDelayMs: 10_000,
  providerName: 'BatonMQ',
} as const satisfies WireFormatOptions;

const OPTION_NAMES: ReadonlySet<string> = new Set([
  ...Object.keys(WIRE_FORMAT_DEFAULTS),
  'host',
  'providerVersion',
]);

/** A size of 1 to 99 makes the reference implementation's writer loop for ever. */
const CACHE_SIZE_MIN = 100;

/** The size that "0" stands for. */
const CACHE_SIZE_UNSPECIFIED = 16_383;

const INT32_MAX = 0x7fffffff;

/** Recent brokers refuse longer preferences. */
const TEXT_BYTES_MAX = 512;

/** Recent brokers refuse more preferences; there are 15. */
const PREFERENCES_MAX = 64;

/**
 * The first frame of a connection, from options.
 *
 * @throws BrokerError `BATON_INVALID_OPTION` naming every option that is out of range.
 */
export function preferredWireFormatInfo(options: WireFormatOptions = {}): WireFormatInfo {
  const chosen = { ...WIRE_FORMAT_DEFAULTS, ...options };
  const problems = problemsOf(chosen);
  if (problems.length > 0) throw new BrokerError('BATON_INVALID_OPTION', problems.join('; '));
  const preferences: [string, PrimitiveValue | undefined][] = [
    ['TightEncodingEnabled', { kind: 'boolean', value: chosen.tightEncodingEnabled }],
    ['CacheEnabled', { kind: 'boolean', value: chosen.cacheEnabled }],
    ['CacheSize', { kind: 'int', value: chosen.cacheSize }],
    ['StackTraceEnabled', { kind: 'boolean', value: chosen.stackTraceEnabled }],
    ['SizePrefixDisabled', { kind: 'boolean', value: false }],
    ['TcpNoDelayEnabled', { kind: 'boolean', value: chosen.tcpNoDelayEnabled }],
    ['MaxFrameSize', { kind: 'long', value: chosen.maxFrameSize }],
    ['MaxFrameSizeEnabled', { kind: 'boolean', value: true }],
    ['MaxInactivityDuration', { kind: 'long', value: chosen.maxInactivityDurationMs }],
    [
      'MaxInactivityDurationInitalDelay',
      { kind: 'long', value: chosen.maxInactivityInitialDelayMs },
    ],
    ['Host', text(chosen.host)],
    ['ProviderName', text(chosen.providerName)],
    ['ProviderVersion', text(chosen.providerVersion)],
  ];
  const given = preferences.filter(
    (entry): entry is [string, PrimitiveValue] => entry[1] !== undefined,
  );
  return command('WireFormatInfo', {
    version: chosen.version,
    marshalledProperties: encodeProperties(new Map(given)),
  });
}

function text(value: string | undefined): PrimitiveValue | undefined {
  return value === undefined ? undefined : { kind: 'string', value };
}

function problemsOf(options: WireFormatOptions): string[] {
  const problems = Object.keys(options)
    .filter((name) => !OPTION_NAMES.has(name))
    .map((name) => `${name} is not an option of the wire format`);
  const range = (name: keyof WireFormatOptions, min: number, max: number): void => {
    const value = options[name];
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max)
      return;
    problems.push(`${name} is ${String(value)}; it must be an integer from ${min} to ${max}`);
  };
  range('version', 1, LATEST_VERSION);
  range('cacheSize', CACHE_SIZE_MIN, CACHE_SIZE_UNSPECIFIED);
  range('maxFrameSize', 1024, INT32_MAX);
  range('maxInactivityDurationMs', 0, INT32_MAX);
  range('maxInactivityInitialDelayMs', 0, INT32_MAX);
  for (const name of ['host', 'providerName', 'providerVersion'] as const) {
    const bytes = Buffer.byteLength(options[name] ?? '');
    if (bytes > TEXT_BYTES_MAX)
      problems.push(`${name} has ${bytes} bytes of ${TEXT_BYTES_MAX} allowed`);
  }
  return problems;
}

/**
 * Reads what a peer prefers.
 *
 * @throws BrokerError `BATON_PROTOCOL` if the magic is wrong or the preferences are not a map of
 *   at most 64 simple values.
 */
export function readPreferences(info: WireFormatInfo): WireFormatPreferences {
  if (Buffer.from(info.magic).toString('latin1') !== 'ActiveMQ') {
    throw protocolError('The magic of a WireFormatInfo is wrong', 5);
  }
  const map = decodeProperties(info.marshalledProperties);
  if (map.size > PREFERENCES_MAX) throw protocolError(`${map.size} preferences are too many`, 17);
  return {
    version: info.version,
    tightEncoding: flag(map, 'TightEncodingEnabled'),
    cacheEnabled: flag(map, 'CacheEnabled'),
    cacheSize: number(map, 'CacheSize'),
    stackTraceEnabled: flag(map, 'StackTraceEnabled'),
    sizePrefixDisabled: flag(map, 'SizePrefixDisabled'),
    tcpNoDelayEnabled: flag(map, 'TcpNoDelayEnabled'),
    maxFrameSize: number(map, 'MaxFrameSize'),
    maxInactivityDurationMs: number(map, 'MaxInactivityDuration'),
    maxInactivityInitialDelayMs: number(map, 'MaxInactivityDurationInitalDelay'),
    host: string(map, 'Host'),
    providerName: string(map, 'ProviderName'),
    providerVersion: string(map, 'ProviderVersion'),
  };
}

function flag(map: PrimitiveMap, key: string): boolean {
  const value = map.get(key);
  return value?.kind === 'boolean' && value.value;
}

function number(map: PrimitiveMap, key: string): number {
  const value = map.get(key);
  return value?.kind === 'int' || value?.kind === 'long' ? Number(value.value) : 0;
}

function string(map: PrimitiveMap, key: string): string | null {
  const value = map.get(key);
  return value?.kind === 'string' ? value.value : null;
}

/**
 * What two sides agree on, the same whichever of them computes it. Frames keep their size prefix:
 * to drop it both sides must ask for that, and `preferredWireFormatInfo` never does.
 *
 * @param versionMin - Lowest version to accept.
 * @throws BrokerError `BATON_PROTOCOL` for a wrong magic, a version below `versionMin`, or a cache
 *   so small that reference peers cannot work with it; the connection is to be closed.
 */
export function negotiate(
  ours: WireFormatInfo,
  theirs: WireFormatInfo,
  versionMin = 1,
): WireFormatSettings {
  const a = readPreferences(ours);
  const b = readPreferences(theirs);
  const version = smallestSpecified(a.version, b.version, LATEST_VERSION);
  if (version < versionMin) {
    throw protocolError(
      `The peer speaks version ${version}; ${versionMin} is the lowest allowed`,
      13,
    );
  }
  const cacheEnabled = a.cacheEnabled && b.cacheEnabled;
  return {
    version,
    tightEncoding: a.tightEncoding && b.tightEncoding,
    cacheEnabled,
    cacheSize: cacheEnabled ? agreedCacheSize(a.cacheSize, b.cacheSize) : CACHE_SIZE_UNSPECIFIED,
    stackTraceEnabled: a.stackTraceEnabled && b.stackTraceEnabled,
    tcpNoDelayEnabled: a.tcpNoDelayEnabled && b.tcpNoDelayEnabled,
    maxFrameSize: smallestSpecified(a.maxFrameSize, b.maxFrameSize, INT32_MAX),
    maxInactivityDurationMs: duration(a.maxInactivityDurationMs, b.maxInactivityDurationMs),
    maxInactivityInitialDelayMs: duration(
      a.maxInactivityInitialDelayMs,
      b.maxInactivityInitialDelayMs,
    ),
  };
}

/** The smallest of three numbers, of which the first two may be unspecified: zero or negative. */
function smallestSpecified(a: number, b: number, most: number): number {
  return Math.min(a > 0 ? a : most, b > 0 ? b : most, most);
}

function duration(a: number, b: number): number {
  return Math.max(0, Math.min(a, b));
}

function agreedCacheSize(a: number, b: number): number {
  const size = Math.min(a, b);
  if (size === 0) return CACHE_SIZE_UNSPECIFIED;
  if (size >= CACHE_SIZE_MIN && size <= CACHE_SIZE_UNSPECIFIED) return size;
  throw protocolError(`A cache of ${size} slots was offered; ${CACHE_SIZE_MIN} are needed`, 17);
}
