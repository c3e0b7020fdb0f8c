import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FrameParser } from '../src/codec/frame-parser.ts';
import { STOMP_DEFAULTS } from '../src/options.ts';
import { cut, parse, sameOutcome } from './parse.ts';

const VERSIONS = ['1.0', '1.1', '1.2'] as const;

const name = fc.stringMatching(/^[a-z-]{1,12}$/);
const value = fc.string({ unit: 'grapheme', maxLength: 20 });
const frameParts = fc.record({
  command: fc.constantFrom('SEND', 'ACK', 'SUBSCRIBE', 'DISCONNECT', 'BEGIN'),
  headers: fc.array(fc.tuple(name, value), { maxLength: 6 }),
  body: fc.uint8Array({ maxLength: 60 }),
  hasLength: fc.boolean(),
});

function escape(text: string): string {
  const letters: Record<string, string> = { '\\': '\\\\', ':': '\\c', '\n': '\\n', '\r': '\\r' };
  return text.replace(/[\\:\n\r]/g, (character) => letters[character] ?? '').replaceAll('\0', '');
}

function encode({
  command,
  headers,
  body,
  hasLength,
}: typeof frameParts extends fc.Arbitrary<infer T> ? T : never): Buffer {
  const lines = headers
    .filter(([key]) => key !== 'content-length')
    .map(([key, text]) => `${key}:${escape(text)}\n`);
  const bytes = hasLength ? Buffer.from(body) : Buffer.from(body.filter((byte) => byte !== 0));
  if (hasLength) lines.push(`content-length:${bytes.length}\n`);
  return Buffer.concat([
    Buffer.from(`${command}\n${lines.join('')}\n`),
    bytes,
    Buffer.from('\0\n'),
  ]);
}

describe('any frames in any pieces', () => {
  test('are the same frames as in one piece', () => {
    fc.assert(
      fc.property(
        fc.array(frameParts, { maxLength: 6 }),
        fc.array(fc.nat(2000), { maxLength: 12 }),
        (parts, places) => {
          const bytes = Buffer.concat(parts.map(encode));
          const whole = parse([bytes], '1.2');
          expect(whole.failure).toBeUndefined();
          expect(whole.frames).toHaveLength(parts.length);
          sameOutcome(parse(cut(bytes, places), '1.2'), whole);
        },
      ),
      { numRuns: 500 },
    );
  });

  test('are read as they were meant', () => {
    fc.assert(
      fc.property(frameParts, (parts) => {
        const [frame] = parse([encode(parts)], '1.2').frames as [
          { command: string; headers: [string, string][]; body: string },
        ];
        expect(frame.command).toBe(parts.command);
        const sent = parts.headers
          .filter(([key]) => key !== 'content-length')
          .map(([key, text]) => [key, text.replaceAll('\0', '')]);
        expect(frame.headers.filter(([key]) => key !== 'content-length')).toEqual(sent);
      }),
      { numRuns: 500 },
    );
  });
});

describe('whatever arrives', () => {
  test.each(VERSIONS)('is read the same in pieces, or refused the same (%s)', (version) => {
    const alphabet = fc.constantFrom(...[0, 10, 13, 58, 92, 110, 99, 114, 32, 65, 200, 240]);
    const noise = fc.array(alphabet, { maxLength: 60 }).map((bytes) => Buffer.from(bytes));
    const damaged = fc.tuple(frameParts, fc.nat(300), fc.nat(255)).map(([parts, place, byte]) => {
      const bytes = encode(parts);
      bytes[place % bytes.length] = byte;
      return bytes;
    });
    fc.assert(
      fc.property(
        fc.array(fc.oneof(noise, damaged, frameParts.map(encode)), { maxLength: 4 }),
        fc.array(fc.nat(1000), { maxLength: 12 }),
        (pieces, places) => {
          const bytes = Buffer.concat(pieces);
          sameOutcome(parse(cut(bytes, places), version), parse([bytes], version));
        },
      ),
      { numRuns: 1000 },
    );
  });

  test('is bounded: limits hold in pieces as in one', () => {
    const limits = {
      maxFrameSize: 200,
      maxDataLength: 50,
      headerCountMax: 5,
      headerLineBytesMax: 40,
      headerBytesMax: 120,
    };
    fc.assert(
      fc.property(
        fc.array(frameParts, { maxLength: 3 }),
        fc.array(fc.nat(1000), { maxLength: 12 }),
        (parts, places) => {
          const bytes = Buffer.concat(parts.map(encode));
          sameOutcome(parse(cut(bytes, places), '1.2', limits), parse([bytes], '1.2', limits));
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('limits:', () => {
  test.each([
    ['a header line', { headerLineBytesMax: 64 }, `SEND\nname:${'x'.repeat(70)}\n\n\0`],
    ['a header line without end', { headerLineBytesMax: 64 }, `SEND\nname:${'x'.repeat(70)}`],
    ['all headers', { headerBytesMax: 256 }, `SEND\n${'name:value\n'.repeat(30)}\n\0`],
    ['the body', { maxDataLength: 10 }, `SEND\n\n${'x'.repeat(11)}\0`],
    ['the body without end', { maxDataLength: 10 }, `SEND\n\n${'x'.repeat(11)}`],
    ['the length that is announced', { maxDataLength: 10 }, 'SEND\ncontent-length:11\n\n'],
    ['the frame', { maxFrameSize: 1024 }, `SEND\n\n${'x'.repeat(1024)}`],
  ])('%s is refused when it is too large', (_, limits, text) => {
    expect(parse([Buffer.from(text)], '1.2', limits).failure).toBe('BATON_FRAME_TOO_LARGE');
  });

  test('a header more than allowed is refused', () => {
    const bytes = Buffer.from(`SEND\n${'name:value\n'.repeat(17)}\n\0`);
    expect(parse([bytes], '1.2', { headerCountMax: 16 }).failure).toBe('BATON_PROTOCOL');
    expect(parse([bytes], '1.2', { headerCountMax: 17 }).failure).toBeUndefined();
  });

  test('memory is not taken before bytes arrive', () => {
    const parser = new FrameParser(STOMP_DEFAULTS);
    parser.push(Buffer.from('SEND\ncontent-length:100000000\n\nx'));
    expect(parser.next()).toBeUndefined();
    expect(parser.frame.bytes.length).toBeLessThan(4096);
  });
});
