import { expect, test } from 'vitest';
import { Slots } from './slots.ts';

test('a slot is free again when its work is done', async () => {
  const slots = new Slots(2);
  const finish: (() => void)[] = [];
  let succeeded = 0;
  for (let i = 0; i < 2; i++) {
    slots.fill(new Promise<void>((resolve) => finish.push(resolve)), () => succeeded++);
  }
  expect(slots.areFull).toBe(true);
  finish[1]?.();
  await slots.oneFree();
  expect([slots.areFull, succeeded]).toEqual([false, 1]);
  finish[0]?.();
  await slots.allFree();
  expect(succeeded).toBe(2);
});

test('failed work is told to who waits', async () => {
  const slots = new Slots(1);
  slots.fill(Promise.reject(new Error('refused')), () => expect.unreachable());
  await expect(slots.allFree()).rejects.toThrow('refused');
});
