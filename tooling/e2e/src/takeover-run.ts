import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { BatonMq } from '@batonmq/services';
import { BODY_BYTES, drainBacklog, fillBacklog, firstOfBacklog } from './backlog.ts';
import { BrokerPair } from './broker-pair.ts';
import { JavaTakeoverProbe } from './java-takeover-probe.ts';
import { startStorePlace, type StoreKind, type StorePlace } from './store-place.ts';
import { TakeoverProbe, summary, type TakeoverTime } from './takeover-probe.ts';

export interface TakeoverRunOptions {
  readonly messageCount: number;
  /** For each client. */
  readonly killCount: number;
  /** @defaultValue 'file' */
  readonly storeKind?: StoreKind;
  /** Measure with the Java client too, after ours. @defaultValue false */
  readonly withJava?: boolean;
  /** Work between two kills, so that the standby has something to follow, milliseconds. @defaultValue 1000 */
  readonly workMs?: number;
  readonly onLine?: (line: string) => void;
}

export interface TakeoverRunResult {
  readonly takeovers: readonly TakeoverTime[];
  readonly javaTakeovers: readonly TakeoverTime[];
  /** From the start of the process to the first message at a client, milliseconds. */
  readonly restartMs: { readonly afterStop: number; readonly afterKill: number };
}

interface Probe extends AsyncDisposable {
  measure(): Promise<TakeoverTime>;
}

/**
 * A backlog on two brokers of one store: kills of the active one, restarts without a standby,
 * and its drain. Throws if a message is missing or out of order, or its room is not freed.
 */
export async function takeoverRun(options: TakeoverRunOptions): Promise<TakeoverRunResult> {
  const { messageCount, killCount, storeKind = 'file', withJava = false } = options;
  const { onLine = () => undefined } = options;
  await using place = await startStorePlace(storeKind);
  await using pair = await BrokerPair.start({ store: place.uri });
  const emptyBytes = await memoryOf(pair);
  const { seconds, perSecond } = await fillBacklog(pair.uri, messageCount);
  onLine(
    `${messageCount} messages of ${BODY_BYTES} bytes in ${seconds.toFixed(1)} s: ${perSecond}/s`,
  );
  onLine(describeMemory(emptyBytes, await memoryOf(pair), messageCount));

  const takeovers = await kills(place, pair, await TakeoverProbe.start(pair.uri), options);
  onLine(`takeover, our client: ${summary(takeovers)}`);
  let javaTakeovers: readonly TakeoverTime[] = [];
  if (withJava) {
    javaTakeovers = await kills(place, pair, await JavaTakeoverProbe.start(pair.uri), options);
    onLine(`takeover, Java client: ${summary(javaTakeovers)}`);
  }
  if (killCount > 0) onLine(describeMemory(emptyBytes, await memoryOf(pair), messageCount));

  await pair.standby.stop();
  const restartMs = {
    afterStop: await restart(pair, () => pair.active.stop()),
    afterKill: await restart(pair, () => pair.active.kill()),
  };
  onLine(
    `from the start to the first message: ${restartMs.afterStop.toFixed(0)} ms after a stop, ` +
      `${restartMs.afterKill.toFixed(0)} ms after kill -9`,
  );

  const drain = await drainBacklog(pair.uri, messageCount);
  onLine(`drained in ${drain.seconds.toFixed(1)} s: ${drain.perSecond}/s`);
  onLine(await place.freed());
  return { takeovers, javaTakeovers, restartMs };
}

async function kills(
  { isReadAlong }: StorePlace,
  pair: BrokerPair,
  probe: Probe,
  { killCount, workMs = 1000, onLine = () => undefined }: TakeoverRunOptions,
): Promise<readonly TakeoverTime[]> {
  await using watching = probe;
  const times: TakeoverTime[] = [];
  for (let kill = 1; kill <= killCount; kill += 1) {
    if (isReadAlong) await pair.standbyIsWarm();
    // From half of the time to all of it, so that kills do not fall into step with anything.
    await delay(workMs * (1 / 2 + ((kill * 7) % 10) / 20));
    const measured = watching.measure();
    await pair.killActive();
    const time = await measured;
    times.push(time);
    onLine(
      `kill ${kill}: send after ${time.sendMs.toFixed(0)} ms, receive after ${time.receiveMs.toFixed(0)} ms`,
    );
    await pair.restartStandby();
  }
  return times;
}

/** Ends the only broker and starts it anew; returns when a client that waits for it had its first message. */
async function restart(pair: BrokerPair, end: () => Promise<unknown>): Promise<number> {
  await end();
  // What is measured is the broker: by default a client would ask ever less often meanwhile.
  const first = firstOfBacklog(`${pair.uri}?maxReconnectDelay=10`);
  const startedAt = performance.now();
  await pair.restartActive();
  await first;
  return performance.now() - startedAt;
}

interface PairMemory {
  readonly active: number;
  readonly standby: number;
}

async function memoryOf({ active, standby }: BrokerPair): Promise<PairMemory> {
  return { active: await residentBytes(active), standby: await residentBytes(standby) };
}

/** Memory a process has now, as Linux counts it. */
async function residentBytes({ process: { pid } }: BatonMq): Promise<number> {
  const status = await readFile(`/proc/${pid ?? 0}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

function describeMemory(empty: PairMemory, full: PairMemory, messageCount: number): string {
  const perMessage = (full.standby - empty.standby) / messageCount;
  return (
    `memory: active ${megabytes(full.active)} (${megabytes(empty.active)} when empty), ` +
    `standby ${megabytes(full.standby)} (${megabytes(empty.standby)}): ${perMessage.toFixed(0)} bytes a message`
  );
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}
