import { expect, test } from 'vitest';
import { resolveStompOptions, STOMP_DEFAULTS } from './options.ts';

test('without options the defaults hold', () => {
  expect(resolveStompOptions()).toEqual(STOMP_DEFAULTS);
});

test('every mistake is named at once', () => {
  const wrong = { maxFrameSize: 1, defaultHeartBeat: '5', hbGracePeriodMultiplier: 0.5, other: 1 };
  expect(() => resolveStompOptions(wrong)).toThrow(
    expect.objectContaining({
      code: 'BATON_INVALID_OPTION',
      message: expect.stringMatching(
        /maxFrameSize .*; defaultHeartBeat .*; hbGracePeriodMultiplier .*; other is unknown/,
      ) as unknown,
    }),
  );
});

test('a grace of one and a half is allowed', () => {
  expect(resolveStompOptions({ hbGracePeriodMultiplier: 1.5 }).hbGracePeriodMultiplier).toBe(1.5);
});
