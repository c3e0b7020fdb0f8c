import {
  AssertionError,
  BrokerError,
  destinationNumber,
  epoch,
  sequence,
  type Epoch,
} from '@batonmq/model';
import { nodeRuntime } from '@batonmq/runtime/node';
import { describe, expect, test } from 'vitest';
import {
  openStore,
  STORE_PLUGIN,
  type Lease,
  type LeaseLoss,
  type RecoveredDestination,
  type RecoveryVisitor,
  type Store,
  type StoredMessage,
  type WriteBatch,
  type WriteRecord,
} from './index.ts';

const QUEUE = destinationNumber(1);
const LIMITS = { messageCountMax: 2, bytesMax: 100 };
const deaf: RecoveryVisitor = {
  destination: () => undefined,
  producer: () => undefined,
  state: () => undefined,
};

/** A plugin that grants at once and does nothing, but for what a test replaces. */
class ScriptedPlugin {
  readonly [STORE_PLUGIN] = true;
  readonly manifest = {
    name: 'batonmq-store-scripted',
    spiVersion: 1,
    capabilities: { isDurable: false, isShared: false },
  };
  readonly calls: string[] = [];
  lose: (loss: LeaseLoss) => void = () => undefined;
  lease: Partial<Lease> = {};
  store: Partial<Store> = {};
  #epoch = 0;

