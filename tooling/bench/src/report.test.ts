import { expect, test } from 'vitest';
import { median, summaryTable, type RunRecord } from './report.ts';
import { workloadOf } from './workloads.ts';

test('the median is the middle, or the mean of the two in the middle', () => {
  expect(median([9, 1, 5])).toBe(5);
  expect(median([4, 1, 2, 100])).toBe(3);
  expect(median([])).toBeUndefined();
});

test('a factor above 1 means that the first broker is better, whether more or less is', () => {
  const records: RunRecord[] = [
    record('batonmq', { rate: 30_000, brokerCpuMicros: 10 }),
    record('activemq', { rate: 3000, brokerCpuMicros: 250 }),
  ];
  const table = summaryTable([workloadOf('W2-1000')], ['batonmq', 'activemq'], records);
  expect(table.split('\n')).toEqual([
    '| workload | what | batonmq | activemq | batonmq better than activemq by | target |',
    '| --- | --- | ---: | ---: | ---: | ---: |',
    '| W2-1000 | messages/s | 30,000 | 3,000 | 10 x | ≥ 10 x |',
    '| W2-1000 | broker CPU µs/message | 10 | 250 | 25 x |  |',
  ]);
});

test('a broker whose runs all failed is not compared', () => {
  const records = [record('activemq', { rate: 3000, brokerCpuMicros: 250 })];
  const table = summaryTable([workloadOf('W2-1000')], ['batonmq', 'activemq'], records);
  expect(table).toContain('| W2-1000 | messages/s | failed | 3,000 |  | ≥ 10 x |');
});

function record(broker: RunRecord['broker'], measurements: RunRecord['measurements']): RunRecord {
  return { workload: 'W2-1000', broker, run: 1, measurements };
}
