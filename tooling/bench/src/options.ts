import { parseArgs } from 'node:util';
import { tmpdir } from 'node:os';
import { BROKER_NAMES, type BrokerName } from './brokers.ts';
import { GENERATOR_NAMES, type GeneratorName } from './generator.ts';
import { DEFAULT_WORKLOADS, workloadOf, type Workload } from './workloads.ts';

export interface BenchSettings {
  readonly workloads: readonly Workload[];
  /** The first is compared with each of the others. */
  readonly brokers: readonly BrokerName[];
  readonly generator: GeneratorName;
  readonly runs: number;
  /** Bytes of a body. */
  readonly size: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  /** Messages per run in place of `seconds`. */
  readonly count: number | undefined;
  /** Messages of W5. */
  readonly backlog: number;
  readonly heapMib: number;
  /** Where each run has a directory of its own, on the disk that is measured. */
  readonly directory: string;
  readonly baseline: string | undefined;
  readonly profileDirectory: string | undefined;
  readonly isRealtime: boolean;
}

export const USAGE = `pnpm bench -- [options]
  --workloads LIST  ${DEFAULT_WORKLOADS}; also W5, W2-N, W3-N
  --brokers LIST    of ${BROKER_NAMES.join(', ')}; the first is compared with the others (batonmq,activemq)
  --generator NAME  ${GENERATOR_NAMES.join(' or ')} (java)
  --runs N          of each workload with each broker, taking turns (3)
  --seconds N       of sending, measured (5)
  --warm-up N       seconds of sending before that (3)
  --count N         messages per run, in place of --seconds
  --size BYTES      of a body (1024)
  --backlog N       messages of W5 (1000000)
  --heap MIB        largest heap of a Java broker (1024)
  --directory DIR   for the stores: it decides which disk is measured (${tmpdir()})
  --baseline DIR    another checkout of BatonMQ, built, for the broker "baseline"
  --profile DIR     write a CPU profile of each BatonMQ broker
  --realtime        run brokers and generators with chrt -r 5; needs root`;

/** @throws Error that names every problem. */
export function parseOptions(args: readonly string[]): BenchSettings {
  const { values } = parseArgs({
    // Package managers differ in whether they pass the "--" on.
    args: args.filter((arg) => arg !== '--'),
    options: {
      workloads: { type: 'string', default: DEFAULT_WORKLOADS },
      brokers: { type: 'string', default: 'batonmq,activemq' },
      generator: { type: 'string', default: 'java' },
      runs: { type: 'string', default: '3' },
      seconds: { type: 'string', default: '5' },
      'warm-up': { type: 'string', default: '3' },
      count: { type: 'string' },
      size: { type: 'string', default: '1024' },
      backlog: { type: 'string', default: '1000000' },
      heap: { type: 'string', default: '1024' },
      directory: { type: 'string', default: tmpdir() },
      baseline: { type: 'string' },
      profile: { type: 'string' },
      realtime: { type: 'boolean', default: false },
    },
  });
  const problems: string[] = [];
  const read = <T>(read: () => T): T | undefined => {
    try {
      return read();
    } catch (error) {
      problems.push(error instanceof Error ? error.message : String(error));
      return undefined;
    }
  };
  const number = (name: keyof typeof values, min: number, max: number): number =>
    read(() => numberOf(name, String(values[name]), min, max)) ?? min;
  const settings: BenchSettings = {
    workloads: values.workloads.split(',').flatMap((id) => read(() => workloadOf(id)) ?? []),
    brokers: values.brokers
      .split(',')
      .flatMap((name) => read(() => oneOf(BROKER_NAMES, name)) ?? []),
    generator: read(() => oneOf(GENERATOR_NAMES, values.generator)) ?? 'java',
    runs: number('runs', 1, 100),
    seconds: number('seconds', 1, 600),
    warmUpSeconds: number('warm-up', 0, 600),
    count: values.count === undefined ? undefined : number('count', 1, 100_000_000),
    size: number('size', 8, 64 * 1024 * 1024),
    backlog: number('backlog', 1, 100_000_000),
    heapMib: number('heap', 64, 1024 * 1024),
    directory: values.directory,
    baseline: values.baseline,
    profileDirectory: values.profile,
    isRealtime: values.realtime,
  };
  if (problems.length > 0) throw new Error(`${problems.join('\n')}\n\n${USAGE}`);
  return settings;
}

function numberOf(name: string, text: string, min: number, max: number): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= min && number <= max) return number;
  throw new Error(`--${name} must be a whole number from ${min} to ${max}, not ${text}`);
}

function oneOf<const T extends string>(names: readonly T[], name: string): T {
  const found = names.find((each) => each === name);
  if (found === undefined) throw new Error(`There is no ${name}, only ${names.join(', ')}`);
  return found;
}
