/**
 * What the URI given to `connect` says: which brokers, how to fail over, and the options meant for
 * the layers below (`jms.`, `wireFormat.`, sockets). Anything unknown is refused.
 */
import {
  decimal,
  discover,
  flag,
  formatBrokerUri,
  isDiscoveryScheme,
  parseBrokerUri,
  resolveUriOptions,
  takePrefixed,
  wholeNumber,
  words,
  type BrokerUri,
  type DiscoveryAgent,
  type DiscoveryComponents,
  type DiscoveryPlugin,
  type OptionValues,
  type UriOption,
} from '@batonmq/discovery';
import { BrokerError } from '@batonmq/model';
import { WIRE_FORMAT_DEFAULTS, type WireFormatOptions } from '@batonmq/openwire';
import type { DialOptions } from '@batonmq/transport';
import type { TlsUriOptions } from './wire/tls-trust.ts';
import { FAILOVER_OPTIONS, type FailoverSettings } from './failover/failover-options.ts';

/** `jms.` options by their ActiveMQ names without the prefix; -1 is "as the connect option says". */
const JMS_OPTIONS = {
  clientID: words(''),
  userName: words(''),
  password: words(''),
  alwaysSyncSend: flag(false),
  useAsyncSend: flag(false),
  useCompression: flag(false),
  exclusiveConsumer: flag(false),
  producerWindowSize: wholeNumber(0, { max: 2 ** 31 - 1 }),
  dispatchAsync: flag(true),
  sendTimeout: wholeNumber(-1, { min: -1 }),
  requestTimeout: wholeNumber(-1, { min: -1 }),
  connectResponseTimeout: wholeNumber(-1, { min: -1 }),
  closeTimeout: wholeNumber(-1, { min: -1 }),
  'prefetchPolicy.all': wholeNumber(-1, { min: -1, max: 32_767 }),
  'prefetchPolicy.queuePrefetch': wholeNumber(1_000, { max: 32_767 }),
  'prefetchPolicy.queueBrowserPrefetch': wholeNumber(500, { max: 32_767 }),
  'prefetchPolicy.topicPrefetch': wholeNumber(32_767, { max: 32_767 }),
  'prefetchPolicy.durableTopicPrefetch': wholeNumber(100, { max: 32_767 }),
  'redeliveryPolicy.maximumRedeliveries': wholeNumber(6, { min: -1 }),
  'redeliveryPolicy.initialRedeliveryDelay': wholeNumber(1_000),
  'redeliveryPolicy.redeliveryDelay': wholeNumber(1_000),
  'redeliveryPolicy.useExponentialBackOff': flag(false),
  'redeliveryPolicy.backOffMultiplier': decimal(5, { min: 1 }),
  'redeliveryPolicy.maximumRedeliveryDelay': wholeNumber(-1, { min: -1 }),
} as const;

export type JmsSettings = OptionValues<typeof JMS_OPTIONS>;

/** Options of one broker's URI. `wireFormat.` names are ActiveMQ's, with its spelling beside ours. */
const ENDPOINT_OPTIONS = {
  connectionTimeout: wholeNumber(-1, { min: -1 }),
  keepAlive: flag(true),
  'wireFormat.version': wholeNumber(WIRE_FORMAT_DEFAULTS.version, { min: 1, max: 12 }),
  'wireFormat.tightEncodingEnabled': flag(WIRE_FORMAT_DEFAULTS.tightEncodingEnabled),
  'wireFormat.cacheEnabled': flag(WIRE_FORMAT_DEFAULTS.cacheEnabled),
  'wireFormat.cacheSize': wholeNumber(WIRE_FORMAT_DEFAULTS.cacheSize, { min: 100, max: 16_383 }),
  'wireFormat.stackTraceEnabled': flag(WIRE_FORMAT_DEFAULTS.stackTraceEnabled),
  'wireFormat.tcpNoDelayEnabled': flag(WIRE_FORMAT_DEFAULTS.tcpNoDelayEnabled),
  'wireFormat.maxFrameSize': wholeNumber(WIRE_FORMAT_DEFAULTS.maxFrameSize, { min: 1024 }),
  'wireFormat.maxInactivityDuration': wholeNumber(WIRE_FORMAT_DEFAULTS.maxInactivityDurationMs),
  'wireFormat.maxInactivityDurationInitialDelay': wholeNumber(-1, { min: -1 }),
  'wireFormat.maxInactivityDurationInitalDelay': wholeNumber(
    WIRE_FORMAT_DEFAULTS.maxInactivityInitialDelayMs,
  ),
} as const;

