import { expect, test } from 'vitest';
import { crc32c } from './crc32c.ts';

const ascending = Uint8Array.from({ length: 32 }, (_, index) => index);

// RFC 3720, appendix B.4, written there as the bytes go on the wire.
test.each([
  ['32 bytes of zeroes', new Uint8Array(32), 0x8a9136aa],
  ['32 bytes of ones', new Uint8Array(32).fill(0xff), 0x62a8ab43],
  ['32 bytes incrementing', ascending, 0x46dd794e],
  ['32 bytes decrementing', Uint8Array.from(ascending).reverse(), 0x113fdb5c],
  [
    'an iSCSI read command',
    Buffer.from(
      '01c00000000000000000000000000000140000000000040000000014000000182800000000000000' +
        '0200000000000000',
      'hex',
    ),
    0xd9963a56,
  ],
])('answers as RFC 3720 for %s', (_, bytes, sum) => {
  expect(crc32c(bytes)).toBe(sum);
});

test('sums pieces as if they were one, wherever they are cut', () => {
  const bytes = Buffer.from('The quick brown fox jumps over the lazy dog');
  const whole = crc32c(bytes);
  for (let cut = 0; cut <= bytes.length; cut += 1) {
    expect(crc32c(bytes, cut, bytes.length, crc32c(bytes, 0, cut))).toBe(whole);
  }
});

test('sums nothing to zero', () => {
  expect(crc32c(new Uint8Array(0))).toBe(0);
});
