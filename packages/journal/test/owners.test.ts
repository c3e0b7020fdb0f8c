import { BrokerError, destinationNumber, epoch, sequence } from '@batonmq/model';
import type { Files, RuntimeComponents } from '@batonmq/runtime';
import { simRandom, simRuntime, type SimRuntime } from '@batonmq/runtime/sim';
import { expect, test } from 'vitest';
import { followJournal, openJournal, verifyJournal, type Journal } from '../src/index.ts';
import { DIRECTORY, fingerprint, open, run, SMALL, Workload } from './workload.ts';

const queue = destinationNumber(1);

function added(at: number, bytes = 100) {
  return {
    type: 'message-added' as const,
    targets: [{ destination: queue, sequence: sequence(at) }],
    payload: [Buffer.alloc(bytes, at & 0xff)],
  };
}

/** The same world, but for some calls of its files. */
function replacing(runtime: SimRuntime, calls: Partial<Files>): RuntimeComponents {
  const files = new Proxy<Files>(runtime.files, {
    get(target, name) {
      const call: unknown = Reflect.get(calls, name) ?? Reflect.get(target, name);
      return typeof call === 'function' ? (call.bind(target) as unknown) : call;
    },
  });
  return { ...runtime, files };
}

const declared = { type: 'destination-added' as const, destination: queue, key: 'queue://A' };

test('what an old owner writes after the next epoch began is ignored by everyone', async () => {
  const runtime = simRuntime(1);
  const { clock } = runtime;
  const follower = followJournal({
    directory: () => Promise.resolve(DIRECTORY),
    components: runtime,
  });
  const old = await open(runtime, 1);
  await clock.run(old.append([declared, added(1)]));
  await clock.run(follower.catchUp());
  const owner = await open(runtime, 2);

  // The old owner wakes up with batches on their way; what it writes it must not acknowledge.
  const late = [2, 3, 4].map((at) => old.append([added(at, 20_000)]));
  const outcomes = await clock.run(Promise.allSettled(late));
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
  await clock.run(owner.append([added(1000)]));
  const expected = await clock.run(fingerprint(owner));
  await clock.run(old.close());

  const cold = await open(runtime, 3);
  expect(await clock.run(fingerprint(cold))).toBe(expected);
  const warm = await open(runtime, 4, SMALL, follower);
  expect(await clock.run(fingerprint(warm))).toBe(expected);
});

test('a follower that saw a late write before the next epoch began forgets it again', async () => {
  const runtime = simRuntime(2);
  const { clock } = runtime;
  const follower = followJournal({
    directory: () => Promise.resolve(DIRECTORY),
    components: runtime,
  });
  const old = await open(runtime, 1);
  await clock.run(old.append([declared, added(1)]));
  // The next owner has read the journal and not yet written its opening when the old one writes on.
  const opening = openJournal({
    directory: DIRECTORY,
    epoch: epoch(2),
    components: runtime,
    options: SMALL,
    onProgress: () => {
      void old.append([added(2), added(3)]).catch(() => undefined);
    },
  });
  const owner = await clock.run(opening);
  await clock.run(follower.catchUp());
  await clock.run(owner.append([added(9)]));
  const expected = await clock.run(fingerprint(owner));
  const warm = await open(runtime, 3, SMALL, follower);
  expect(await clock.run(fingerprint(warm))).toBe(expected);
});

test('an opening that was written late, by an owner that never began, rules nothing out', async () => {
  const runtime = simRuntime(6);
  const { clock } = runtime;
  const first = await open(runtime, 1);
  await clock.run(first.append([declared, added(1)]));
  await clock.run(first.append([added(2)]));
  // Epoch 2 sees all of that, makes its file and falls asleep. Epoch 1 writes on, and 3 takes over.
  let wake: () => void = () => undefined;
  const awake = new Promise<void>((resolve) => (wake = resolve));
  let fallAsleep: () => void = () => undefined;
  const isAsleep = new Promise<void>((resolve) => (fallAsleep = resolve));
  const late = openJournal({
    directory: DIRECTORY,
    epoch: epoch(2),
    components: replacing(runtime, {
      open: async (path, mode) => {
        const file = await runtime.files.open(path, mode);
        if (mode === 'create') fallAsleep();
        if (mode === 'create') await awake;
        return file;
      },
    }),
    options: SMALL,
  });
  await clock.run(isAsleep);
  await clock.run(first.append([added(3)]));
  // The file of epoch 2 stays, as it does when epoch 3 dies before it is removed.
  const owner = await clock.run(
    openJournal({
      directory: DIRECTORY,
      epoch: epoch(3),
      components: replacing(runtime, { remove: () => Promise.reject(new Error('not removed')) }),
      options: SMALL,
    }),
  );
  await clock.run(owner.append([added(4)]));
  const expected = await clock.run(fingerprint(owner));
  wake();
  await clock.run(late);

  const { damage } = await clock.run(verifyJournal({ directory: DIRECTORY, components: runtime }));
  expect(damage).toEqual([]);
  const cold = await open(runtime, 4);
  expect(await clock.run(fingerprint(cold))).toBe(expected);
});