/** What `ssl:` and `wss:` take besides: paths of PEM files, and whom to expect. */
const TLS_OPTIONS = {
  ca: words(''),
  cert: words(''),
  key: words(''),
  servername: words(''),
  verifyHostName: flag(true),
  // How ActiveMQ's client writes it.
  'socket.verifyHostName': flag(true),
} as const;

const SECURE_ENDPOINT_OPTIONS = { ...ENDPOINT_OPTIONS, ...TLS_OPTIONS } as const;

/** Of the transports that can be dialled: what their URIs may say. */
const OPTIONS_OF_SCHEME: Readonly<Record<string, typeof ENDPOINT_OPTIONS>> = {
  tcp: ENDPOINT_OPTIONS,
  ssl: SECURE_ENDPOINT_OPTIONS,
  ws: ENDPOINT_OPTIONS,
  wss: SECURE_ENDPOINT_OPTIONS,
};

export interface UriSettings {
  readonly uris: readonly string[];
  readonly agent: DiscoveryAgent | undefined;
  readonly failover: FailoverSettings;
  readonly nestedOptions: readonly UriOption[];
  readonly jms: JmsSettings;
}

/**
 * Reads a whole URI: `tcp:`, `ssl:`, `ws:`, `wss:`, `failover:`, `discovery:`, or an agent's own scheme.
 *
 * @throws BrokerError `BATON_INVALID_URI`, `BATON_INVALID_OPTION`.
 */
export function readUri(
  text: string,
  components: DiscoveryComponents,
  plugins: readonly DiscoveryPlugin[],
): UriSettings {
  const parsed = parseBrokerUri(text);
  const { taken, left } = takePrefixed(parsed.query, 'jms.');
  const jms = resolveUriOptions(JMS_OPTIONS, taken, 'jms.');
  const uri: BrokerUri = { ...parsed, query: left };
  if (uri.scheme === 'failover') return { ...readFailover(uri), jms };
  if (uri.scheme === 'discovery') return { ...readDiscovery(uri, components, plugins), jms };
  if (isDiscoveryScheme(uri.scheme, plugins)) {
    const agent = discover(uri, components, plugins);
    return { ...ofAgent(agent, [], 'failover:'), nestedOptions: [], jms };
  }
  checkEndpoint(uri);
  // One broker and no failover: the first connection is the only one.
  const once = [
    { name: 'maxReconnectAttempts', value: '0', position: 0 },
    { name: 'startupMaxReconnectAttempts', value: '1', position: 0 },
  ];
  const failover = resolveUriOptions(FAILOVER_OPTIONS, once, `${uri.scheme}:`);
  return { uris: [formatBrokerUri(uri)], agent: undefined, failover, nestedOptions: [], jms };
}

function readFailover(uri: BrokerUri): Omit<UriSettings, 'jms'> {
  const { taken: nestedOptions, left } = takePrefixed(uri.query, 'nested.');
  const failover = resolveUriOptions(FAILOVER_OPTIONS, left, 'failover:');
  const components = uri.kind === 'composite' ? uri.components : [];
  if (components.length === 0 && failover.updateURIsURL === '') {
    throw new BrokerError(
      'BATON_INVALID_URI',
      `"${formatBrokerUri(uri)}" names no broker: "failover:(tcp://a:61616,tcp://b:61616)"`,
      { details: { position: uri.position } },
    );
  }
  for (const component of components) checkEndpoint(component, nestedOptions);
  return { uris: components.map(formatBrokerUri), agent: undefined, failover, nestedOptions };
}

