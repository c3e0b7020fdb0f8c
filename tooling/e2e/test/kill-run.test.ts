import { expect, test } from 'vitest';
import { describeVerdict, killRun } from '../src/kill-run.ts';
import { summary } from '../src/takeover-probe.ts';

test('nothing answered is lost, torn, doubled or reordered when active brokers are killed', async () => {
  const { verdict, takeovers } = await killRun({ killCount: 4 });
  console.log(`${describeVerdict(verdict)}\ntakeover: ${summary(takeovers)}`);
  const { lost, partial, duplicated, reordered } = verdict;
  expect({ lost, partial, duplicated, reordered }).toEqual({
    lost: [],
    partial: [],
    duplicated: [],
    reordered: [],
  });
  expect(takeovers).toHaveLength(4);
}, 180_000);
