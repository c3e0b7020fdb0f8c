import { usesDatabase, type BrokerName } from './brokers.ts';
import type { Profile } from './run.ts';
import { METRICS, type Measurements, type Metric, type Workload } from './workloads.ts';

/** A run as its line in the output has it. */
export interface RunRecord {
  readonly workload: string;
  readonly broker: BrokerName;
  readonly run: number;
  readonly measurements: Measurements;
}

/**
 * A Markdown table of the medians. The first broker is compared with each other one: a factor above
 * 1 says by how many times it is better, whether that means more or less.
 */
export function summaryTable(
  workloads: readonly Workload[],
  brokers: readonly BrokerName[],
  records: readonly RunRecord[],
): string {
  const [first, ...others] = brokers;
  const factors = others.map((other) => `${first ?? ''} better than ${other} by`);
  const header = ['workload', 'what', ...brokers, ...factors, 'target'];
  const isOnDatabase = first !== undefined && usesDatabase(first);
  const rowOf = (workload: Workload, metric: Metric): string[] => {
    const medians = brokers.map((broker) => medianOf(workload, broker, metric, records));
    const cells = brokers.map((broker, index) =>
      isMeasured(metric, [broker]) ? formatted(medians[index]) : '',
    );
    const target = metric === 'rate' && workload.target?.[isOnDatabase ? 'database' : 'files'];
    return [
      ...[workload.id, METRICS[metric].title, ...cells],
      ...medians.slice(1).map((other) => formattedFactor(factorOf(metric, medians[0], other))),
      target ? `≥ ${target} x` : '',
    ];
  };
  const rows = workloads.flatMap((workload) =>
    workload.shown
      .filter((metric) => isMeasured(metric, brokers))
      .map((metric) => rowOf(workload, metric)),
  );
  const aligned = header.map((_, column) => (column < 2 ? '---' : '---:'));
  return [header, aligned, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** Of any of them; what a database uses, only where there is one. */
function isMeasured(metric: Metric, brokers: readonly BrokerName[]): boolean {
  return metric !== 'databaseCpuMicros' || brokers.some(usesDatabase);
}

/** The functions that a broker's main thread was busy in, the most first. */
export function profileTable({ path, top }: Profile): string {
  const rows = top.map(({ name, share }) => `| ${(share * 100).toFixed(1)} % | \`${name}\` |`);
  return [`Self time in ${path}:\n`, '| share | function |', '| ---: | --- |', ...rows].join('\n');
}

function medianOf(
  workload: Workload,
  broker: BrokerName,
  metric: Metric,
  records: readonly RunRecord[],
): number | undefined {
  const values = records
    .filter((record) => record.workload === workload.id && record.broker === broker)
    .flatMap((record) => record.measurements[metric] ?? []);
  return median(values);
}

/** The middle value; of an even number, the mean of the two in the middle. */
export function median(values: readonly number[]): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.ceil(sorted.length / 2) - 1];
  return upper === undefined || lower === undefined ? undefined : (lower + upper) / 2;
}

function factorOf(metric: Metric, first?: number, other?: number): number | undefined {
  if (first === undefined || other === undefined) return undefined;
  return METRICS[metric].better === 'more' ? first / other : other / first;
}

/** Three digits are more than a run on a shared machine is good for. */
function formatted(value: number | undefined): string {
  if (value === undefined) return 'failed';
  if (value >= 1000) return Number(value.toPrecision(3)).toLocaleString('en');
  return String(Number(value.toPrecision(3)));
}

function formattedFactor(factor: number | undefined): string {
  return factor === undefined ? '' : `${Number(factor.toPrecision(2))} x`;
}
