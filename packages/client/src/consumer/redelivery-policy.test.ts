import { expect, test } from 'vitest';
import { isExhausted, redeliveryDelay, type RedeliveryPolicy } from './redelivery-policy.ts';

const POLICY: RedeliveryPolicy = {
  redeliveriesMax: 6,
  initialDelayMs: 100,
  delayMs: 10,
  useExponentialBackOff: false,
  backOffMultiplier: 3,
  delayMsMax: -1,
};

test.each([
  ['constant', {}, [100, 10, 10, 10]],
  ['growing', { useExponentialBackOff: true }, [100, 30, 90, 270]],
  ['growing up to a ceiling', { useExponentialBackOff: true, delayMsMax: 100 }, [100, 30, 90, 100]],
])('the delay is %s', (_name, changes, delays) => {
  const policy = { ...POLICY, ...changes };
  expect([1, 2, 3, 4].map((count) => redeliveryDelay(policy, count))).toEqual(delays);
});

test('the limit counts redeliveries; -1 is none', () => {
  expect([6, 7].map((count) => isExhausted(POLICY, count))).toEqual([false, true]);
  expect(isExhausted({ ...POLICY, redeliveriesMax: -1 }, 1_000_000)).toBe(false);
});
