import { expect, test } from 'vitest';
import { parseCpuTicks, parseDiskFlushes, parseMachineTicks } from './process-usage.ts';

// The samples follow proc(5) and the kernel's Documentation/admin-guide/iostats.rst.

test('processor time is user and system time, whatever the process is called', () => {
  const before = '42 (a) b (c d) S 1 42 42 0 -1 4194304 100 0 0 0';
  expect(parseCpuTicks(`${before} 70 30 5 6 20 0 1 0 123 0`)).toEqual({ own: 100, children: 11 });
});

test('waiting for the disk is not use of the machine', () => {
  const stat = 'cpu  100 5 50 800 30 1 2 12 0 0\ncpu0 50 2 25 400 15 0 1 6 0 0\n';
  expect(parseMachineTicks(stat)).toEqual({ busy: 170, total: 1000 });
});

test('flushes are counted of the disk that was asked for', () => {
  const diskstats = [
    ' 254       1 vda1 9 9 9 9 9 9 9 9 0 9 9 9 9 9 9 7 9',
    ' 254       0 vda 133 55 662 60 59 67 313 11 0 10 73 8 7 84 75 191 97',
  ].join('\n');
  expect(parseDiskFlushes(diskstats, '254:0')).toBe(191);
  expect(parseDiskFlushes(diskstats, '8:0')).toBe(0);
});
