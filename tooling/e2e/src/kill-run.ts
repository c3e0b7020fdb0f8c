import { setTimeout as delay } from 'node:timers/promises';
import { BrokerPair } from './broker-pair.ts';
import type { Verdict } from './ledger.ts';
import { startStorePlace, type StoreKind } from './store-place.ts';
import { TakeoverProbe, type TakeoverTime } from './takeover-probe.ts';
import { Workload } from './workload.ts';

export interface KillRunOptions {
  readonly killCount: number;
  /** @defaultValue 'file' */
  readonly storeKind?: StoreKind;
  /** Work between two kills, milliseconds; each time another share of it. @defaultValue 1500 */
  readonly workMs?: number;
  readonly onLine?: (line: string) => void;
}

export interface KillRunResult {
  readonly verdict: Verdict;
  readonly takeovers: readonly TakeoverTime[];
}

/** Kills the active broker of a pair again and again while clients work, and checks what became of their messages. */
export async function killRun(options: KillRunOptions): Promise<KillRunResult> {
  const { killCount, storeKind = 'file', workMs = 1500, onLine = () => undefined } = options;
  await using place = await startStorePlace(storeKind);
  await using pair = await BrokerPair.start({ store: place.uri });
  await using probe = await TakeoverProbe.start(pair.uri);
  await using workload = await Workload.start(pair.uri);
  const takeovers: TakeoverTime[] = [];
  for (let kill = 1; kill <= killCount; kill += 1) {
    // From a third of the time to all of it, so that kills do not fall into step with anything.
    await delay(workMs * (1 / 3 + ((kill * 7) % 10) / 15));
    const measured = probe.measure();
    await pair.killActive();
    const time = await measured;
    takeovers.push(time);
    onLine(
      `kill ${kill}: send after ${time.sendMs.toFixed(0)} ms, receive after ${time.receiveMs.toFixed(0)} ms`,
    );
    await pair.restartStandby();
  }
  const ledger = await workload.finish();
  await pair[Symbol.asyncDispose]();
  await place.verify();
  return { verdict: ledger.verdict(), takeovers };
}

/** The verdict in a few lines, with the first names of each kind of fault. */
export function describeVerdict(verdict: Verdict): string {
  const { sentCount, answeredCount, receivedCount, redeliveredCount } = verdict;
  const faults = (['lost', 'partial', 'duplicated', 'reordered'] as const).map((kind) => {
    const names = verdict[kind];
    return `${names.length} ${kind}${names.length > 0 ? ` (${names.slice(0, 5).join(', ')})` : ''}`;
  });
  return (
    `${sentCount} sent, ${answeredCount} answered, ${receivedCount} received, ` +
    `${redeliveredCount} of them again\n${faults.join(', ')}`
  );
}

export function isClean({ lost, partial, duplicated, reordered }: Verdict): boolean {
  return lost.length + partial.length + duplicated.length + reordered.length === 0;
}
