import assert from 'node:assert/strict';
import {
  destinationNumber,
  sequence,
  type DestinationNumber,
  type ErrorCode,
} from '@batonmq/model';
import { nodeRuntime } from '@batonmq/runtime/node';
import {
  openStore,
  type Lease,
  type ReadLimits,
  type RecoveredDestination,
  type Store,
  type StoredMessage,
  type WriteRecord,
} from '@batonmq/store-spi';
import type { StorePlace, StoreSuiteOptions } from './suite-options.ts';

/** Two queues that most tests use. */
export const A = destinationNumber(1);
export const B = destinationNumber(2);
export const QUEUES: readonly WriteRecord[] = [
  { type: 'destination-added', destination: A, key: 'queue://A' },
  { type: 'destination-added', destination: B, key: 'queue://B' },
];

const WIDE: ReadLimits = { messageCountMax: 1000, bytesMax: 64 * 2 ** 20 };

/** Registers tests that each get an empty place, closed and destroyed after them. */
export function testsOn<Place extends StorePlace>(
  options: StoreSuiteOptions<Place>,
  create = options.create,
): (promise: string, run: (place: PlaceUnderTest) => Promise<void>) => void {
  return (promise, run) => {
    options.test(promise, async () => {
      const place = await create();
      const underTest = new PlaceUnderTest(place, {
        crash: () => options.crash?.(place),
        depose: () => options.depose?.(place),
      });
      try {
        await run(underTest);
      } finally {
        await underTest.closeAll();
        await options.destroy?.(place);
      }
    });
  };
}

interface Hooks {
  crash(): void | Promise<void>;
  depose(): void | Promise<void>;
}

/** A place and the stores that a test opens on it. */
export class PlaceUnderTest {
  readonly #place: StorePlace;
  readonly #hooks: Hooks;
  #stores: Store[] = [];

  constructor(place: StorePlace, hooks: Hooks) {
    this.#place = place;
    this.#hooks = hooks;
  }

  /** One more store on this place; it has no lease yet. */
  open(): Store {
    const store = openStore(this.#place.plugin, this.#place.components ?? nodeRuntime());
    this.#stores.push(store);
    return store;
  }

  /** A store that holds the lease and has recovered. */
  serve(owner = 'first'): Promise<Serving> {
    return begun(serve(this.open(), owner));
  }

  /** As {@link serve}, with two empty queues. */
  async serveQueues(): Promise<Serving> {
    const serving = await this.serve();
    await serving.append(...QUEUES);
    return serving;
  }

  /** Closes every store and serves the place again: what a restart of the broker does. */
  async reopen(): Promise<Serving> {
    await this.closeAll();
    return this.serve('reopened');
  }

  /** Cuts the power and serves the place again. */
  async crash(): Promise<Serving> {
    this.#stores = [];
    await this.#hooks.crash();
    return this.serve('restarted');
  }

  async depose(): Promise<void> {
    await this.#hooks.depose();
  }

  async closeAll(): Promise<void> {
    const stores = this.#stores;
    this.#stores = [];
    for (const store of stores) await store.close();
  }
}

/** Acquires and recovers. */
export async function serve(store: Store, owner: string): Promise<Serving> {
  const lease = await store.acquire({ owner });
  const recovered = new Recovered();
  await lease.recover(recovered);
  return new Serving(store, lease, recovered);
}

/** For what a test awaits later: if the test fails before, the end of this one is nobody's surprise. */
export function begun<T>(call: Promise<T>): Promise<T> {
  call.catch(() => undefined);
  return call;
}

/** A lease with short words for what tests do with it. */
export class Serving {
  readonly store: Store;
  readonly lease: Lease;
  readonly recovered: Recovered;

  constructor(store: Store, lease: Lease, recovered: Recovered) {
    this.store = store;
    this.lease = lease;
    this.recovered = recovered;
  }

  append(...batch: WriteRecord[]): Promise<void> {
    return this.lease.append(batch);
  }

  page(
    destination: DestinationNumber,
    from = 1,
    limits: Partial<ReadLimits> = {},
  ): Promise<readonly StoredMessage[]> {
    return this.lease.read(destination, sequence(from), { ...WIDE, ...limits });
  }

  /** Everything in a destination as `sequence:payload`, read page by page. */
  async contents(destination: DestinationNumber, limits?: Partial<ReadLimits>): Promise<string[]> {
    const contents: string[] = [];
    let from = 1;
    for (;;) {
      const page = await this.page(destination, from, limits);
      const last = page.at(-1);
      if (last === undefined) return contents;
      contents.push(...page.map((read) => `${read.sequence}:${textOf(read.payload)}`));
      from = last.sequence + 1;
    }
  }
}

/** Keeps what recovery told, in forms that tests compare. */
export class Recovered {
  readonly destinations = new Map<string, RecoveredDestination>();
  readonly producers = new Map<string, number>();
  readonly states = new Map<string, string>();

  destination(recovered: RecoveredDestination): void {
    assert.ok(!this.destinations.has(recovered.key), `${recovered.key} is recovered once`);
    this.destinations.set(recovered.key, recovered);
  }

  producer(producer: string, mark: number): void {
    assert.ok(!this.producers.has(producer), `${producer} is recovered once`);
    this.producers.set(producer, mark);
  }

  state(space: string, key: string, value: Uint8Array): void {
    assert.ok(!this.states.has(`${space}/${key}`), `${space}/${key} is recovered once`);
    this.states.set(`${space}/${key}`, textOf(value));
  }
}

/** A message under the places `[destination, sequence]`. */
export function added(
  payload: string | Uint8Array,
  ...places: (readonly [DestinationNumber, number])[]
): Extract<WriteRecord, { type: 'message-added' }> {
  return {
    type: 'message-added',
    targets: places.map(([destination, at]) => ({ destination, sequence: sequence(at) })),
    payload: [typeof payload === 'string' ? bytesOf(payload) : payload],
  };
}

/** Messages `first` to `last` of a destination, with their sequence as payload. */
export function addedRange(
  destination: DestinationNumber,
  first: number,
  last: number,
): WriteRecord[] {
  return range(first, last).map((at) => added(`m${at}`, [destination, at]));
}

export function removed(destination: DestinationNumber, at: number): WriteRecord {
  return { type: 'message-removed', destination, sequence: sequence(at) };
}

export function redelivered(
  destination: DestinationNumber,
  at: number,
  count: number,
): WriteRecord {
  return { type: 'redelivery-counted', destination, sequence: sequence(at), count };
}

export function marked(producer: string, at: number): WriteRecord {
  return { type: 'producer-marked', producer, sequence: at };
}

export function put(space: string, key: string, value: string): WriteRecord {
  return { type: 'state-put', space, key, value: bytesOf(value) };
}

export function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** Fails unless `call` rejects with `code`. */
export async function rejectsWith(code: ErrorCode, call: Promise<unknown>): Promise<void> {
  await assert.rejects(call, (error: unknown) => {
    assert.equal((error as { code?: unknown }).code, code);
    return true;
  });
}
