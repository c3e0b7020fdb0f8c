import { isBrokerError } from '@batonmq/model';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createWireFormat, FrameReader, preferredWireFormatInfo } from '../src/index.ts';
import type { CodecSettings } from '../src/codec/settings.ts';
import { vectorStreams, type VectorStream } from './fixtures.ts';

const streams = vectorStreams();

/** One frame of each type, version 12 and 2, of each mode, as the first of a connection. */
const shapes = streams
  .filter(({ settings }) => settings.version === 12 || settings.version === 2)
  .filter(({ settings }) => settings.stackTraceEnabled)
  .flatMap(({ settings, frames }) => firstOfEachType(settings, frames));

function firstOfEachType(settings: CodecSettings, frames: VectorStream['frames']) {
  const seen = new Set<unknown>();
  return frames
    .filter(({ value }) => !seen.has(value['$']) && seen.add(value['$']))
    .map(({ bytes }) => ({ settings, bytes }))
    .filter(({ bytes }) => bytes.length < 1500 && isDecodable(settings, bytes));
}

/** With a cache only frames that refer to no earlier frame can be a connection's first. */
function isDecodable(settings: CodecSettings, bytes: Buffer): boolean {
  return outcome(settings, bytes) === 'decoded';
}

/**
 * Decodes as a connection's first frame. Anything but a structure or a typed error with a position
 * inside of the frame fails the test.
 */
function outcome(settings: CodecSettings, frame: Buffer): 'decoded' | 'refused' {
  try {
    createWireFormat(settings).decode(frame);
    return 'decoded';
  } catch (error) {
    if (!isBrokerError(error)) throw error;
    if (error.code !== 'BATON_PROTOCOL' && error.code !== 'BATON_FRAME_TOO_LARGE') throw error;
    const { position } = error.details;
    if (typeof position !== 'number' || position < 0 || position > frame.length) throw error;
    return 'refused';
  }
}

function withSize(body: Uint8Array): Buffer {
  const frame = Buffer.alloc(4 + body.length);
  frame.writeInt32BE(body.length, 0);
  frame.set(body, 4);
  return frame;
}

describe('every shape of frame', () => {
  test('is there in enough variety', () => {
    expect(shapes.length).toBeGreaterThan(300);
  });

  test('cut short at any byte is refused', () => {
    for (const { settings, bytes } of shapes) {
      for (let length = 1; length < bytes.length - 4; length++) {
        const cut = withSize(bytes.subarray(4, 4 + length));
        expect(outcome(settings, cut)).toBe('refused');
      }
    }
  });

  test('with bytes after its end is refused', () => {
    for (const { settings, bytes } of shapes) {
      const longer = withSize(Buffer.concat([bytes.subarray(4), Buffer.of(0)]));
      expect(outcome(settings, longer)).toBe('refused');
    }
  });

  test('with a byte set to a value that lengths, counts and flags dislike never crashes', () => {
    for (const { settings, bytes } of shapes) {
      for (let at = 4; at < bytes.length; at++) {
        for (const value of [0x00, 0x01, 0x7f, 0x80, 0xc0, 0xff, (bytes[at] ?? 0) ^ 0x10]) {
          const changed = Buffer.from(bytes);
          changed[at] = value;
          outcome(settings, changed);
        }
      }
    }
  });

  test('with random mutations never crashes', () => {
    const mutation = fc.record({
      shape: fc.nat(shapes.length - 1),
      changes: fc.array(fc.tuple(fc.nat(1500), fc.nat(255)), { minLength: 1, maxLength: 6 }),
      cut: fc.nat(20),
    });
    fc.assert(
      fc.property(mutation, ({ shape, changes, cut }) => {
        const { settings, bytes } = shapes[shape] ?? {
          settings: undefined,
          bytes: Buffer.alloc(0),
        };
        if (settings === undefined) return;
        const body = Buffer.from(bytes.subarray(4, Math.max(5, bytes.length - cut)));
        for (const [at, value] of changes) body[at % body.length] = value;
        outcome(settings, withSize(body));
      }),
      { numRuns: 5000 },
    );
  });

  test('made of random bytes never crashes', () => {
    const settings = fc.constantFrom(...streams.map((stream) => stream.settings));
    const body = fc.uint8Array({ minLength: 1, maxLength: 300 });
    fc.assert(
      fc.property(settings, body, (chosen, bytes) => {
        outcome(chosen, withSize(bytes));
      }),
      { numRuns: 5000 },
    );
  });
});

const LOOSE: CodecSettings = {
  version: 12,
  tightEncoding: false,
  cacheEnabled: false,
  cacheSize: 1024,
  stackTraceEnabled: true,
  maxFrameSize: 1_000_000,
};
const TIGHT = { ...LOOSE, tightEncoding: true };
const CACHED = { ...LOOSE, cacheEnabled: true };

