/**
 * Question: what do the checks of `openStore` cost per batch and per record?
 * Workload: appends of 1, 16 and 256 messages to a store that does nothing, bare and opened.
 * Leaves out: everything a store does, which costs microseconds to milliseconds per batch.
 * Run with `npx vitest bench packages/store-spi`.
 */
import { destinationNumber, epoch, sequence } from '@batonmq/model';
import { nodeRuntime } from '@batonmq/runtime/node';
import {
  openStore,
  STORE_PLUGIN,
  type Lease,
  type Store,
  type WriteRecord,
} from '@batonmq/store-spi';
import { bench, describe } from 'vitest';

const QUEUE = destinationNumber(1);
const PAYLOAD = [new Uint8Array(1024)];

const manifest = {
  name: 'idle',
  spiVersion: 1,
  capabilities: { isDurable: false, isShared: false },
};
const nothing = (): Promise<void> => Promise.resolve();

function idleLease(): Lease {
  const lost = new Promise<never>(() => undefined);
  const read = () => Promise.resolve([]);
  return { epoch: epoch(1), lost, recover: nothing, append: nothing, read, release: nothing };
}

function idleStore(): Store {
  const inspect = () => Promise.reject(new Error('not part of the benchmark'));
  return { manifest, acquire: () => Promise.resolve(idleLease()), inspect, close: nothing };
}

async function ready(store: Store): Promise<Lease> {
  const lease = await store.acquire({ owner: 'bench' });
  await lease.recover({
    destination: () => undefined,
    producer: () => undefined,
    state: () => undefined,
  });
  await lease.append([{ type: 'destination-added', destination: QUEUE, key: 'queue://A' }]);
  return lease;
}

const bare = await ready(idleStore());
const opened = await ready(
  openStore({ [STORE_PLUGIN]: true, manifest, create: idleStore }, nodeRuntime()),
);
let next = 1;

function batchOf(count: number): WriteRecord[] {
  return Array.from({ length: count }, () => {
    const targets = [{ destination: QUEUE, sequence: sequence(next++) }];
    return { type: 'message-added', targets, payload: PAYLOAD };
  });
}

for (const count of [1, 16, 256]) {
  describe(`a batch of ${count}`, () => {
    bench('bare', () => bare.append(batchOf(count)));
    bench('opened', () => opened.append(batchOf(count)));
  });
}
