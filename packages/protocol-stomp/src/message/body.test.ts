import { compressedContent, decodeText, encodeText } from '@batonmq/message-content';
import type { Message } from '@batonmq/model';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bodyOf, textContent } from './body.ts';

const BYTES_MAX = 1024 * 1024;

/** As a chunk holds it, in memory of its own: headers in front, something behind. */
function inChunk(text: string, bytesBehind = 0): Buffer {
  const body = Buffer.from(text);
  const chunk = Buffer.allocUnsafeSlow(6 + body.length + 1 + bytesBehind);
  chunk.write('SEND\n\n');
  chunk.set(body, 6);
  return chunk.subarray(6, 6 + body.length);
}

function messageOf(part: Partial<Message>): Message {
  return { isCompressed: false, ...part } as Message;
}

test('a text is what Java reads as the same text, and comes back as it was', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.nat(300), (text, bytesBehind) => {
      const { contentKind, content } = textContent(inChunk(text, bytesBehind));
      expect(contentKind).toBe('text');
      expect(decodeText(content ?? null)).toBe(text);
      // Java knows no sequences of four bytes.
      expect([...(content ?? []).slice(4)].every((byte) => byte < 0xf0)).toBe(true);
      expect(Buffer.from(bodyOf(messageOf({ contentKind, content }), BYTES_MAX)).toString()).toBe(
        text,
      );
    }),
  );
});

test('a body that is not UTF-8 is kept as bytes', () => {
  const body = Buffer.from([0x61, 0xff, 0x62]);
  expect(textContent(body)).toEqual({ contentKind: 'bytes', content: body });
});

test('a large text is kept where it arrived, a small one is not', () => {
  const large = inChunk('x'.repeat(1000));
  expect(textContent(large).content?.buffer).toBe(large.buffer);
  const small = inChunk('x', 1000);
  expect(textContent(small).content?.buffer).not.toBe(small.buffer);
});

test('a compressed text is shown uncompressed', () => {
  const content = compressedContent('text', encodeText('hello')) ?? undefined;
  const message = messageOf({ contentKind: 'text', isCompressed: true, content });
  expect(Buffer.from(bodyOf(message, BYTES_MAX)).toString()).toBe('hello');
});

test('a body that only Java can read is empty', () => {
  const message = messageOf({ contentKind: 'object', content: Buffer.from([1, 2, 3]) });
  expect(bodyOf(message, BYTES_MAX)).toHaveLength(0);
});
