/**
 * Question: how does BatonMQ compare with another broker, or with itself of another commit?
 * Workload: one of `workloads.ts` at a time, each run against a fresh broker, brokers taking turns.
 * Leaves out: networks and more than one machine; the generator shares the processors.
 */
import { execFileSync } from 'node:child_process';
import { cpus, loadavg, release } from 'node:os';
import { settingsOf } from './brokers.ts';
import { parseOptions, USAGE, type BenchSettings } from './options.ts';
import { median, profileTable, summaryTable, type RunRecord } from './report.ts';
import { runWorkload, type Profile } from './run.ts';

async function main(args: readonly string[]): Promise<void> {
  if (args.includes('--help')) {
    console.log(USAGE);
    return;
  }
  const settings = parseOptions(args);
  if (settings.isRealtime) becomeRealtime();
  // An exit, unlike a signal, ends the brokers and removes their directories.
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => process.exit(130));
  console.log(JSON.stringify(environmentOf(settings)));
  const records: RunRecord[] = [];
  const othersCpuShares: number[] = [];
  const profiles: Profile[] = [];
  for (let run = 1; run <= settings.runs; run++) {
    for (const workload of settings.workloads) {
      for (const broker of settings.brokers) {
        const about = { event: 'run', workload: workload.id, broker, run };
        try {
          const { measurements, details, profile } = await runWorkload(workload, broker, settings);
          console.log(JSON.stringify({ ...about, measurements, ...details }, rounded));
          records.push({ workload: workload.id, broker, run, measurements });
          if (profile !== undefined) profiles.push(profile);
          if (typeof details['othersCpuShare'] === 'number') {
            othersCpuShares.push(details['othersCpuShare']);
          }
        } catch (error) {
          // The other runs are still worth having.
          const message = error instanceof Error ? error.message : String(error);
          console.log(JSON.stringify({ ...about, error: message }));
          process.exitCode = 1;
        }
      }
    }
  }
  console.log(`\n${summaryTable(settings.workloads, settings.brokers, records)}`);
  for (const profile of profiles) console.log(`\n${profileTable(profile)}`);
  const share = Math.round((median(othersCpuShares) ?? 0) * 100);
  console.log(
    `\nMedian of runs: ${settings.runs}; generator: ${settings.generator}; ` +
      `processor time not of the broker, its database or the generator: ${share} % of the machine.`,
  );
}

/** This process is scheduled before all others, and what it starts inherits that. */
function becomeRealtime(): void {
  execFileSync('chrt', ['-a', '-r', '-p', '5', String(process.pid)]);
}

function environmentOf(settings: BenchSettings): Record<string, unknown> {
  const { workloads, brokers, heapMib, ...rest } = settings;
  return {
    event: 'environment',
    commit: commit(),
    processors: `${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}`,
    kernel: release(),
    node: process.version,
    load: loadavg()[0],
    ...rest,
    workloads: workloads.map((workload) => workload.id),
    brokers: Object.fromEntries(brokers.map((name) => [name, settingsOf(name, heapMib)])),
  };
}

function commit(): string {
  return execFileSync('git', ['describe', '--always', '--dirty'], { encoding: 'utf8' }).trim();
}

function rounded(_key: string, value: unknown): unknown {
  return typeof value === 'number' ? Number(value.toPrecision(5)) : value;
}

await main(process.argv.slice(2));