test('an epoch that is not greater than every one before is refused', async () => {
  const runtime = simRuntime(3);
  await open(runtime, 5);
  await expect(open(runtime, 5)).rejects.toMatchObject({ code: 'BATON_FENCED' });
});

test('nothing is acknowledged once the guard objects, and the journal has failed', async () => {
  const runtime = simRuntime(4);
  const { clock } = runtime;
  const lease: { loss?: Error } = {};
  const journal = await clock.run(
    openJournal({
      directory: DIRECTORY,
      epoch: epoch(1),
      components: runtime,
      options: SMALL,
      guard: () => lease.loss,
    }),
  );
  await clock.run(journal.append([declared]));
  const loss = new BrokerError('BATON_FENCED', 'the lease is over');
  lease.loss = loss;
  await expect(clock.run(journal.append([added(1)]))).rejects.toBe(loss);
  await expect(clock.run(journal.append([added(2)]))).rejects.toBe(loss);
  expect(await clock.run(journal.failed)).toBe(loss);
  expect(journal.inspect().messageCount).toBe(0);
});

test('a follower comes to the same state as the owner, over rolls, retirements and epochs', async () => {
  for (let seed = 1; seed <= 12; seed += 1) {
    const runtime = simRuntime(seed);
    const { clock } = runtime;
    const follower = followJournal({
      directory: () => Promise.resolve(DIRECTORY),
      components: runtime,
    });
    const workload = new Workload(simRandom(seed));
    let owner: Journal | undefined;
    for (let number = 1; number <= 3; number += 1) {
      if (number === 3) await clock.run(owner?.close() ?? Promise.resolve());
      owner = await open(runtime, number);
      for (let part = 0; part < 6; part += 1) {
        await run(runtime, owner, workload, runtime.random.below(40));
        if (runtime.random.chance(0.7)) await clock.run(follower.catchUp());
      }
    }
    const expected = await clock.run(fingerprint(owner as Journal));
    expect(expected).toBe(workload.model.fingerprint());
    const warm = await open(runtime, 4, SMALL, follower);
    expect(await clock.run(fingerprint(warm)), `seed ${seed}`).toBe(expected);
  }
});

test('a follower finds the journal again after its directory was renamed', async () => {
  const runtime = simRuntime(5);
  const { clock, files } = runtime;
  let directory = '/store/a';
  const follower = followJournal({
    directory: () => Promise.resolve(directory),
    components: runtime,
  });
  const openAt = (number: number) =>
    clock.run(
      openJournal({ directory, epoch: epoch(number), components: runtime, options: SMALL }),
    );
  const first = await openAt(1);
  await clock.run(first.append([declared, added(1)]));
  await clock.run(follower.catchUp());
  await clock.run(files.rename('/store/a', '/store/b'));
  directory = '/store/b';
  const second = await openAt(2);
  await clock.run(second.append([added(2)]));
  await clock.run(follower.catchUp());
  expect(follower.messageCount).toBe(2);
  // The old owner's next file has no directory to be made in.
  const appendLate = (at: number) =>
    clock.run(
      first.append([added(at, 1000)]).then(
        () => true,
        () => false,
      ),
    );
  let at = 10;
  while (await appendLate(at)) at += 1;
  expect(at).toBeLessThan(400);
  await expect(clock.run(first.failed)).resolves.toMatchObject({ code: 'BATON_STORE_FAILED' });
});

test('appends beyond the limit of what may wait are refused at once, and others settle in order', async () => {
  const runtime = simRuntime(6);
  const { clock } = runtime;
  const options = { ...SMALL, pendingBytesMax: 64 * 1024 };
  const journal = await open(runtime, 1, options);
  await clock.run(journal.append([declared]));
  const settled: string[] = [];
  const appends = Array.from({ length: 5 }, (_, at) =>
    journal.append([added(at + 1, 20_000)]).then(
      () => settled.push(`${at} stored`),
      (error: unknown) => settled.push(`${at} ${(error as BrokerError).code}`),
    ),
  );
  await clock.run(Promise.all(appends));
  expect(settled.filter((one) => one.endsWith('stored'))).toEqual([
    '0 stored',
    '1 stored',
    '2 stored',
  ]);
  expect(settled.filter((one) => !one.endsWith('stored'))).toEqual([
    '3 BATON_LIMIT',
    '4 BATON_LIMIT',
  ]);
});
