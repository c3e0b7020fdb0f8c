import { deflateSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { compressedContent, uncompressedContent } from './compression.ts';

const MEGABYTE = 1024 * 1024;

describe('compression', () => {
  test('of bytes drops what the reference client deflates beyond the length', () => {
    const content = Buffer.concat([
      Buffer.from('00000003', 'hex'),
      deflateSync(Buffer.from('abc garbage')),
    ]);
    const message = { kind: 'bytes', isCompressed: true, content } as const;
    expect(Buffer.from(uncompressedContent(message, 100) ?? []).toString()).toBe('abc');
  });

  test('goes back and forth for each kind of body', () => {
    for (const kind of ['bytes', 'text'] as const) {
      const content = compressedContent(kind, Buffer.from('hello '.repeat(50)));
      const read = uncompressedContent({ kind, isCompressed: true, content }, 300);
      expect(Buffer.from(read ?? []).toString()).toBe('hello '.repeat(50));
    }
  });

  test('never inflates beyond the limit', () => {
    const bomb = deflateSync(Buffer.alloc(MEGABYTE));
    const limit = expect.objectContaining({ code: 'BATON_FRAME_TOO_LARGE' }) as Error;
    const text = { kind: 'text', isCompressed: true, content: bomb } as const;
    expect(() => uncompressedContent(text, MEGABYTE - 1)).toThrow(limit);
    expect(uncompressedContent(text, MEGABYTE)).toHaveLength(MEGABYTE);
    for (const length of ['00000001', '7fffffff']) {
      const content = Buffer.concat([Buffer.from(length, 'hex'), bomb]);
      const bytes = { kind: 'bytes', isCompressed: true, content } as const;
      expect(() => uncompressedContent(bytes, 1000)).toThrow(limit);
    }
  });

  test('of bytes that are not deflated is a protocol error', () => {
    const message = { kind: 'map', isCompressed: true, content: Buffer.from('no') } as const;
    expect(() => uncompressedContent(message, 100)).toThrow(
      expect.objectContaining({ code: 'BATON_PROTOCOL' }),
    );
  });
});
