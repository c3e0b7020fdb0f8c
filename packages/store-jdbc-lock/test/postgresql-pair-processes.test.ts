import { startPostgresPair, temporaryDirectory } from '@batonmq/services';
import { expect, test } from 'vitest';
import { nextActive, saidBy, StoreProcesses } from './fixtures/store-processes.ts';

/** Whoever lost its connection leaves the lock to a holder that did for a quarter of it. */
const LEASE = { leaseDurationMs: 8_000, keepAliveIntervalMs: 200, pollIntervalMs: 100 };

// Both servers are made anew for each: a promoted standby has nobody to follow it.
for (const whoElseDies of ['nobody', 'the holder'] as const) {
  test(
    `nothing answered is missing after the primary is killed under load and its standby promoted; ${whoElseDies} dies with it`,
    { timeout: 120_000 },
    async () => {
      await using directory = await temporaryDirectory();
      await using pair = await startPostgresPair({ directory: directory.path });
      const database = pair.uri.replace(/\?.*$/, '');
      await using processes = await StoreProcesses.on({ database, ...LEASE });
      const [first, second] = await processes.startPair();
      await first.seenAcks(200);
      const killedAt = Date.now();
      await pair.primary.kill();
      if (whoElseDies === 'the holder') await first.kill();
      const down = first.events.length;
      await pair.promote();
      const promotedAt = Date.now();
      // The lease goes with the tables, so the one that has it keeps it.
      const next = whoElseDies === 'nobody' ? first : await nextActive([second, 0]);
      const { at } = await next.seen('acked', next === first ? down : 0);
      console.log(
        `PostgreSQL primary and standby: the standby writes after ${promotedAt - killedAt} ms, the first append ${at - promotedAt} ms after that`,
      );
      await next.seenAcks(200);
      if (next === first) {
        expect(saidBy(first, down)).toEqual(new Set(['acked', 'consumed']));
        expect(saidBy(second)).toEqual(new Set(['waiting']));
      }
      await processes.expectNothingLost();
    },
  );
}
