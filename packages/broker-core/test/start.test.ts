import { BrokerError, type ErrorCode } from '@batonmq/model';
import { silentLogger, type LogFields, type Logger } from '@batonmq/runtime';
import { createMemorySpace, memoryStore } from '@batonmq/store-memory';
import type { AcquireOptions, Lease, Store, StorePlugin } from '@batonmq/store-spi';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createBroker, type Broker } from '../src/index.ts';
import { TestWorld } from './test-client.ts';

let world: TestWorld;
beforeEach(() => {
  world = new TestWorld();
});
afterEach(() => world.end());

type Acquire = (inner: Store, options: AcquireOptions) => Promise<Lease>;

function brokerThat(acquire: Acquire, logger: Logger = silentLogger): Broker {
  const plugin = memoryStore({ space: createMemorySpace() });
  const store: StorePlugin = {
    ...plugin,
    create: (components) => {
      const inner = plugin.create(components);
      return {
        manifest: inner.manifest,
        acquire: (options) => acquire(inner, options),
        inspect: () => inner.inspect(),
        close: () => inner.close(),
      };
    },
  };
  return createBroker({ name: 'b', store, components: { ...world.runtime, logger } });
}

function failure(code: ErrorCode): BrokerError {
  return new BrokerError(code, 'Told by the store');
}

test.each([
  'BATON_NAME_IN_USE',
  'BATON_STORE_FORMAT',
  'BATON_STORE_READ_ONLY',
  'BATON_UNSUPPORTED',
  'BATON_INVALID_OPTION',
  'BATON_CORRUPT',
] as const)('a first start that meets %s rejects, and the broker has stopped', async (code) => {
  const broker = brokerThat(() => Promise.reject(failure(code)));
  await expect(world.run(broker.start())).rejects.toMatchObject({ code });
  expect(broker.role).toBe('stopped');
});

test('a first start that meets damage while it takes over rejects', async () => {
  const broker = brokerThat((_, { onProgress }) => {
    onProgress?.({ type: 'recovering', doneBytes: 1, totalBytes: 2 });
    return Promise.reject(failure('BATON_CORRUPT'));
  });
  await expect(world.run(broker.start())).rejects.toMatchObject({ code: 'BATON_CORRUPT' });
});

test('a first start that cannot recover rejects, and gives the lease back', async () => {
  let isReleased = false;
  const broker = brokerThat(async (inner, options) => {
    const lease = await inner.acquire(options);
    const release = async (): Promise<void> => {
      isReleased = true;
      await lease.release();
    };
    const recover = (): Promise<void> => Promise.reject(failure('BATON_CORRUPT'));
    return Object.assign(Object.create(lease) as Lease, {
      ...{ epoch: lease.epoch, lost: lease.lost, recover, release },
    });
  });
  await expect(world.run(broker.start())).rejects.toMatchObject({ code: 'BATON_CORRUPT' });
  await world.elapse();
  expect([broker.role, isReleased]).toEqual(['stopped', true]);
});

test('a recovery that fails later is tried again after a pause', async () => {
  let attemptCount = 0;
  const broker = brokerThat(async (inner, options) => {
    attemptCount += 1;
    options.onProgress?.({ type: 'waiting', holder: 'other' });
    const lease = await inner.acquire(options);
    return Object.assign(Object.create(lease) as Lease, {
      ...{ epoch: lease.epoch, lost: lease.lost, release: () => lease.release() },
      recover: () => Promise.reject(failure('BATON_CORRUPT')),
    });
  });
  await world.run(broker.start());
  await world.elapse(3500);
  expect(attemptCount).toBe(4);
  await world.run(broker.stop());
});

test('a broker that was in line once tries again, whatever fails', async () => {
  let attemptCount = 0;
  const broker = brokerThat((inner, options) => {
    attemptCount += 1;
    options.onProgress?.({ type: 'waiting', holder: 'other' });
    if (attemptCount === 3) return inner.acquire(options);
    return Promise.reject(failure('BATON_CORRUPT'));
  });
  await world.run(broker.start());
  await world.elapse(5000);
  expect([attemptCount, broker.role]).toEqual([3, 'active']);
  await world.run(broker.stop());
});

test('a long recovery is logged once a second, with how far it is', async () => {
  const lines: (LogFields | undefined)[] = [];
  const logger: Logger = {
    child: () => logger,
    log: (_level, message, fields) => {
      if (message === 'recovering') lines.push(fields);
    },
  };
  const broker = brokerThat(async (inner, options) => {
    for (let doneBytes = 1; doneBytes <= 5; doneBytes += 1) {
      options.onProgress?.({ type: 'recovering', doneBytes, totalBytes: 5 });
      await new Promise<void>((resolve) => world.runtime.clock.setTimer(500, resolve));
    }
    return inner.acquire(options);
  }, logger);
  await world.run(broker.start());
  expect(lines.map((fields) => fields?.['doneBytes'])).toEqual([1, 3, 5]);
  await world.run(broker.stop());
});
