import { expect, test } from 'vitest';
import type { RedeliveryPolicy } from './destination-policy.ts';
import { REDELIVERY_DEFAULTS } from './policy-defaults.ts';
import { redeliveryDelay } from './redelivery-delay.ts';

function delays(policy: RedeliveryPolicy, float = 0.75): number[] {
  const complete = { ...REDELIVERY_DEFAULTS, ...policy };
  return [1, 2, 3, 4].map((count) => redeliveryDelay(complete, count, () => float));
}

test.each<[RedeliveryPolicy, number[]]>([
  [{}, [1000, 1000, 1000, 1000]],
  [{ initialRedeliveryDelay: 0, redeliveryDelay: 5 }, [0, 5, 5, 5]],
  [{ useExponentialBackOff: true, backOffMultiplier: 2 }, [1000, 2000, 4000, 8000]],
  [
    { useExponentialBackOff: true, backOffMultiplier: 2, initialRedeliveryDelay: 0 },
    [0, 1000, 2000, 4000],
  ],
  [
    { useExponentialBackOff: true, backOffMultiplier: 2, maximumRedeliveryDelay: 3000 },
    [1000, 2000, 3000, 3000],
  ],
])('delays grow as an ActiveMQ client would wait: %j', (policy, expected) => {
  expect(delays(policy)).toEqual(expected);
});

test('collision avoidance varies all delays but the first, by its factor at most', () => {
  const policy = { useCollisionAvoidance: true, collisionAvoidanceFactor: 0.2 };
  expect(delays(policy, 0.75)).toEqual([1000, 1150, 1150, 1150]);
  expect(delays(policy, 0.25)).toEqual([1000, 950, 950, 950]);
});

test('a delay stays a time, however often it was multiplied', () => {
  const policy = { ...REDELIVERY_DEFAULTS, useExponentialBackOff: true, backOffMultiplier: 1000 };
  expect(redeliveryDelay(policy, 1_000_000, () => 0)).toBe(2 ** 50);
});
