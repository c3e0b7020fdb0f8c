import { nodeRuntime } from '@batonmq/runtime/node';
import { memoryStore } from '@batonmq/store-memory';
import { storeBenchmark } from '@batonmq/store-testkit';
import { expect, test } from 'vitest';

test('the benchmark reads back what it appended and orders its latencies', async () => {
  const result = await storeBenchmark({
    plugin: memoryStore(),
    components: nodeRuntime(),
    messageCount: 500,
    messageBytes: 10,
    inFlightCount: 8,
  });
  const { p50, p99, max } = result.appendLatencyMs;
  expect(p50).toBeLessThanOrEqual(p99);
  expect(p99).toBeLessThanOrEqual(max);
  expect(result.appendsPerSecond).toBeGreaterThan(0);
  expect(result.pageInPerSecond).toBeGreaterThan(0);
});