  create(): Store {
    return {
      manifest: this.manifest,
      acquire: () => Promise.resolve(this.#grant()),
      inspect: () => Promise.reject(new Error('no disk')),
      close: () => this.#note('close'),
      ...this.store,
    };
  }

  #grant(): Lease {
    const lost = new Promise<LeaseLoss>((resolve) => {
      this.lose = resolve;
    });
    return {
      epoch: epoch((this.#epoch += 1)),
      lost,
      recover: () => this.#note('recover'),
      append: () => this.#note('append'),
      read: () => Promise.resolve([]),
      release: () => this.#note('release'),
      ...this.lease,
    };
  }

  #note(call: string): Promise<void> {
    this.calls.push(call);
    return Promise.resolve();
  }
}

async function recovered(plugin: ScriptedPlugin): Promise<Lease> {
  const lease = await openStore(plugin, nodeRuntime()).acquire({ owner: 'a' });
  await lease.recover(deaf);
  return lease;
}

/** A lease whose store holds an empty queue, ready for messages. */
async function withQueue(plugin = new ScriptedPlugin()): Promise<Lease> {
  const lease = await recovered(plugin);
  await lease.append([queueAdded]);
  return lease;
}

const queueAdded: WriteRecord = { type: 'destination-added', destination: QUEUE, key: 'queue://A' };
const queueRemoved: WriteRecord = { type: 'destination-removed', destination: QUEUE };

function message(...sequences: number[]): WriteRecord {
  const targets = sequences.map((at) => ({ destination: QUEUE, sequence: sequence(at) }));
  return { type: 'message-added', targets, payload: [new Uint8Array(1)] };
}

function stored(at: number, bytes = 1): StoredMessage {
  return { sequence: sequence(at), redeliveryCount: 0, payload: new Uint8Array(bytes) };
}

function failing(
  code: 'BATON_FENCED' | 'BATON_STORE_FULL' | 'BATON_CORRUPT',
): () => Promise<never> {
  return () => Promise.reject(new BrokerError(code, 'scripted'));
}

describe('a plugin', () => {
  test.each([undefined, null, 'file:data', {}, { [STORE_PLUGIN]: 'yes' }])(
    'is refused without the symbol: %j',
    (value) => {
      expect(() => openStore(value, nodeRuntime())).toThrow(
        expect.objectContaining({ code: 'BATON_INVALID_ARGUMENT' }),
      );
    },
  );

  test('is refused with both versions named if it was written for another contract', () => {
    const plugin = new ScriptedPlugin();
    plugin.manifest.spiVersion = 7;
    expect(() => openStore(plugin, nodeRuntime())).toThrow(
      expect.objectContaining({
        code: 'BATON_SPI_VERSION',
        message: expect.stringMatching(/batonmq-store-scripted.*version 7.*version 1/) as string,
      }),
    );
  });
});

describe('acquire', () => {
  test('is refused while a lease is held, and allowed after it was released', async () => {
    const store = openStore(new ScriptedPlugin(), nodeRuntime());
    const lease = await store.acquire({ owner: 'a' });
    await expect(store.acquire({ owner: 'a' })).rejects.toThrow(/while a lease is held/);
    await lease.release();
    await expect(store.acquire({ owner: 'a' })).resolves.toMatchObject({ epoch: 2 });
  });

  test('is refused while another call waits', async () => {
    const plugin = new ScriptedPlugin();
    plugin.store = { acquire: () => new Promise(() => undefined) };
    const store = openStore(plugin, nodeRuntime());
    void store.acquire({ owner: 'a' });
    await expect(store.acquire({ owner: 'a' })).rejects.toThrow(/while another call waits/);
  });

  test('lets go of a lost lease before it asks for the next', async () => {
    const plugin = new ScriptedPlugin();
    const store = openStore(plugin, nodeRuntime());
    const lease = await store.acquire({ owner: 'a' });
    plugin.lose({ reason: 'fenced' });
    await lease.lost;
    await store.acquire({ owner: 'a' });
    expect(plugin.calls).toEqual(['release']);
  });

  test('refuses an epoch that does not grow, and gives that lease back', async () => {
    const plugin = new ScriptedPlugin();
    plugin.lease = { epoch: 0 as Epoch };
    const store = openStore(plugin, nodeRuntime());
    await expect(store.acquire({ owner: 'a' })).rejects.toThrow(/every acquisition has a greater/);
    expect(plugin.calls).toEqual(['release']);
  });

  test('reports an abort by our code, whatever the plugin threw', async () => {
    const plugin = new ScriptedPlugin();
    const aborting = new AbortController();
    plugin.store = {
      acquire: () => {
        aborting.abort();
        return Promise.reject(new Error('interrupted'));
      },
    };
    const waiting = openStore(plugin, nodeRuntime()).acquire({
      owner: 'a',
      signal: aborting.signal,
    });
    await expect(waiting).rejects.toMatchObject({ code: 'BATON_ABORTED', name: 'AbortError' });
  });
});

describe('a batch', () => {
  const wrong: [string, WriteBatch][] = [
    ['holds at least one record', []],
    ['a free number', [{ ...queueAdded, key: 'queue://B' }]],
    ['a free key', [{ ...queueAdded, destination: destinationNumber(2) }]],
    ['a destination that is removed exists', [queueRemoved, queueRemoved]],
    ['at least one target', [message()]],
    ['to a destination that exists', [queueRemoved, message(6)]],
    ['sequences of a destination only grow', [message(6), message(5)]],
    ['sequences of a destination only grow', [message(6, 6)]],
    ['adds no message', [message(6), queueRemoved]],
    ['one of the types', [{ type: 'message-eaten' } as unknown as WriteRecord]],
    ['are Uint8Arrays', [{ ...message(6), payload: ['text'] } as unknown as WriteRecord]],
  ];

  test.each(wrong)('is refused unless it keeps the rule "%s"', async (rule, batch) => {
    const plugin = new ScriptedPlugin();
    const lease = await withQueue(plugin);
    await lease.append([message(1, 5)]);
    const outcome = await lease.append(batch).catch((error: unknown) => error);
    expect(outcome).toBeInstanceOf(AssertionError);
    expect((outcome as Error).message).toContain(rule);
    expect(plugin.calls).toEqual(['recover', 'append', 'append']);
  });

  test('may reuse number and key of a destination that was removed, from sequence 1', async () => {
    const lease = await withQueue();
    await lease.append([message(1)]);
    await lease.append([queueRemoved, queueAdded]);
    await expect(lease.append([message(1)])).resolves.toBeUndefined();
  });

  test('goes on from the sequences that were recovered', async () => {
    const plugin = new ScriptedPlugin();
    plugin.lease = { recover: recovering(figures({ nextSequence: 8 })) };
    const lease = await recovered(plugin);
    await expect(lease.append([message(7)])).rejects.toThrow(/only grow/);
    await expect(lease.append([message(8)])).resolves.toBeUndefined();
  });
});

describe('append', () => {
  test('is refused before recover has resolved', async () => {
    const lease = await openStore(new ScriptedPlugin(), nodeRuntime()).acquire({ owner: 'a' });
    await expect(lease.append([queueAdded])).rejects.toThrow(/after recover has resolved/);
  });

  test.each([
    [{ reason: 'fenced' }, 'BATON_FENCED'],
    [{ reason: 'failed', cause: new Error('EIO') }, 'BATON_STORE_FAILED'],
    [{ reason: 'released' }, 'BATON_CLOSED'],
  ] as const)('is refused after the loss %j with %s', async (loss, code) => {
    const plugin = new ScriptedPlugin();
    const lease = await recovered(plugin);
    plugin.lose(loss);
    await expect(lease.lost).resolves.toEqual(loss);
    await expect(lease.append([queueAdded])).rejects.toMatchObject({ code });
    expect(plugin.calls).not.toContain('append');
  });

  test('that the plugin fences ends the lease even if the plugin forgets to', async () => {
    const plugin = new ScriptedPlugin();
    plugin.lease = { append: failing('BATON_FENCED') };
    const lease = await recovered(plugin);
    await expect(lease.append([queueAdded])).rejects.toMatchObject({ code: 'BATON_FENCED' });
    await expect(lease.lost).resolves.toMatchObject({ reason: 'fenced' });
  });

  test('that finds the store full leaves the lease alive', async () => {
    const plugin = new ScriptedPlugin();
    plugin.lease = {
      append: async (batch) => {
        if (batch[0]?.type === 'message-added') await failing('BATON_STORE_FULL')();
      },
    };
    const lease = await withQueue(plugin);
    await expect(lease.append([message(1)])).rejects.toMatchObject({ code: 'BATON_STORE_FULL' });
    await expect(lease.append([queueRemoved])).resolves.toBeUndefined();
  });

  test.each([
    ['a full store without a message', failing('BATON_STORE_FULL')],
    ['an undocumented code', failing('BATON_CORRUPT')],
    ['a stray error', () => Promise.reject(new Error('EIO'))],
    [
      'a throw',
      () => {
        throw new TypeError('oops');
      },
    ],
  ])('turns %s into BATON_STORE_FAILED and ends the lease', async (_, append) => {
    const plugin = new ScriptedPlugin();
    plugin.lease = { append };
    const lease = await recovered(plugin);
    await expect(lease.append([queueAdded])).rejects.toMatchObject({
      code: 'BATON_STORE_FAILED',
      cause: expect.any(Error) as Error,
    });
    await expect(lease.lost).resolves.toMatchObject({ reason: 'failed' });
  });

  test('that settles after the loss has an unknown outcome', async () => {
    const plugin = new ScriptedPlugin();
    let finish = (): void => undefined;
    plugin.lease = { append: () => new Promise((resolve) => (finish = resolve)) };
    const lease = await recovered(plugin);
    const late = lease.append([queueAdded]);
    plugin.lose({ reason: 'fenced' });
    await lease.lost;
    finish();
    await expect(late).rejects.toMatchObject({ code: 'BATON_STORE_FAILED' });
  });
});

describe('a page', () => {
  const wrong: [string, StoredMessage[]][] = [
    ['is out of order', [stored(4), stored(3)]],
    ['holds a message twice', [stored(3), stored(3)]],
    ['starts too early', [stored(1)]],
    ['has too many messages', [stored(2), stored(3), stored(4)]],
    ['has too many bytes', [stored(2, 60), stored(3, 60)]],
    ['holds what was never appended', [stored(9)]],
  ];

  test.each(wrong)('that %s is refused', async (_, page) => {
    const plugin = new ScriptedPlugin();
    plugin.lease = { read: () => Promise.resolve(page) };
    const lease = await withQueue(plugin);
    await lease.append([message(1), message(2), message(3), message(4)]);
    await expect(lease.read(QUEUE, sequence(2), LIMITS)).rejects.toThrow(/broke its contract/);
  });

  test('may hold one message larger than its limit', async () => {
    const plugin = new ScriptedPlugin();
    plugin.lease = { read: () => Promise.resolve([stored(1, 101)]) };
    const lease = await withQueue(plugin);
    await lease.append([message(1)]);
    await expect(lease.read(QUEUE, sequence(1), LIMITS)).resolves.toHaveLength(1);
  });

  test('that cannot be read leaves the lease alive', async () => {
    const plugin = new ScriptedPlugin();
    plugin.lease = { read: failing('BATON_CORRUPT') };
    const lease = await withQueue(plugin);
    await expect(lease.read(QUEUE, sequence(1), LIMITS)).rejects.toMatchObject({
      code: 'BATON_CORRUPT',
    });
    await expect(lease.append([message(1)])).resolves.toBeUndefined();
  });
});

describe('recover', () => {
  test('is called once', async () => {
    const lease = await recovered(new ScriptedPlugin());
    await expect(lease.recover(deaf)).rejects.toThrow(/called once/);
  });

  test.each([
    ['more messages than sequences', recovering(figures({ messageCount: 9 }))],
    ['a first sequence of an empty queue', recovering(figures({ messageCount: 0 }))],
    ['a queue twice', recovering(figures({}), figures({}))],
  ])('refuses %s', async (_, recover) => {
    const plugin = new ScriptedPlugin();
    plugin.lease = { recover };
    await expect(recovered(plugin)).rejects.toThrow(/broke its contract/);
  });

  test('refuses destinations after producers', async () => {
    const plugin = new ScriptedPlugin();
    plugin.lease = {
      recover: (visitor) => {
        visitor.producer('p', 1);
        visitor.destination(figures({}));
        return Promise.resolve();
      },
    };
    await expect(recovered(plugin)).rejects.toThrow(/destinations, then producers, then state/);
  });
});

describe('the end', () => {
  test('release waits for appends in flight and is passed on once', async () => {
    const plugin = new ScriptedPlugin();
    let finish = (): void => undefined;
    plugin.lease = { append: () => new Promise((resolve) => (finish = resolve)) };
    const lease = await recovered(plugin);
    const append = lease.append([queueAdded]);
    await expect(lease.append([])).rejects.toThrow(/at least one record/);
    const ends = [lease.release(), lease.release()];
    await expect(lease.append([queueRemoved])).rejects.toMatchObject({ code: 'BATON_CLOSED' });
    expect(plugin.calls).not.toContain('release');
    finish();
    await expect(append).resolves.toBeUndefined();
    await Promise.all(ends);
    expect(plugin.calls.filter((call) => call === 'release')).toHaveLength(1);
    await expect(lease.lost).resolves.toEqual({ reason: 'released' });
  });

  test('an append that never settles does not keep a lost lease from being released', async () => {
    const plugin = new ScriptedPlugin();
    plugin.lease = { append: () => new Promise(() => undefined) };
    const lease = await recovered(plugin);
    void lease.append([queueAdded]);
    plugin.lose({ reason: 'failed' });
    await expect(lease.release()).resolves.toBeUndefined();
  });

  test('close releases the lease, then closes, once', async () => {
    const plugin = new ScriptedPlugin();
    const store = openStore(plugin, nodeRuntime());
    await store.acquire({ owner: 'a' });
    await Promise.all([store.close(), store.close()]);
    expect(plugin.calls).toEqual(['release', 'close']);
    await expect(store.acquire({ owner: 'a' })).rejects.toMatchObject({ code: 'BATON_CLOSED' });
  });

  test('a lease granted while the store closed goes back', async () => {
    const plugin = new ScriptedPlugin();
    const store = openStore(plugin, nodeRuntime());
    const waiting = store.acquire({ owner: 'a' });
    await store.close();
    await expect(waiting).rejects.toMatchObject({ code: 'BATON_CLOSED' });
    expect(plugin.calls).toContain('release');
  });

  test('stray errors of inspect get a code', async () => {
    const store = openStore(new ScriptedPlugin(), nodeRuntime());
    await expect(store.inspect()).rejects.toMatchObject({ code: 'BATON_STORE_FAILED' });
  });
});

function figures(
  changed: Partial<Record<keyof RecoveredDestination, number>>,
): RecoveredDestination {
  const all = { messageCount: 2, messageBytes: 2, firstSequence: 3, nextSequence: 8, ...changed };
  return { destination: QUEUE, key: 'queue://A', ...all } as unknown as RecoveredDestination;
}

function recovering(...destinations: RecoveredDestination[]): Lease['recover'] {
  return (visitor) => {
    for (const one of destinations) visitor.destination(one);
    return Promise.resolve();
  };
}
