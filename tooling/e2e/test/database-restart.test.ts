import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { BrokerPair } from '../src/broker-pair.ts';
import { describeVerdict } from '../src/kill-run.ts';
import { startDatabasePlace } from '../src/store-place.ts';
import { TakeoverProbe, summary, type TakeoverTime } from '../src/takeover-probe.ts';
import { Workload } from '../src/workload.ts';

/** Longer than any restart takes, so that there is no reason for another broker to take over. */
const LEASE_MS = 30_000;
/** Work between two restarts, milliseconds: they are not to find idle brokers. */
const WORK_MS = 700;

test.each(['postgres', 'mariadb'] as const)(
  'clients see a pause while their database is stopped, killed and started: no error, no loss, the same broker (%s)',
  async (kind) => {
    await using place = await startDatabasePlace(kind);
    await using pair = await BrokerPair.start({
      store: `${place.uri}?leaseDurationMs=${LEASE_MS}`,
    });
    await using probe = await TakeoverProbe.start(pair.uri);
    await using workload = await Workload.start(pair.uri);
    const pauses: TakeoverTime[] = [];
    for (const end of ['stop', 'kill', 'kill'] as const) {
      await delay(WORK_MS);
      await place.server[end]();
      const measured = probe.measure({ isSameBroker: true });
      await place.server.start();
      pauses.push(await measured);
    }
    const ledger = await workload.finish();
    expect([pair.active.role, pair.standby.role]).toEqual(['active', 'standby']);
    await pair[Symbol.asyncDispose]();
    await place.verify();
    const verdict = ledger.verdict();
    console.log(`${kind}: ${describeVerdict(verdict)}\npause: ${summary(pauses)}`);
    const { lost, partial, duplicated, reordered, redeliveredCount } = verdict;
    expect({ lost, partial, duplicated, reordered, redeliveredCount }).toEqual({
      lost: [],
      partial: [],
      duplicated: [],
      reordered: [],
      redeliveredCount: 0,
    });
  },
  180_000,
);
