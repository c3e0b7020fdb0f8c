import { setTimeout as delay } from 'node:timers/promises';
import { runBatonMq, temporaryDirectory } from '@batonmq/services';
import { BrokerPair } from './broker-pair.ts';
import type { Verdict } from './ledger.ts';
import { Workload } from './workload.ts';

/** A short lease, so that a frozen broker is deposed soon. */
const STORE_QUERY = 'leaseDurationMs=900&keepAliveIntervalMs=100&pollIntervalMs=50';

/**
 * Freezes the active broker as a stalled virtual machine would be, until the other one has taken over, and
 * lets it go on: it finds itself deposed, serves nobody, and goes to the end of the line.
 */
export async function pauseRun(pauseCount: number): Promise<Verdict> {
  await using directory = await temporaryDirectory();
  await using pair = await BrokerPair.start({ directory: directory.path, storeQuery: STORE_QUERY });
  await using workload = await Workload.start(pair.uri);
  for (let pause = 1; pause <= pauseCount; pause += 1) {
    await delay(700);
    const frozen = pair.active;
    frozen.process.signal('SIGSTOP');
    await pair.standby.becomes('active');
    pair.swap();
    // The new one has answered clients by the time the old one wakes up.
    await delay(300);
    frozen.process.signal('SIGCONT');
    await frozen.becomes('standby');
  }
  const ledger = await workload.finish();
  await runBatonMq(['store', 'verify', directory.path]).succeeded();
  return ledger.verdict();
}
