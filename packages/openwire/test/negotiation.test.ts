import { describe, expect, test } from 'vitest';
import { encodeProperties, type PrimitiveValue } from '@batonmq/message-content';
import {
  checkInactivity,
  command,
  createWireFormat,
  negotiate,
  preferredWireFormatInfo,
  readPreferences,
  type WireFormatInfo,
} from '../src/index.ts';
import { capture } from './fixtures.ts';

function peer(version: number, preferences: Record<string, PrimitiveValue> = {}): WireFormatInfo {
  const marshalledProperties = encodeProperties(new Map(Object.entries(preferences)));
  return command('WireFormatInfo', { version, marshalledProperties });
}

/** What the reference client asks for, from real traffic. */
function referenceInfo(): WireFormatInfo {
  const [frame] = capture('v12-tight-cache-core');
  const info = createWireFormat({
    ...negotiate(preferredWireFormatInfo(), preferredWireFormatInfo()),
    maxFrameSize: 8192,
  }).decode(frame?.bytes ?? Buffer.alloc(0));
  if (info.type !== 'WireFormatInfo') throw new Error('a capture starts with a WireFormatInfo');
  return info;
}

const yes: PrimitiveValue = { kind: 'boolean', value: true };
const refused = expect.objectContaining({ code: 'BATON_PROTOCOL' }) as Error;

describe('negotiation', () => {
  test('with the reference gives loose and uncached by default, tight and cached if asked for', () => {
    expect(negotiate(preferredWireFormatInfo(), referenceInfo())).toEqual({
      version: 12,
      tightEncoding: false,
      cacheEnabled: false,
      cacheSize: 16_383,
      stackTraceEnabled: true,
      tcpNoDelayEnabled: true,
      maxFrameSize: 104_857_600,
      maxInactivityDurationMs: 30_000,
      maxInactivityInitialDelayMs: 10_000,
    });
    const asked = preferredWireFormatInfo({
      tightEncodingEnabled: true,
      cacheEnabled: true,
      cacheSize: 200,
    });
    expect(negotiate(asked, referenceInfo())).toMatchObject({
      tightEncoding: true,
      cacheEnabled: true,
      cacheSize: 200,
    });
  });

  test('is the same for both sides', () => {
    const a = preferredWireFormatInfo({
      version: 9,
      maxFrameSize: 5000,
      maxInactivityDurationMs: 0,
    });
    for (const b of [referenceInfo(), peer(3), peer(0), preferredWireFormatInfo()]) {
      expect(negotiate(a, b)).toEqual(negotiate(b, a));
    }
  });

  test('takes what a peer leaves out as false, none and unspecified', () => {
    expect(negotiate(preferredWireFormatInfo({ cacheEnabled: true }), peer(5))).toMatchObject({
      version: 5,
      cacheEnabled: false,
      stackTraceEnabled: false,
      maxFrameSize: 104_857_600,
      maxInactivityDurationMs: 0,
    });
    expect(negotiate(preferredWireFormatInfo(), peer(0)).version).toBe(12);
    expect(negotiate(preferredWireFormatInfo(), peer(99)).version).toBe(12);
  });

  test('never drops the size prefix', () => {
    expect(readPreferences(preferredWireFormatInfo()).sizePrefixDisabled).toBe(false);
  });

  test('refuses cache sizes that make reference peers hang, and takes 0 for the default', () => {
    const ours = preferredWireFormatInfo({ cacheEnabled: true });
    const size = (value: number) =>
      peer(12, { CacheEnabled: yes, CacheSize: { kind: 'int', value } });
    for (const value of [1, 99, -1]) expect(() => negotiate(ours, size(value))).toThrow(refused);
    expect(negotiate(ours, size(100)).cacheSize).toBe(100);
    expect(negotiate(ours, size(0)).cacheSize).toBe(16_383);
    expect(negotiate(preferredWireFormatInfo(), size(1)).cacheEnabled).toBe(false);
  });

  test('refuses a wrong magic, a version below the minimum and malformed preferences', () => {
    const ours = preferredWireFormatInfo();
    const magic = Buffer.from('ActiveMX');
    expect(() => negotiate(ours, { ...peer(12), magic })).toThrow(refused);
    expect(() => negotiate(ours, peer(5), 6)).toThrow(refused);
    expect(() => negotiate(ours, { ...peer(12), marshalledProperties: Buffer.of(0, 0) })).toThrow(
      refused,
    );
    const many = Array.from({ length: 65 }, (_, i) => [`p${i}`, yes] as const);
    expect(() => negotiate(ours, peer(12, Object.fromEntries<PrimitiveValue>(many)))).toThrow(
      refused,
    );
  });

  test('reads a preference of the wrong type as absent', () => {
    const text: PrimitiveValue = { kind: 'string', value: 'true' };
    expect(readPreferences(peer(12, { TightEncodingEnabled: text })).tightEncoding).toBe(false);
  });

  test('reports all options that are out of range', () => {
    const bad = { version: 13, cacheSize: 99, maxFrameSize: 0, host: 'x'.repeat(600), colour: 1 };
    expect(() => preferredWireFormatInfo(bad)).toThrow(
      expect.objectContaining({
        code: 'BATON_INVALID_OPTION',
        message: expect.stringMatching(/colour.*version.*cacheSize.*maxFrameSize.*host/) as string,
      }),
    );
  });
});

describe('silence', () => {
  const settings = { maxInactivityDurationMs: 30_000, maxInactivityInitialDelayMs: 10_000 };
  const at = (
    lastReceivedMs: number,
    lastSentMs: number,
    nowMs: number,
    lastCheckMs = nowMs - 5000,
  ) => checkInactivity(settings, { startedMs: 0, lastReceivedMs, lastSentMs, lastCheckMs }, nowMs);

  test('of ours is broken after a third of the duration', () => {
    expect(at(9_000, 0, 9_999)).toEqual({ action: 'none', nextCheckMs: 10_000 });
    expect(at(9_000, 0, 10_000)).toEqual({ action: 'send-keep-alive', nextCheckMs: 20_000 });
  });

  test('of the peer ends the connection after the duration, at first after the delay as well', () => {
    expect(at(0, 39_000, 39_999)).toEqual({ action: 'none', nextCheckMs: 40_000 });
    expect(at(0, 39_000, 40_000).action).toBe('peer-silent');
    expect(at(50_000, 79_000, 79_999)).toEqual({ action: 'none', nextCheckMs: 80_000 });
    expect(at(50_000, 79_000, 80_000).action).toBe('peer-silent');
  });

  test('does not count while we were asleep ourselves', () => {
    expect(at(50_000, 50_000, 500_000, 51_000)).toEqual({
      action: 'send-keep-alive',
      nextCheckMs: 510_000,
    });
    expect(at(50_000, 500_000, 510_000, 500_000).action).toBe('peer-silent');
  });

  test('means nothing if no duration was agreed', () => {
    const off = { maxInactivityDurationMs: 0, maxInactivityInitialDelayMs: 0 };
    const times = { startedMs: 0, lastReceivedMs: 0, lastSentMs: 0, lastCheckMs: 0 };
    expect(checkInactivity(off, times, 1e9)).toEqual({ action: 'none', nextCheckMs: Infinity });
  });
});
