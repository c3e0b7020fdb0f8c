import { describe, expect, test } from 'vitest';
import { decodeLockRecord, encodeLockRecord, LOCK_RECORD_BYTES } from './lock-record.ts';

const RECORD = {
  state: 'held',
  owner: 'broker "a"\nß',
  holder: '0b8f6c1e-6f0c-4f3a-9f0e-2a52d1c4a0f7',
  epoch: 7,
  count: 1234,
} as const;

describe('the record in the lock file', () => {
  test('is read back as it was written', () => {
    const bytes = encodeLockRecord(RECORD);
    expect(bytes.length).toBe(LOCK_RECORD_BYTES);
    expect(decodeLockRecord(bytes)).toEqual(RECORD);
  });

  test('can be read with cat', () => {
    const text = Buffer.from(encodeLockRecord({ ...RECORD, owner: 'a' })).toString();
    expect(text.trimEnd().split('\n').slice(0, 6)).toEqual([
      'batonmq-lock 1',
      'state held',
      'owner "a"',
      'holder 0b8f6c1e-6f0c-4f3a-9f0e-2a52d1c4a0f7',
      'epoch 7',
      'count 1234',
    ]);
  });

  test('is not taken for whole with any one byte changed', () => {
    const bytes = encodeLockRecord(RECORD);
    for (let at = 0; at < bytes.length; at += 1) {
      const damaged = Buffer.from(bytes);
      damaged.writeUInt8(damaged.readUInt8(at) ^ 0x01, at);
      expect(decodeLockRecord(damaged), `byte ${at}`).toBeUndefined();
    }
  });

  test('is not taken for whole when it is half of one and half of the next', () => {
    const before = encodeLockRecord({ ...RECORD, count: 1999 });
    const after = encodeLockRecord({ ...RECORD, count: 2000 });
    for (let at = 1; at < before.length; at += 1) {
      const torn = Buffer.concat([after.subarray(0, at), before.subarray(at)]);
      const read = decodeLockRecord(torn);
      if (read) expect([1999, 2000], `torn at ${at}`).toContain(read.count);
    }
  });

  test.each([
    ['an empty file', Buffer.alloc(0)],
    ['the eight bytes of ActiveMQ over one of ours', activeMqOver(encodeLockRecord(RECORD))],
    ['a newer version', Buffer.from(encodeLockRecord(RECORD)).fill('2', 13, 14)],
  ])('%s is no record of ours', (_what, bytes) => {
    expect(decodeLockRecord(bytes)).toBeUndefined();
  });

  test('a name that leaves no room is refused', () => {
    expect(() => encodeLockRecord({ ...RECORD, owner: 'x'.repeat(300) })).toThrow(
      expect.objectContaining({ code: 'BATON_INVALID_ARGUMENT' }),
    );
  });
});

function activeMqOver(bytes: Uint8Array): Uint8Array {
  const copy = Buffer.from(bytes);
  copy.writeBigInt64BE(1_700_000_000_000n, 0);
  return copy;
}
