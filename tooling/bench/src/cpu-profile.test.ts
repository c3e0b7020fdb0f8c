import { expect, test } from 'vitest';
import { topSelfTimes, type CpuProfile } from './cpu-profile.ts';

test('functions are ranked by their own share of the busy time', () => {
  const profile: CpuProfile = {
    nodes: [
      node(1, '(idle)'),
      node(2, 'encode', 'file:///x/openwire/dist/encoder.js', 6),
      node(3, 'writev'),
    ],
    samples: [1, 2, 3, 2, 1],
    // The time of the first sample begins with the second delta.
    timeDeltas: [50, 1000, 300, 100, 600],
  };
  expect(topSelfTimes(profile, 5)).toEqual([
    { name: 'encode openwire/dist/encoder.js:7', share: 0.9 },
    { name: 'writev', share: 0.1 },
  ]);
});

function node(
  id: number,
  functionName: string,
  url = '',
  lineNumber = -1,
): CpuProfile['nodes'][number] {
  return { id, callFrame: { functionName, url, lineNumber } };
}