function refusal(settings: CodecSettings, hex: string): string {
  try {
    createWireFormat(settings).decode(withSize(Buffer.from(hex, 'hex')));
  } catch (error) {
    if (isBrokerError(error)) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'none';
}

describe('a peer cannot', () => {
  const header = '0000000000';

  test('announce a length beyond the frame, or a negative one', () => {
    for (const length of ['7fffffff', '00000010', 'ffffffff', '80000000']) {
      expect(refusal(LOOSE, `3c0000000001${length}00`)).toMatch(/BATON_PROTOCOL/);
    }
  });

  test('announce more array elements than the frame could hold', () => {
    expect(refusal(LOOSE, `21${header}00000000017fff0000`)).toMatch(/more elements/);
    expect(refusal(LOOSE, `21${header}0000000001ffff0000`)).toMatch(/negative/);
    // 32767 null elements would take one bit each.
    expect(refusal(TIGHT, `2101020000000000000000` + '7fff')).toMatch(/more elements/);
  });

  test('nest structures or causes without end', () => {
    const response = `20${header}0000000001`;
    expect(refusal(LOOSE, response.repeat(40) + '0a' + header)).toMatch(/too deeply/);
    expect(refusal(LOOSE, response.repeat(20) + '0a' + header)).toBe('none');
    const cause = '01' + '01000141' + '00' + '0000';
    expect(refusal(LOOSE, `1f${header}00000000${cause.repeat(40)}00`)).toMatch(/too deeply/);
    expect(refusal(LOOSE, `1f${header}00000000${cause.repeat(20)}00`)).toBe('none');
  });

  test('put a structure where it does not belong', () => {
    expect(refusal(LOOSE, `04${header}010a${header}`)).toMatch(/KeepAliveInfo stands where/);
  });

  test('use cache slots that were never filled, do not exist, or hold another type', () => {
    expect(refusal(CACHED, `04${header}000005`)).toMatch(/Slot 5 .* is empty/);
    expect(refusal(CACHED, `04${header}00ffff`)).toMatch(/Slot -1 .* is empty/);
    expect(refusal(CACHED, `04${header}01040000`)).toMatch(/no slot 1024/);
    // Consumer: id in slot 0, then slot 0 as the destination.
    const id = '010000' + '017a' + '00' + '00'.repeat(16);
    expect(refusal(CACHED, `14${header}${id}000000`)).toMatch(/holds a ConsumerId/);
  });

  test('fill the memory through the cache', () => {
    const format = createWireFormat({ ...CACHED, cacheSize: 16_383 });
    const define = (slot: number): void => {
      const name = Buffer.alloc(60_000, 97);
      const head = Buffer.from(
        `04${header}01${slot.toString(16).padStart(4, '0')}017901ea60`,
        'hex',
      );
      format.decode(withSize(Buffer.concat([head, name, Buffer.alloc(8)])));
    };
    for (let i = 0; i < 1000; i++) define(3);
    expect(() => {
      for (let slot = 0; slot < 1000; slot++) define(slot);
    }).toThrow(/holds too much/);
  });

  test('send a frame of the marshal-aware form, unknown types, or a null command', () => {
    expect(refusal(TIGHT, `1501ff00000000`)).toMatch(/BATON_PROTOCOL/);
    expect(refusal(LOOSE, 'fe')).toMatch(/no type 254/);
    expect(refusal(LOOSE, '00')).toMatch(/no type 0/);
    expect(refusal({ ...LOOSE, version: 1 }, `14${header}`)).toMatch(/no type 20/);
  });

  test('get a class name used as anything but text', () => {
    const name = 'constructor';
    const text = `01${name.length.toString(16).padStart(4, '0')}${Buffer.from(name).toString('hex')}`;
    const frame = withSize(
      Buffer.from(`1f${header}00000000` + '01' + text + '00' + '0000' + '00', 'hex'),
    );
    expect(createWireFormat(LOOSE).decode(frame)).toMatchObject({
      exception: { className: 'constructor', message: null, stackTrace: [], cause: null },
    });
  });
});

describe('the size of a frame', () => {
  const prefix = (hex: string): (() => void) => {
    const reader = new FrameReader();
    return () => {
      expect([...reader.push(Buffer.from(hex, 'hex'))]).toEqual([]);
    };
  };

  test('is refused from its four bytes alone', () => {
    expect(prefix('00002001')).toThrow(expect.objectContaining({ code: 'BATON_FRAME_TOO_LARGE' }));
    expect(prefix('7fffffff')).toThrow(expect.objectContaining({ code: 'BATON_FRAME_TOO_LARGE' }));
    expect(prefix('00000000')).toThrow(expect.objectContaining({ code: 'BATON_PROTOCOL' }));
    expect(prefix('ffffffff')).toThrow(expect.objectContaining({ code: 'BATON_PROTOCOL' }));
    expect(prefix('00002000')).not.toThrow();
  });

  test('takes no memory before the bytes arrive', () => {
    const reader = new FrameReader();
    const settings = { ...LOOSE, maxFrameSize: 2 ** 31 - 1 };
    const info = createWireFormat({ ...LOOSE, version: 1 }).encode(preferredWireFormatInfo());
    for (const command of reader.push(info)) {
      expect(command.type).toBe('WireFormatInfo');
      reader.start(createWireFormat(settings));
    }
    const before = process.memoryUsage().arrayBuffers;
    expect([...reader.push(Buffer.from('7fffffff15', 'hex'))]).toEqual([]);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(MEGABYTE);
  });
});

const MEGABYTE = 1024 * 1024;
