import { expect, test } from 'vitest';
import { describeVerdict, killRun } from '../src/kill-run.ts';
import { STORE_KINDS } from '../src/store-place.ts';
import { summary } from '../src/takeover-probe.ts';

test.each(STORE_KINDS)(
  'nothing answered is lost, torn, doubled or reordered when active brokers are killed (%s)',
  async (storeKind) => {
    const { verdict, takeovers } = await killRun({ killCount: 4, storeKind });
    console.log(`${describeVerdict(verdict)}\ntakeover: ${summary(takeovers)}`);
    const { lost, partial, duplicated, reordered } = verdict;
    expect({ lost, partial, duplicated, reordered }).toEqual({
      lost: [],
      partial: [],
      duplicated: [],
      reordered: [],
    });
    expect(takeovers).toHaveLength(4);
  },
  180_000,
);
