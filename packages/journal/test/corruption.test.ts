import { destinationNumber, isBrokerError, sequence } from '@batonmq/model';
import { simRandom, simRuntime, type SimRuntime } from '@batonmq/runtime/sim';
import { expect, test } from 'vitest';
import { inspectJournal, verifyJournal, type Journal } from '../src/index.ts';
import { DIRECTORY, fingerprint, open, run, SMALL, Workload } from './workload.ts';

/** A journal with some epochs in it, left by power loss, and what it holds with and without its last batch. */
async function made(
  seed: number,
): Promise<{ runtime: SimRuntime; expected: string; withoutLast: string }> {
  const runtime = simRuntime(seed);
  const workload = new Workload(simRandom(seed));
  await run(runtime, await open(runtime, 1), workload, 40);
  const last = await open(runtime, 2);
  await run(runtime, last, workload, 40);
  const withoutLast = workload.model.fingerprint();
  await run(runtime, last, workload, 1);
  runtime.files.losePower(0);
  return { runtime, expected: workload.model.fingerprint(), withoutLast };
}

async function segmentPaths({ clock, files }: SimRuntime): Promise<string[]> {
  const names = await clock.run(files.list(DIRECTORY));
  return names.filter((name) => name.endsWith('.segment')).map((name) => `${DIRECTORY}/${name}`);
}

test('a flipped bit is reported with its place, or did not matter; contents are never wrong', async () => {
  const { runtime, expected, withoutLast } = await made(1);
  let reported = 0;
  let takenForTorn = 0;
  const paths = await segmentPaths(runtime);
  for (const path of paths) {
    const used =
      (
        await runtime.clock.run(inspectJournal({ directory: DIRECTORY, components: runtime }))
      ).segments.find(({ file }) => file === path)?.bytes ?? 0;
    for (let offset = 3; offset < used; offset += 9_001) {
      // Each flip meets the same journal: a fresh one is made from the same seed.
      const { runtime: damaged } = await made(1);
      damaged.files.flipBit(path, offset, offset % 8);
      const outcome = await contents(damaged);
      if (outcome === expected) continue;
      if (outcome === withoutLast) {
        // The last batch of all: as good as never synced. That it was, nobody can know.
        takenForTorn += 1;
        continue;
      }
      expect(outcome, `bit ${offset % 8} of ${path}:${offset}`).toMatch(
        /^BATON_CORRUPT \/journal\/s\d+-\d+\.segment \d+$/,
      );
      reported += 1;
    }
  }
  expect(reported).toBeGreaterThan(3);
  expect(takenForTorn).toBeLessThan(3);
}, 60_000);

async function contents(runtime: SimRuntime): Promise<string> {
  try {
    const journal = await open(runtime, 3);
    return await runtime.clock.run(fingerprint(journal));
  } catch (error) {
    if (!isBrokerError(error)) throw error;
    return `${error.code} ${String(error.details['file'])} ${String(error.details['offset'])}`;
  }
}

const queue = destinationNumber(1);

/** Ten batches of one message each, and the offset of each on disk. */
async function tenMessages(): Promise<{ runtime: SimRuntime; path: string; batchBytes: number }> {
  const runtime = simRuntime(7);
  const journal = await open(runtime, 1);
  await runtime.clock.run(
    journal.append([{ type: 'destination-added', destination: queue, key: 'queue://A' }]),
  );
  for (let at = 1; at <= 10; at += 1) {
    await runtime.clock.run(
      journal.append([
        {
          type: 'message-added',
          targets: [{ destination: queue, sequence: sequence(at) }],
          payload: [Buffer.alloc(928, 64 + at)],
        },
      ]),
    );
  }
  runtime.files.losePower(0);
  const [path = ''] = await segmentPaths(runtime);
  // Batch header 48, record header 12, payload 928, target 12: 1000, a multiple of 8.
  return { runtime, path, batchBytes: 1000 };
}

