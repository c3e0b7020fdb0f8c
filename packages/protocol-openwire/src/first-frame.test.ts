import { FrameWriter, preferredWireFormatInfo } from '@batonmq/openwire';
import { expect, test } from 'vitest';
import { looksLikeOpenWire } from './first-frame.ts';

function firstFrame(): Buffer {
  const writer = new FrameWriter();
  writer.write(preferredWireFormatInfo({}));
  return Buffer.concat(writer.take());
}

test('the first frame of a client is known from its thirteenth byte on, and not before', () => {
  const frame = firstFrame();
  for (let length = 0; length <= frame.length; length += 1) {
    expect(looksLikeOpenWire(frame.subarray(0, length))).toBe(length < 13 ? undefined : true);
  }
});

test.each(['CONNECT\n\n\0', 'STOMP\nhost:x\n', 'GET / HTTP/1.1', '\n\n\n\n\n', 'MQTT\u0004'])(
  '%j is none',
  (text) => {
    expect(looksLikeOpenWire(Buffer.from(text))).toBe(false);
  },
);
