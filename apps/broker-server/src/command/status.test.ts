import { expect, test } from 'vitest';
import type { ServerStatus } from '../status.ts';
import { formatStatus } from './status.ts';

const STATUS: ServerStatus = {
  name: 'a',
  id: 'id',
  role: 'active',
  epoch: 3,
  uptimeSeconds: 1,
  processId: 2,
  residentBytes: 2 ** 20,
  listening: [],
  store: { uri: 'memory:' },
  limits: [{ name: 'memoryLimitBytes', limit: 2 ** 28, used: 2 ** 26, percent: 25 }],
  destinations: [
    {
      destination: 'queue://A',
      ...{
        messageCount: 9,
        consumerCount: 0,
        inFlightCount: 0,
        unmatchedCount: 0,
        isPaused: false,
      },
      ...{ enqueuedCount: 9, dequeuedCount: 0, memoryBytes: 0, discardedCount: 0 },
      limits: [
        { name: 'destinationMemoryLimitBytes', limit: 2 ** 26, used: 0, percent: 0 },
        { name: 'maxMessages', limit: 10, used: 9, percent: 90 },
      ],
    },
  ],
};

test('the status shows how much of each limit is used, of the broker and of a destination', () => {
  const lines = formatStatus(STATUS).split('\n');
  expect(lines).toContain('  used       memoryLimitBytes 25 %');
  expect(lines).toContain('  queue://A  9 messages, 0 in flight, 0 consumers, maxMessages 90 %');
});