async function sequences(journal: Journal, runtime: SimRuntime): Promise<number[]> {
  const limits = { messageCountMax: 100, bytesMax: 1e6 };
  const messages = await runtime.clock.run(journal.read(queue, sequence(0), limits));
  return messages.map((message) => message.sequence);
}

function offsetOf(runtime: SimRuntime, path: string, message: number): number {
  return runtime.files.contents(path).indexOf(Buffer.alloc(928, 64 + message));
}

test('damage in the middle is refused with file and offset, and isolated on demand', async () => {
  const { runtime, path, batchBytes } = await tenMessages();
  const payload = offsetOf(runtime, path, 4);
  runtime.files.flipBit(path, payload + 100);
  const at = payload - 60;
  await expect(open(runtime, 2)).rejects.toMatchObject({
    code: 'BATON_CORRUPT',
    details: { file: path, offset: at, to: at + batchBytes },
  });
  const verified = await runtime.clock.run(
    verifyJournal({ directory: DIRECTORY, components: runtime }),
  );
  expect(verified.damage).toMatchObject([{ file: path, from: at, to: at + batchBytes }]);

  const journal = await open(runtime, 2, { ...SMALL, onCorruption: 'isolate' });
  expect(await sequences(journal, runtime)).toEqual([1, 2, 3, 5, 6, 7, 8, 9, 10]);
  expect(journal.inspect().damage).toMatchObject([{ file: path, from: at, to: at + batchBytes }]);
});

test('a torn last write is the end of the journal, not damage', async () => {
  const { runtime, path } = await tenMessages();
  runtime.files.flipBit(path, offsetOf(runtime, path, 10) + 100);
  const journal = await open(runtime, 2);
  expect(await sequences(journal, runtime)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(journal.inspect().damage).toEqual([]);
});

test('a message that rots after opening is named when it is read, and others are still served', async () => {
  const { runtime, path } = await tenMessages();
  const journal = await open(runtime, 2);
  const payload = offsetOf(runtime, path, 4);
  runtime.files.flipBit(path, payload);
  const one = { messageCountMax: 1, bytesMax: 1e6 };
  await expect(runtime.clock.run(journal.read(queue, sequence(4), one))).rejects.toMatchObject({
    code: 'BATON_CORRUPT',
    details: { file: path, offset: payload - 12 },
  });
  expect(await runtime.clock.run(journal.read(queue, sequence(5), one))).toHaveLength(1);
});

test('a damaged checkpoint costs time, not data; without any the journal says so', async () => {
  const runtime = simRuntime(9);
  const workload = new Workload(simRandom(9));
  const journal = await open(runtime, 1);
  await run(runtime, journal, workload, 60);
  await runtime.clock.run(journal.close());
  const names = await runtime.clock.run(runtime.files.list(DIRECTORY));
  const [newest, older] = names.filter((name) => name.endsWith('.checkpoint')).reverse();
  runtime.files.flipBit(`${DIRECTORY}/${newest ?? ''}`, 40);
  const again = await open(runtime, 2);
  expect(await runtime.clock.run(fingerprint(again))).toBe(workload.model.fingerprint());

  runtime.files.losePower(0);
  runtime.files.flipBit(`${DIRECTORY}/${older ?? ''}`, 40);
  await expect(open(runtime, 3)).rejects.toMatchObject({ code: 'BATON_CORRUPT' });
});

test('looking at a journal changes nothing on disk', async () => {
  const { runtime } = await made(3);
  runtime.files.inject = ({ kind, path }) => {
    if (!['open', 'read', 'list'].includes(kind)) throw new Error(`${kind} of ${path}`);
    return undefined;
  };
  const { damage, messageCount, batchCount } = await runtime.clock.run(
    verifyJournal({ directory: DIRECTORY, components: runtime }),
  );
  const inspected = await runtime.clock.run(
    inspectJournal({ directory: DIRECTORY, components: runtime }),
  );
  expect(damage).toEqual([]);
  expect(batchCount).toBeGreaterThan(10);
  expect(inspected.messageCount).toBe(messageCount);
});
