import { expect, test } from 'vitest';
import { STORE_KINDS } from '../src/store-place.ts';
import { takeoverRun } from '../src/takeover-run.ts';

/** Far from both: some 0.2 seconds of a takeover as it should be, and the 10 of a lease that has to run out. */
const TAKEOVER_MS_MAX = 5_000;

test.each(STORE_KINDS)(
  'a backlog outlives kills and restarts, is served in order, and frees its room (%s)',
  async (storeKind) => {
    const withJava = storeKind === 'file';
    const result = await takeoverRun({
      messageCount: 20_000,
      killCount: 2,
      storeKind,
      withJava,
      onLine: console.log,
    });
    const times = [...result.takeovers, ...result.javaTakeovers];
    expect(times).toHaveLength(withJava ? 4 : 2);
    for (const { sendMs, receiveMs } of times) {
      expect(Math.max(sendMs, receiveMs)).toBeLessThan(TAKEOVER_MS_MAX);
    }
  },
  180_000,
);
