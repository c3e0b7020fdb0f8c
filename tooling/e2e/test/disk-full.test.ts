import { expect, test } from 'vitest';
import { diskFullRun } from '../src/disk-full-run.ts';

test('a full disk refuses sends by name, loses nothing, and works again when there is room', async () => {
  const result = await diskFullRun();
  console.log(result);
  expect(result.storedCount).toBeGreaterThan(500);
  expect(['BATON_STORE_FULL', 'BATON_LIMIT', 'BATON_TIMEOUT']).toContain(result.refusal);
  expect(result.receivedCount).toBeGreaterThanOrEqual(result.storedCount);
  expect(result.receivedCount).toBeLessThanOrEqual(result.storedCount + 1);
  expect(result.isUsableAgain).toBe(true);
}, 120_000);
