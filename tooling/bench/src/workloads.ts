import type { LoadShape } from './load-shape.ts';

/** What is measured. Whether more or less of it is better decides how brokers are compared. */
export const METRICS = {
  rate: { title: 'messages/s', better: 'more' },
  brokerCpuMicros: { title: 'broker CPU µs/message', better: 'less' },
  databaseCpuMicros: { title: 'database CPU µs/message', better: 'less' },
  receiptP50Ms: { title: 'receipt p50 ms', better: 'less' },
  receiptP99Ms: { title: 'receipt p99 ms', better: 'less' },
  deliveryP50Ms: { title: 'delivery p50 ms', better: 'less' },
  deliveryP99Ms: { title: 'delivery p99 ms', better: 'less' },
  enqueueRate: { title: 'enqueued messages/s', better: 'more' },
  residentMib: { title: 'resident MiB', better: 'less' },
  restartMs: { title: 'ms from restart to first message', better: 'less' },
  drainRate: { title: 'drained messages/s', better: 'more' },
  connectionKib: { title: 'KiB per idle connection', better: 'less' },
} as const satisfies Record<string, { title: string; better: 'more' | 'less' }>;

export type Metric = keyof typeof METRICS;

export type Measurements = Readonly<Partial<Record<Metric, number>>>;

export interface Target {
  readonly files: number | undefined;
  readonly database?: number;
}

/** A workload: how it is run, and which of its measurements the table shows. */
export interface Workload {
  readonly id: string;
  /** `load`: producers and consumers for some seconds. `backlog`: W5. `idle`: W6. */
  readonly kind: 'load' | 'backlog' | 'idle';
  readonly shape: Omit<LoadShape, 'mode' | 'uri' | 'size'>;
  readonly shown: readonly Metric[];
  /** At least how many times ActiveMQ's rate, by where both keep their messages. */
  readonly target?: Target;
}

const LATENCY = ['receiptP50Ms', 'receiptP99Ms'] as const;
const THROUGHPUT = ['rate', 'brokerCpuMicros', 'databaseCpuMicros'] as const;

const FIXED: readonly Workload[] = [
  load('W1', {}, [...THROUGHPUT, ...LATENCY], { files: 1.5, database: 1 }),
  load('W1c', { consumers: 1 }, [...THROUGHPUT, ...LATENCY], { files: 1.5, database: 1 }),
  load('W2-tx', { transaction: 100, consumers: 1 }, THROUGHPUT, { files: 2, database: 5 }),
  load('W4q', { persistent: false, consumers: 1 }, THROUGHPUT, { files: 3 }),
  load('W4t', { persistent: false, topic: true, consumers: 10 }, THROUGHPUT, { files: 3 }),
  {
    id: 'W5',
    kind: 'backlog',
    shape: { window: 1000 },
    shown: ['enqueueRate', 'residentMib', 'restartMs', 'drainRate'],
  },
  { id: 'W6', kind: 'idle', shape: { connections: 1000 }, shown: ['connectionKib'] },
  load('W9', { window: 1000, rate: 500, consumers: 1 }, [
    ...LATENCY,
    'deliveryP50Ms',
    'deliveryP99Ms',
    'brokerCpuMicros',
    'databaseCpuMicros',
  ]),
];

/** Those of `--workloads` unless it is given: W5 takes minutes per broker. */
export const DEFAULT_WORKLOADS = 'W1,W1c,W2-100,W2-1000,W2-tx,W3-10,W3-50,W4q,W4t,W6,W9' as const;

/** @throws Error naming the workloads there are. */
export function workloadOf(id: string): Workload {
  const fixed = FIXED.find((workload) => workload.id === id);
  if (fixed !== undefined) return fixed;
  const [, family, digits] = /^(W2|W3)-(\d+)$/.exec(id) ?? [];
  const count = Number(digits);
  if (family === 'W2' && count > 0) {
    const target = { files: count >= 1000 ? 10 : undefined, database: 5 };
    return load(id, { window: count, consumers: 1 }, THROUGHPUT, target);
  }
  if (family === 'W3' && count > 0) {
    return load(id, { producers: count, consumers: 10 }, [...THROUGHPUT, ...LATENCY], {
      files: 2,
      database: 5,
    });
  }
  const ids = [...FIXED.map((workload) => workload.id), 'W2-N', 'W3-N'].join(', ');
  throw new Error(`There is no workload ${id}, only ${ids}`);
}

function load(
  id: string,
  shape: Workload['shape'],
  shown: readonly Metric[],
  target?: Target,
): Workload {
  return { id, kind: 'load', shape, shown, ...(target === undefined ? {} : { target }) };
}
