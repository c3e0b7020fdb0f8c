import { expect, test } from 'vitest';
import { BROKER_DEFAULTS, resolveBrokerOptions } from './options.ts';

test('what is not given has its default', () => {
  expect(resolveBrokerOptions()).toEqual(BROKER_DEFAULTS);
  const { sendTimeoutMs, pageBytes } = resolveBrokerOptions({ sendTimeoutMs: 5 });
  expect([sendTimeoutMs, pageBytes]).toEqual([5, BROKER_DEFAULTS.pageBytes]);
});

test('everything that is wrong is reported at once', () => {
  const wrong = {
    colour: 'red',
    sendTimeoutMs: 0,
    ackDelayMs: 1.5,
    deadLetterQueue: '',
    areExpiredDeadLettered: 'yes' as unknown as boolean,
    memoryLimitBytes: 2 ** 20,
    destinationMemoryLimitBytes: 2 ** 21,
  };
  expect(() => resolveBrokerOptions(wrong)).toThrow(
    expect.objectContaining({
      code: 'BATON_INVALID_OPTION',
      message: expect.stringMatching(
        /sendTimeoutMs.*ackDelayMs.*deadLetterQueue.*areExpiredDeadLettered.*colour.*destinationMemoryLimitBytes/,
      ) as string,
    }),
  );
});

test('a default adapts to a limit that was given', () => {
  const settings = resolveBrokerOptions({ memoryLimitBytes: 2 ** 20, queueWindowMessages: 20 });
  expect(settings.destinationMemoryLimitBytes).toBe(2 ** 20);
  expect(settings.pageMessages).toBe(10);
});
