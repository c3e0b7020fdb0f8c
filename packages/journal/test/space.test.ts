import { destinationNumber, sequence } from '@batonmq/model';
import { simRuntime } from '@batonmq/runtime/sim';
import type { WriteBatch } from '@batonmq/store-spi';
import { expect, test } from 'vitest';
import type { Journal } from '../src/index.ts';
import { fingerprint, open, SMALL } from './workload.ts';

const queue = destinationNumber(1);
const SEGMENT_BYTES = 64 * 1024;

function added(at: number) {
  return {
    type: 'message-added' as const,
    targets: [{ destination: queue, sequence: sequence(at) }],
    payload: [Buffer.alloc(1000, at & 0xff)],
  };
}

function removed(at: number) {
  return { type: 'message-removed' as const, destination: queue, sequence: sequence(at) };
}

async function declare(runtime: ReturnType<typeof simRuntime>): Promise<Journal> {
  const journal = await open(runtime, 1);
  await runtime.clock.run(
    journal.append([{ type: 'destination-added', destination: queue, key: 'queue://A' }]),
  );
  return journal;
}

test('messages that nobody consumes do not keep the files of those that were consumed', async () => {
  const runtime = simRuntime(1);
  const { clock, files } = runtime;
  const journal = await declare(runtime);
  const stuck: number[] = [];
  for (let at = 1; at <= 3000; at += 1) {
    await clock.run(journal.append([added(at)]));
    if (at % 50 === 1) stuck.push(at);
    else await clock.run(journal.append([removed(at)]));
  }
  await clock.runUntilIdle();
  const { liveBytes, usedBytes, segments, messageCount } = journal.inspect();
  expect(messageCount).toBe(stuck.length);
  // Three megabytes went through. What stays: twice the live data, and what two checkpoints and the
  // segments being written may keep.
  expect(usedBytes).toBeLessThan(2 * liveBytes + 10 * SEGMENT_BYTES);
  expect(files.usedBytes).toBeLessThan(2 * liveBytes + 11 * SEGMENT_BYTES);
  expect(new Set(segments.map(({ why }) => why))).toContain('written');

  const before = await clock.run(fingerprint(journal));
  files.losePower(0);
  const again = await open(runtime, 2);
  expect(await clock.run(fingerprint(again))).toBe(before);
  const limits = { messageCountMax: 1000, bytesMax: 1e9 };
  const messages = await clock.run(again.read(queue, sequence(0), limits));
  expect(messages.map((message) => Number(message.sequence))).toEqual(stuck);
});

test('a drained journal gives its space back', async () => {
  const runtime = simRuntime(2);
  const { clock, files } = runtime;
  const journal = await declare(runtime);
  for (let at = 1; at <= 1000; at += 1) await clock.run(journal.append([added(at)]));
  const full = files.usedBytes;
  for (let at = 1; at <= 1000; at += 1) await clock.run(journal.append([removed(at)]));
  await clock.runUntilIdle();
  expect(full).toBeGreaterThan(1_000_000);
  expect(files.usedBytes).toBeLessThan(7 * SEGMENT_BYTES);
});

test('a full disk refuses messages, takes acks, and takes messages again when there is room', async () => {
  const runtime = simRuntime(3);
  const { clock, files } = runtime;
  files.capacityBytes = 600 * 1024;
  const journal = await declare(runtime);
  let at = 0;
  let refusal: unknown;
  while (refusal === undefined) {
    at += 1;
    const append = journal.append([added(at)]);
    refusal = await clock.run(append.then(() => undefined).catch((error: unknown) => error));
  }
  expect(refusal).toMatchObject({ code: 'BATON_STORE_FULL' });
  expect(journal.inspect().isFull).toBe(true);
  expect(journal.inspect().messageCount).toBe(at - 1);

  // A refused message does not take others with it, whatever they were sent with.
  const mixed = [[removed(1)], [added(at)], [removed(2)]].map((batch) => journal.append(batch));
  const outcomes = await clock.run(Promise.allSettled(mixed));
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  for (let one = 3; one < at; one += 20) {
    const group = Array.from({ length: Math.min(20, at - one) }, (_, more) => removed(one + more));
    await clock.run(journal.append(group));
  }
  expect(journal.inspect().messageCount).toBe(0);
  await clock.runUntilIdle(2_000);
  await clock.run(journal.append([added(at)]));
  const before = await clock.run(fingerprint(journal));
  files.losePower(0);
  const again = await open(runtime, 2, SMALL);
  expect(await clock.run(fingerprint(again))).toBe(before);
});

// Where the disk ends decides which file is the one that has no room: a segment, a checkpoint, a spare.
test.each([1, 20])(
  'a full disk is usable again when its messages are gone, wherever it ends, with %i acks at a time',
  async (ackCount) => {
    for (let kibibytes = 230; kibibytes < 700; kibibytes += 13) {
      const runtime = simRuntime(4);
      const { clock, files } = runtime;
      files.capacityBytes = kibibytes * 1025;
      const journal = await open(runtime, 1, { ...SMALL, reserveBytes: 24 * 1024 });
      const outcome = (batch: WriteBatch) =>
        clock.run(
          journal.append(batch).then(
            () => 'stored',
            (error: unknown) => String(error),
          ),
        );
      await outcome([{ type: 'destination-added', destination: queue, key: 'queue://A' }]);
      let storedCount = 0;
      while ((await outcome([added(storedCount + 1)])) === 'stored') storedCount += 1;
      // Others take what is left for as long as the acks take.
      files.capacityBytes = files.usedBytes;
      for (let at = 1; at <= storedCount; at += ackCount) {
        const count = Math.min(ackCount, storedCount + 1 - at);
        const acks = Array.from({ length: count }, (_, more) => removed(at + more));
        expect(await outcome(acks), `acks at ${kibibytes} KiB`).toBe('stored');
      }
      files.capacityBytes = kibibytes * 1025;
      await clock.runUntilIdle(2_000);
      const again = await outcome([added(storedCount + 1)]);
      expect(again, `a message after all at ${kibibytes} KiB`).toBe('stored');
      await clock.run(journal.close());
    }
  },
);
