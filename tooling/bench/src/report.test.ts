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

test('what a database used is shown where there is one, and so is the target for databases', () => {
  const records: RunRecord[] = [
    record('batonmq-postgresql', { rate: 10_000, brokerCpuMicros: 20, databaseCpuMicros: 50 }),
    record('batonmq', { rate: 30_000, brokerCpuMicros: 10 }),
  ];
  const brokers = ['batonmq-postgresql', 'batonmq'] as const;
  const rows = summaryTable([workloadOf('W2-1000')], brokers, records)
    .split('\n')
    .slice(2);
  expect(rows).toEqual([
    '| W2-1000 | messages/s | 10,000 | 30,000 | 0.33 x | ≥ 5 x |',
    '| W2-1000 | broker CPU µs/message | 20 | 10 | 0.5 x |  |',
    '| W2-1000 | database CPU µs/message | 50 |  |  |  |',
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
