import { setTimeout as delay } from 'node:timers/promises';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { chmod, mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { startPostgres, type DatabaseServer } from '@batonmq/services';
import {
  startBroker,
  usesDatabase,
  type BrokerName,
  type BrokerSetup,
  type RunningBroker,
} from './brokers.ts';
import { topSelfTimes, type CpuProfile, type SelfTime } from './cpu-profile.ts';
import { protocolOf, startGenerator } from './generator.ts';
import type { LoadResult, LoadShape } from './load-shape.ts';
import type { BenchSettings } from './options.ts';
import { residentBytesOf, usageOf, type Usage } from './process-usage.ts';
import type { Measurements, Workload } from './workloads.ts';

const MIB = 1024 * 1024;

/** So long a generator may need beyond the time it sends: to start, to warm up, to receive the rest. */
const SLACK_MS = 180_000;

/** No broker that is measured is so slow. */
const RATE_MIN = 500;

/** After this long an idle broker has settled. */
const SETTLE_MS = 1000;

const PROFILE_ROWS = 25;

/** What a run found out; the table shows `measurements`, the rest is for who doubts them. */
export interface RunResult {
  readonly measurements: Measurements;
  readonly details: Readonly<Record<string, unknown>>;
  readonly profile?: Profile;
}

/** Where a broker's main thread spent its time, from its start to its end. */
export interface Profile {
  readonly path: string;
  readonly top: readonly SelfTime[];
}

/** One workload against one fresh broker on an empty directory. */
export async function runWorkload(
  workload: Workload,
  broker: BrokerName,
  settings: BenchSettings,
): Promise<RunResult> {
  const directory = await mkdtemp(join(settings.directory, 'batonmq-bench-'));
  const remove = (): void => {
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  };
  // A broker that is interrupted leaves gigabytes.
  process.once('exit', remove);
  try {
    const { heapMib, baseline } = settings;
    const profilePath = profilePathOf(workload, broker, settings);
    const protocol = protocolOf(settings.generator);
    await using database = usesDatabase(broker) ? await startDatabase(directory) : undefined;
    const setup = {
      ...{ name: broker, protocol, directory, database },
      ...{ heapMib, baseline, profilePath },
    };
    const result = await RUN[workload.kind](workload, setup, settings);
    if (profilePath === undefined || !existsSync(profilePath)) return result;
    const profile = JSON.parse(readFileSync(profilePath, 'utf8')) as CpuProfile;
    return { ...result, profile: { path: profilePath, top: topSelfTimes(profile, PROFILE_ROWS) } };
  } finally {
    process.off('exit', remove);
    remove();
  }
}

async function startDatabase(directory: string): Promise<DatabaseServer> {
  // It does not run as root, and its own directory is below this one.
  await chmod(directory, 0o711);
  return startPostgres({ directory: join(directory, 'postgresql') });
}

const RUN = { load: runLoad, backlog: runBacklog, idle: runIdle };

function profilePathOf(
  workload: Workload,
  broker: BrokerName,
  { profileDirectory }: BenchSettings,
): string | undefined {
  if (profileDirectory === undefined) return undefined;
  return join(profileDirectory, `${workload.id}-${broker}-${Date.now()}.cpuprofile`);
}

async function runLoad(
  workload: Workload,
  setup: BrokerSetup,
  settings: BenchSettings,
): Promise<RunResult> {
  await using broker = await startBroker(setup);
  const { seconds, warmUpSeconds, count } = settings;
  const shape = {
    ...workload.shape,
    seconds,
    warmUpSeconds,
    ...(count === undefined ? {} : { count }),
  };
  const { result, usage } = await load(broker, shape, setup, settings);
  const residentMib = residentBytesOf(broker.pid) / MIB;
  // A profile is written at an orderly end only.
  if (setup.profilePath !== undefined) await broker.stop();
  return {
    measurements: {
      rate: messagesOf(result) / result.seconds,
      ...cpuOf(usage, messagesOf(result)),
      residentMib,
      ...latenciesOf(result),
    },
    details: {
      ...detailsOf(result, usage),
      receiptMs: result.receiptMs,
      deliveryMs: result.deliveryMs,
    },
  };
}

/** A backlog that nobody takes, a power cut on top of it, and then a consumer. */
async function runBacklog(
  workload: Workload,
  setup: BrokerSetup,
  settings: BenchSettings,
): Promise<RunResult> {
  const count = settings.backlog;
  await using broker = await startBroker(setup);
  const { result, usage } = await load(broker, { ...workload.shape, count }, setup, settings);
  await delay(SETTLE_MS);
  const residentMib = residentBytesOf(broker.pid) / MIB;

  // Connected, warmed up and waiting, so that only the broker's time is measured.
  await using consumer = await startGenerator(settings.generator, {
    mode: 'drain',
    uri: broker.uri,
    size: settings.size,
    count,
  });
  await consumer.reached('ready');
  await broker.kill();
  const restartedWallMs = Date.now();
  consumer.go();
  await using restarted = await startBroker({ ...setup, port: broker.port });
  const drained = await consumer.result(deadlineMs(count));
  if (drained.received !== count) {
    throw new Error(`${drained.received} of ${count} answered messages came back after kill -9`);
  }
  const residentAfterMib = residentBytesOf(restarted.pid) / MIB;
  if (setup.profilePath !== undefined) await restarted.stop();
  return {
    measurements: {
      enqueueRate: result.sent / result.seconds,
      ...cpuOf(usage, result.sent),
      residentMib,
      restartMs: (drained.firstWallMs ?? NaN) - restartedWallMs,
      drainRate: drained.received / drained.seconds,
    },
    details: { ...detailsOf(result, usage), residentAfterMib, drainSeconds: drained.seconds },
  };
}

async function runIdle(
  workload: Workload,
  setup: BrokerSetup,
  settings: BenchSettings,
): Promise<RunResult> {
  await using broker = await startBroker(setup);
  const { connections = 0 } = workload.shape;
  await delay(SETTLE_MS);
  const before = residentBytesOf(broker.pid);
  await using generator = await startGenerator(settings.generator, {
    mode: 'idle',
    uri: broker.uri,
    size: settings.size,
    connections,
  });
  await generator.reached('ready');
  await delay(SETTLE_MS);
  const after = residentBytesOf(broker.pid);
  generator.go();
  await generator.result(SLACK_MS);
  return {
    measurements: { connectionKib: (after - before) / 1024 / connections },
    details: { connections, emptyMib: before / MIB },
  };
}

async function load(
  broker: RunningBroker,
  shape: Omit<LoadShape, 'mode' | 'uri' | 'size'>,
  setup: BrokerSetup,
  settings: BenchSettings,
): Promise<{ result: LoadResult; usage: Usage }> {
  await using generator = await startGenerator(settings.generator, {
    ...shape,
    mode: 'load',
    uri: broker.uri,
    size: settings.size,
  });
  const usage = (): Usage =>
    usageOf({
      ...{ broker: broker.pid, generator: generator.pid, database: setup.database?.pid },
      directory: setup.directory,
    });
  await generator.reached('measuring');
  const before = usage();
  const result = await generator.result(deadlineMs(shape.count) + (shape.seconds ?? 0) * 1000);
  const after = usage();
  const expected = result.sent * copiesOf(shape);
  if (result.received !== expected) {
    throw new Error(
      `${result.sent} messages were sent and ${result.received} of ${expected} received`,
    );
  }
  return { result, usage: differenceOf(after, before) };
}

/** How often each message is received. */
function copiesOf(shape: Partial<LoadShape>): number {
  const { consumers = 0, topic = false } = shape;
  return topic ? consumers : Math.min(1, consumers);
}

function deadlineMs(count = 0): number {
  return SLACK_MS + (count / RATE_MIN) * 1000;
}

/** Deliveries if anybody receives: that is the end of the way. */
function messagesOf(result: LoadResult): number {
  return Math.max(result.sent, result.received);
}

function differenceOf(after: Usage, before: Usage): Usage {
  return {
    brokerCpuSeconds: after.brokerCpuSeconds - before.brokerCpuSeconds,
    databaseCpuSeconds: after.databaseCpuSeconds - before.databaseCpuSeconds,
    generatorCpuSeconds: after.generatorCpuSeconds - before.generatorCpuSeconds,
    machineCpuSeconds: after.machineCpuSeconds - before.machineCpuSeconds,
    machineSeconds: after.machineSeconds - before.machineSeconds,
    diskFlushes: after.diskFlushes - before.diskFlushes,
  };
}

function cpuOf(usage: Usage, messages: number): Measurements {
  const micros = (seconds: number): number => (seconds * 1e6) / messages;
  return {
    brokerCpuMicros: micros(usage.brokerCpuSeconds),
    ...(usage.databaseCpuSeconds > 0
      ? { databaseCpuMicros: micros(usage.databaseCpuSeconds) }
      : {}),
  };
}

function latenciesOf({ receiptMs, deliveryMs }: LoadResult): Measurements {
  return {
    ...(receiptMs ? { receiptP50Ms: receiptMs.p50, receiptP99Ms: receiptMs.p99 } : {}),
    ...(deliveryMs ? { deliveryP50Ms: deliveryMs.p50, deliveryP99Ms: deliveryMs.p99 } : {}),
  };
}

function detailsOf(result: LoadResult, usage: Usage): Record<string, unknown> {
  const own = usage.brokerCpuSeconds + usage.databaseCpuSeconds + usage.generatorCpuSeconds;
  return {
    sent: result.sent,
    received: result.received,
    seconds: result.seconds,
    generatorCpuMicros: (usage.generatorCpuSeconds * 1e6) / messagesOf(result),
    // Of one processor; the generator's near the number of its threads says that it was the limit.
    brokerCpuShare: usage.brokerCpuSeconds / result.seconds,
    databaseCpuShare: usage.databaseCpuSeconds / result.seconds,
    generatorCpuShare: usage.generatorCpuSeconds / result.seconds,
    // Of the machine; what others used, the brokers could not.
    othersCpuShare: Math.max(0, usage.machineCpuSeconds - own) / usage.machineSeconds,
    // A broker that answers one producer at a time and flushes less than once per message does not sync.
    diskFlushesPerMessage: usage.diskFlushes / result.sent,
  };
}
