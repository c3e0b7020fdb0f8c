import { expect, test } from 'vitest';
import { Turns } from './turns.ts';

test('each waits for those before it, also for those that fail', async () => {
  const turns = new Turns();
  const log: string[] = [];
  const work = (name: string, outcome: () => Promise<void>) => async () => {
    log.push(`${name} begins`);
    await outcome();
    log.push(`${name} ends`);
  };
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const first = turns.next(work('first', () => held));
  const second = turns.next(work('second', () => Promise.reject(new Error('no'))));
  const third = turns.next(work('third', () => Promise.resolve()));
  await Promise.resolve();
  expect(log).toEqual(['first begins']);
  release();
  await first;
  await expect(second).rejects.toThrow('no');
  await third;
  expect(log).toEqual([
    'first begins',
    'first ends',
    'second begins',
    'third begins',
    'third ends',
  ]);
});
