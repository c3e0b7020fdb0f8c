import { silentLogger } from '@batonmq/runtime';
import { nodeClock } from '@batonmq/runtime/node';
import { parseBrokerUri } from '@batonmq/discovery';
import { describe, expect, test } from 'vitest';
import { resolveConnectOptions } from './options.ts';
import { endpointOptions, readUri } from './uri-settings.ts';

const components = { clock: nodeClock(), logger: silentLogger };
const read = (uri: string): ReturnType<typeof readUri> => readUri(uri, components, []);

describe('the URI of connect', () => {
  test("failover: keeps ActiveMQ's defaults, but for the deadline of sends", () => {
    expect(read('failover:(tcp://a:1)').failover).toMatchObject({
      initialReconnectDelay: 10,
      maxReconnectDelay: 30_000,
      useExponentialBackOff: true,
      reconnectDelayExponent: 2,
      maxReconnectAttempts: -1,
      startupMaxReconnectAttempts: -1,
      warnAfterReconnectAttempts: 10,
      randomize: true,
      backup: false,
      backupPoolSize: 1,
      priorityBackup: false,
      timeout: 30_000,
      trackMessages: false,
      maxCacheSize: 131_072,
      updateURIsSupported: true,
      reconnectSupported: true,
    });
  });

  test('each layer gets its options', () => {
    const settings = read(
      'failover:(tcp://a:1?wireFormat.cacheEnabled=true,tcp://b:2)?randomize=false&nested.wireFormat.cacheEnabled=false&jms.useAsyncSend=true',
    );
    expect(settings.uris).toEqual(['tcp://a:1?wireFormat.cacheEnabled=true', 'tcp://b:2']);
    expect(settings.failover.randomize).toBe(false);
    expect(settings.jms.useAsyncSend).toBe(true);
    expect(settings.nestedOptions.map(({ name }) => name)).toEqual(['wireFormat.cacheEnabled']);
  });

  test('a plain tcp: URI is tried once and never again', () => {
    expect(read('tcp://a:1').failover).toMatchObject({
      maxReconnectAttempts: 0,
      startupMaxReconnectAttempts: 1,
    });
  });

  test('masterslave: keeps the order of its brokers', () => {
    expect(read('masterslave:(tcp://a:1,tcp://b:2)')).toMatchObject({
      uris: ['tcp://a:1', 'tcp://b:2'],
      failover: { randomize: false },
    });
  });

  test.each([
    [
      'failover:(tcp://a:1)?maxReconectDelay=1',
      'BATON_INVALID_OPTION',
      /did you mean "maxReconnectDelay"/,
    ],
    [
      'failover:(tcp://a:1?wireFormat.cachEnabled=true)',
      'BATON_INVALID_OPTION',
      /did you mean "wireFormat.cacheEnabled"/,
    ],
    ['failover:(tcp://a:1)?nested.x=1', 'BATON_INVALID_OPTION', /no option "x"/],
    ['tcp://a:1?jms.useAsynchSend=true', 'BATON_INVALID_OPTION', /did you mean "useAsyncSend"/],
    ['failover:()', 'BATON_INVALID_URI', /names no broker/],
    ['http://a:1', 'BATON_UNSUPPORTED', /"http:" cannot be connected to/],
    ['failover:(static:(tcp://a:1))', 'BATON_UNSUPPORTED', /"static:" cannot be connected to/],
    ['discovery:(static:(tcp://a:1),static:(tcp://b:1))', 'BATON_INVALID_URI', /name one agent/],
  ])('%s is refused', (uri, code, message) => {
    expect(() => read(uri)).toThrow(
      expect.objectContaining({
        code,
        message: expect.stringMatching(message) as unknown,
      }) as Error,
    );
  });
});

test('of equal endpoint options the one added last counts', () => {
  const uri = parseBrokerUri(
    'tcp://a:1?wireFormat.maxInactivityDuration=5&wireFormat.maxInactivityDuration=7&connectionTimeout=9',
  );
  const { failover } = read('failover:(tcp://a:1)');
  expect(endpointOptions(uri, { failover, wireFormat: {} })).toMatchObject({
    bare: 'tcp://a:1',
    timeoutMs: 9,
    wireFormat: { maxInactivityDurationMs: 7 },
  });
});

describe('the options of connect', () => {
  const resolve = (uri: string, options: object = {}): unknown =>
    resolveConnectOptions(uri, options).settings;

  test('code goes over the URI, the URI over the defaults', () => {
    const uri = 'failover:(tcp://a:1)?timeout=1&jms.requestTimeout=2&jms.closeTimeout=3';
    expect(resolve(uri, { closeTimeoutMs: 4 })).toMatchObject({
      sendTimeoutMs: 1,
      requestTimeoutMs: 2,
      closeTimeoutMs: 4,
      connectTimeoutMs: 30_000,
    });
    expect(resolve(`${uri}&jms.sendTimeout=5`)).toMatchObject({ sendTimeoutMs: 5 });
  });

  test('all problems are reported at once, with what was meant', () => {
    expect(() => resolve('tcp://a:1', { conectTimeoutMs: 1, sendWindowCount: 0 })).toThrow(
      /did you mean "connectTimeoutMs"\?; "sendWindowCount" must be a whole number from 1 up, not 0/,
    );
  });
});
