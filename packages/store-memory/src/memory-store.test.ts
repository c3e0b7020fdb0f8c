import { destinationNumber, sequence } from '@batonmq/model';
import { nodeRuntime } from '@batonmq/runtime/node';
import type { Lease, Store, WriteRecord } from '@batonmq/store-spi';
import { describe, expect, test } from 'vitest';
import { createMemorySpace, memoryStore, type MemorySpace } from './index.ts';

const QUEUE = destinationNumber(1);

function open(space: MemorySpace = createMemorySpace(), messageBytesMax = 1024): Store {
  return memoryStore({ space, messageBytesMax }).create(nodeRuntime());
}

async function holding(owner: string, space?: MemorySpace): Promise<Lease> {
  return open(space).acquire({ owner });
}

const queueAdded: WriteRecord = { type: 'destination-added', destination: QUEUE, key: 'queue://A' };

function message(at: number, bytes: number): WriteRecord {
  const targets = [{ destination: QUEUE, sequence: sequence(at) }];
  return { type: 'message-added', targets, payload: [new Uint8Array(bytes)] };
}

function removed(at: number): WriteRecord {
  return { type: 'message-removed', destination: QUEUE, sequence: sequence(at) };
}

describe('the options', () => {
  test('report everything that is wrong with them at once', () => {
    const wrong = { space: {} as MemorySpace, messageBytesMax: 0, colour: 'red' };
    expect(() => memoryStore(wrong)).toThrow(
      expect.objectContaining({
        code: 'BATON_INVALID_OPTION',
        message: expect.stringMatching(/colour.*messageBytesMax.*createMemorySpace/) as string,
      }),
    );
  });

  test('give each store a space of its own unless they name one', async () => {
    const first = await holding('a');
    const second = await holding('b');
    expect([first.epoch, second.epoch]).toEqual([1, 1]);
  });
});

describe('a space', () => {
  test('is handed on in order of arrival', async () => {
    const space = createMemorySpace();
    const first = await holding('a', space);
    const order: string[] = [];
    const waiting = ['b', 'c'].map(async (owner) => {
      const lease = await holding(owner, space);
      order.push(owner);
      await lease.release();
    });
    await first.release();
    await Promise.all(waiting);
    expect(order).toEqual(['b', 'c']);
  });

  test('tells a deposed holder as soon as the next epoch starts', async () => {
    const space = createMemorySpace();
    const old = await holding('a', space);
    space.depose('told');
    await holding('b', space);
    await expect(old.lost).resolves.toEqual({ reason: 'fenced' });
  });

  test('lets an unaware holder find out by its next append, which changes nothing', async () => {
    const space = createMemorySpace();
    const old = await holding('a', space);
    await old.append([queueAdded]);
    space.depose('unaware');
    const next = await holding('b', space);

    const fenced = { code: 'BATON_FENCED', details: { epoch: 1, newest: 2 } };
    await expect(old.append([message(1, 1)])).rejects.toMatchObject(fenced);
    await expect(old.lost).resolves.toEqual({ reason: 'fenced' });
    const page = await next.read(QUEUE, sequence(1), { messageCountMax: 10, bytesMax: 1024 });
    expect(page).toEqual([]);
  });

  test('leaves a deposed holder in peace while nobody is in line', async () => {
    const space = createMemorySpace();
    const only = await holding('a', space);
    space.depose('told');
    await expect(only.append([queueAdded])).resolves.toBeUndefined();
  });
});

describe('a full store', () => {
  test('refuses messages, takes removals, and has room again after them', async () => {
    const lease = await open().acquire({ owner: 'a' });
    await lease.append([queueAdded, message(1, 1000)]);
    await expect(lease.append([message(2, 25)])).rejects.toMatchObject({
      code: 'BATON_STORE_FULL',
    });
    await lease.append([removed(1)]);
    await expect(lease.append([message(3, 1024)])).resolves.toBeUndefined();
  });
});

test('a page leaves out what is gone, wherever it starts', async () => {
  const lease = await open(undefined, 2 ** 20).acquire({ owner: 'a' });
  await lease.append([queueAdded]);
  const all = Array.from({ length: 1000 }, (_, index) => index + 1);
  await lease.append(all.map((at) => message(at, 1)));
  await lease.append(all.filter((at) => at % 100 !== 0).map(removed));
  const page = await lease.read(QUEUE, sequence(250), { messageCountMax: 3, bytesMax: 1024 });
  expect(page.map((read) => read.sequence)).toEqual([300, 400, 500]);
});
