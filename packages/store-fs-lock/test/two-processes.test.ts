import { builtPlugin, StoreProcess, type StorePluginOfPackage } from '@batonmq/services';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { FsLockStoreOptions } from '../src/options.ts';

const KILLS = 5;
/** Short enough for a test to wait for, long enough for a loaded machine. */
const LEASE_MS = 1_500;

let plugin: StorePluginOfPackage;
let directory: string;
let processes: StoreProcess[];

beforeAll(async () => {
  plugin = await builtPlugin('store-fs-lock', 'fsLockStore');
}, 120_000);

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'baton-two-'));
  processes = [];
});

afterEach(async () => {
  for (const each of processes) await each.kill();
  await rm(directory, { recursive: true });
});

function start(owner: string): StoreProcess {
  const options: FsLockStoreOptions = {
    directory,
    leaseDurationMs: LEASE_MS,
    keepAliveIntervalMs: 100,
    pollIntervalMs: 50,
    journal: { segmentBytes: 1 << 20 },
  };
  const started = new StoreProcess({ plugin, owner, options });
  processes.push(started);
  return started;
}

/** One active and one waiting, both ready to produce. */
async function startPair(): Promise<[StoreProcess, StoreProcess]> {
  const first = start('a');
  first.tell('produce');
  await first.seen('active');
  const second = start('b');
  second.tell('produce');
  await second.seen('waiting');
  await first.seenAcks(20);
  return [first, second];
}

function expectAllThere(stored: readonly number[], acked: readonly number[]): void {
  const found = new Set(stored);
  expect(acked.filter((sequence) => !found.has(sequence))).toEqual([]);
}

describe('two processes on one directory', () => {
  test('every answered message is there after each of several kills', async () => {
    const acked: number[] = [];
    let [active, standby] = await startPair();
    for (let kill = 0; kill < KILLS; kill += 1) {
      await active.kill();
      acked.push(...active.ackedSequences);
      await standby.seen('active');
      await standby.seenAcks(20);
      active = standby;
      standby = start(kill % 2 === 0 ? 'a' : 'b');
      standby.tell('produce');
      await standby.seen('waiting');
    }
    acked.push(...active.ackedSequences);
    expectAllThere(await active.list(), acked);
  });

  test('the next in line takes over at once from one that gives the lease back', async () => {
    const [first, second] = await startPair();
    first.tell('release');
    await first.exited;
    await second.seen('active');
    expectAllThere(await second.list(), first.ackedSequences);
  });

  test('a stopped owner is replaced, and woken acks nothing and spoils nothing', async () => {
    const [first, second] = await startPair();
    first.signal('SIGSTOP');
    const { epoch } = await second.seen('active');
    await second.seenAcks(20);
    const before = first.events.length;
    first.signal('SIGCONT');
    expect(await first.seen('lost', before)).toMatchObject({ reason: 'fenced' });
    await first.seen('waiting', before);
    // What it was told before it stopped may still be on its way out; nothing else may.
    const told = new Set(first.ackedSequences);
    await second.seenAcks(20);
    expect(new Set(first.ackedSequences)).toEqual(told);
    expectAllThere(await second.list(), [...first.ackedSequences, ...second.ackedSequences]);
    // And it can serve again, on top of everything.
    const woken = first.events.length;
    await second.kill();
    expect((await first.seen('active', woken)).epoch).toBeGreaterThan(epoch ?? 0);
    expectAllThere(await first.list(), [...first.ackedSequences, ...second.ackedSequences]);
  });

  test('one of two standbys replaces a stopped owner', async () => {
    const [first, second] = await startPair();
    const third = start('c');
    third.tell('produce');
    await third.seen('waiting');
    first.signal('SIGSTOP');
    const winner = await Promise.race([
      second.seen('active').then(() => second),
      third.seen('active').then(() => third),
    ]);
    await winner.seenAcks(20);
    const loser = winner === second ? third : second;
    expect(loser.events.map(({ event }) => event)).not.toContain('active');
    first.signal('SIGCONT');
    await first.seen('lost');
    expectAllThere(await winner.list(), [...first.ackedSequences, ...winner.ackedSequences]);
  });

  test('an owner whose lock file was deleted gives way, and nothing is lost', async () => {
    const [first, second] = await startPair();
    await rm(join(directory, 'lock'));
    expect(await first.seen('lost')).toMatchObject({ reason: 'fenced' });
    const next = await Promise.race([
      second.seen('active').then(() => second),
      first.seen('active', first.events.length).then(() => first),
    ]);
    await next.seenAcks(20);
    expectAllThere(await next.list(), [...first.ackedSequences, ...second.ackedSequences]);
  });

  test('the journal has one directory, named for the newest epoch', async () => {
    const [first, second] = await startPair();
    await first.kill();
    const { epoch } = await second.seen('active');
    const names = await readdir(directory);
    expect(names.sort()).toEqual(['format', `journal-${epoch ?? 0}`, 'lock', 'owner']);
  });

  test('a second live broker of the same name is refused', async () => {
    await startPair();
    const twin = start('a');
    expect(await twin.seen('failed')).toMatchObject({ code: 'BATON_NAME_IN_USE' });
  });

  test('a broker that comes back under its name at once is not', async () => {
    const [first, second] = await startPair();
    await first.kill();
    const again = start('a');
    await second.seen('active');
    await again.seen('waiting');
    await second.seenAcks(20);
    await second.kill();
    await again.seen('active');
  });
});
