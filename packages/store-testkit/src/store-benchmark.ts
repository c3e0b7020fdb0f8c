import { destinationNumber, sequence } from '@batonmq/model';
import type { RuntimeComponents } from '@batonmq/runtime';
import { openStore, type Lease, type StorePlugin } from '@batonmq/store-spi';

export interface StoreBenchmarkOptions {
  /** A store on an empty place. It is opened and closed here. */
  readonly plugin: StorePlugin;
  readonly components: RuntimeComponents;
  /** @defaultValue 20,000 */
  readonly messageCount?: number;
  /** @defaultValue 1024 */
  readonly messageBytes?: number;
  /** Appends of one message each that are under way at a time, as from so many senders. @defaultValue 64 */
  readonly inFlightCount?: number;
}

export interface StoreBenchmarkResult {
  readonly appendsPerSecond: number;
  /** From the call of an append to its resolution, milliseconds. */
  readonly appendLatencyMs: { readonly p50: number; readonly p99: number; readonly max: number };
  /** Messages read back in pages of 256. */
  readonly pageInPerSecond: number;
}

/**
 * How fast a store takes single messages from many senders, how long each waits, and how fast the
 * backlog is read back. Leaves out recovery, takeover and everything but messages. Compare two
 * stores, or two commits, in one run on one machine: the figures say little by themselves.
 */
export async function storeBenchmark(
  options: StoreBenchmarkOptions,
): Promise<StoreBenchmarkResult> {
  const { plugin, components } = options;
  const store = openStore(plugin, components);
  try {
    const lease = await store.acquire({ owner: 'benchmark' });
    await lease.recover(NOTHING);
    await lease.append([{ type: 'destination-added', destination: QUEUE, key: 'queue://bench' }]);
    const appended = await measureAppends(lease, options);
    return { ...appended, pageInPerSecond: await measurePageIn(lease, components) };
  } finally {
    await store.close();
  }
}

const QUEUE = destinationNumber(1);
const NOTHING = {
  destination: () => undefined,
  producer: () => undefined,
  state: () => undefined,
};

async function measureAppends(
  lease: Lease,
  {
    components,
    messageCount = 20_000,
    messageBytes = 1024,
    inFlightCount = 64,
  }: StoreBenchmarkOptions,
): Promise<Omit<StoreBenchmarkResult, 'pageInPerSecond'>> {
  const { clock } = components;
  const payload = [new Uint8Array(messageBytes)];
  const latencies = new Float64Array(messageCount);
  let sent = 0;
  const sender = async (): Promise<void> => {
    while (sent < messageCount) {
      const index = sent;
      sent += 1;
      const start = clock.now();
      const targets = [{ destination: QUEUE, sequence: sequence(sent) }];
      await lease.append([{ type: 'message-added', targets, payload }]);
      latencies[index] = clock.now() - start;
    }
  };
  const start = clock.now();
  await Promise.all(Array.from({ length: inFlightCount }, sender));
  const seconds = (clock.now() - start) / 1000;

  latencies.sort();
  const at = (share: number): number => latencies[Math.floor((messageCount - 1) * share)] ?? 0;
  return {
    appendsPerSecond: messageCount / seconds,
    appendLatencyMs: { p50: at(0.5), p99: at(0.99), max: at(1) },
  };
}

async function measurePageIn(lease: Lease, { clock }: RuntimeComponents): Promise<number> {
  const limits = { messageCountMax: 256, bytesMax: 2 ** 20 };
  const start = clock.now();
  let count = 0;
  let from = sequence(1);
  for (;;) {
    const page = await lease.read(QUEUE, from, limits);
    const last = page.at(-1);
    if (last === undefined) return count / ((clock.now() - start) / 1000);
    count += page.length;
    from = sequence(last.sequence + 1);
  }
}