function readDiscovery(
  uri: BrokerUri,
  components: DiscoveryComponents,
  plugins: readonly DiscoveryPlugin[],
): Omit<UriSettings, 'jms'> {
  const [inner, ...more] = uri.kind === 'composite' ? uri.components : [];
  if (inner === undefined || more.length > 0) {
    throw new BrokerError(
      'BATON_INVALID_URI',
      `"${formatBrokerUri(uri)}" has to name one agent: "discovery:(static:(tcp://a:61616))"`,
      { details: { position: uri.position } },
    );
  }
  const { taken: nestedOptions, left } = takePrefixed(uri.query, 'discovered.');
  const agent = discover(inner, components, plugins);
  return { ...ofAgent(agent, left, 'discovery:'), nestedOptions };
}

function ofAgent(
  agent: DiscoveryAgent,
  query: readonly UriOption[],
  of: string,
): { uris: readonly string[]; agent: DiscoveryAgent; failover: FailoverSettings } {
  const { uris, isOrdered } = agent.current();
  const order = { name: 'randomize', value: String(!isOrdered), position: 0 };
  return { uris, agent, failover: resolveUriOptions(FAILOVER_OPTIONS, [order, ...query], of) };
}

/** Finds at `connect` what would otherwise fail at every dial. */
function checkEndpoint(uri: BrokerUri, nested: readonly UriOption[] = []): void {
  const table = OPTIONS_OF_SCHEME[uri.scheme];
  if (uri.kind === 'composite' || table === undefined) {
    throw new BrokerError(
      'BATON_UNSUPPORTED',
      `"${uri.scheme}:" cannot be connected to in "${formatBrokerUri(uri)}"; ` +
        `"tcp://host:port" can, and ssl:, ws: and wss:`,
      { details: { position: uri.position, scheme: uri.scheme } },
    );
  }
  resolveUriOptions(table, [...uri.query, ...nested], `${uri.scheme}:`);
}

/** How OpenWire is called over WebSocket. */
const SUBPROTOCOL = { subprotocols: ['openwire'] } as const;

export interface EndpointSettings {
  /** The URI without options. */
  readonly bare: string;
  readonly wireFormat: WireFormatOptions;
  readonly dial: DialOptions;
  /** Missing where the transport has no TLS. */
  readonly tls: TlsUriOptions | undefined;
  readonly timeoutMs: number;
}

/** The options of one broker's URI, taken off it. */
export function endpointOptions(
  uri: BrokerUri,
  settings: { readonly failover: FailoverSettings; readonly wireFormat: WireFormatOptions },
): EndpointSettings {
  const of = `${uri.scheme}:`;
  const isSecure = OPTIONS_OF_SCHEME[uri.scheme] === SECURE_ENDPOINT_OPTIONS;
  const secure = isSecure ? resolveUriOptions(SECURE_ENDPOINT_OPTIONS, uri.query, of) : undefined;
  const options = secure ?? resolveUriOptions(ENDPOINT_OPTIONS, uri.query, of);
  const delay = options['wireFormat.maxInactivityDurationInitialDelay'];
  return {
    bare: formatBrokerUri({ ...uri, query: [], fragment: '' }),
    timeoutMs:
      options.connectionTimeout > 0 ? options.connectionTimeout : settings.failover.connectTimeout,
    dial: options.keepAlive ? SUBPROTOCOL : { ...SUBPROTOCOL, keepAliveDelayMs: 0 },
    tls: secure && tlsOptions(secure),
    wireFormat: {
      version: options['wireFormat.version'],
      tightEncodingEnabled: options['wireFormat.tightEncodingEnabled'],
      cacheEnabled: options['wireFormat.cacheEnabled'],
      cacheSize: options['wireFormat.cacheSize'],
      stackTraceEnabled: options['wireFormat.stackTraceEnabled'],
      tcpNoDelayEnabled: options['wireFormat.tcpNoDelayEnabled'],
      maxFrameSize: options['wireFormat.maxFrameSize'],
      maxInactivityDurationMs: options['wireFormat.maxInactivityDuration'],
      maxInactivityInitialDelayMs:
        delay >= 0 ? delay : options['wireFormat.maxInactivityDurationInitalDelay'],
      ...settings.wireFormat,
    },
  };
}

function tlsOptions(options: OptionValues<typeof TLS_OPTIONS>): TlsUriOptions {
  const { ca, cert, key, servername, verifyHostName } = options;
  const isVerified = verifyHostName && options['socket.verifyHostName'];
  return { ca, cert, key, servername, verifyHostName: isVerified };
}
