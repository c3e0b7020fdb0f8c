import { expect, test } from 'vitest';
import { describeVerdict } from '../src/kill-run.ts';
import { pauseRun } from '../src/pause-run.ts';

test('an active broker that was frozen and wakes up adds, takes and answers nothing', async () => {
  const verdict = await pauseRun(2);
  console.log(describeVerdict(verdict));
  const { lost, partial, duplicated, reordered } = verdict;
  expect({ lost, partial, duplicated, reordered }).toEqual({
    lost: [],
    partial: [],
    duplicated: [],
    reordered: [],
  });
}, 120_000);
