import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { destinationNumber, epoch, sequence } from '@batonmq/model';
import { nodeRuntime } from '@batonmq/runtime/node';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { followJournal, openJournal, type Journal, type JournalOptions } from '../src/index.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'batonmq-journal-'));
});
afterEach(() => rm(directory, { recursive: true }));

const components = nodeRuntime();
const options: JournalOptions = {
  segmentBytes: 256 * 1024,
  checkpointBytes: 128 * 1024,
  reserveBytes: 16 * 1024,
};
const queue = destinationNumber(1);

function open(number: number): Promise<Journal> {
  return openJournal({ directory, epoch: epoch(number), components, options });
}

function added(place: number, text: string) {
  return {
    type: 'message-added' as const,
    targets: [{ destination: queue, sequence: sequence(place) }],
    payload: [Buffer.from(text.slice(0, 3)), Buffer.from(text.slice(3))],
  };
}

async function texts(journal: Journal): Promise<string[]> {
  const limits = { messageCountMax: 100_000, bytesMax: 1e9 };
  const messages = await journal.read(queue, sequence(0), limits);
  return messages.map(({ payload }) => Buffer.from(payload).toString());
}

test('what was appended on a real disk is there after closing and after not closing', async () => {
  const first = await open(1);
  await first.append([{ type: 'destination-added', destination: queue, key: 'queue://A' }]);
  const many = Array.from({ length: 2000 }, (_, index) => `message ${index} ${'x'.repeat(500)}`);
  await Promise.all(many.map((text, index) => first.append([added(index + 1, text)])));
  expect(await texts(first)).toEqual(many);

  // Opened again without closing the first, as after kill -9.
  const second = await open(2);
  expect(await texts(second)).toEqual(many);
  await second.append([{ type: 'message-removed', destination: queue, sequence: sequence(1) }]);
  await second.close();
  await first.close();

  const third = await open(3);
  expect(await texts(third)).toEqual(many.slice(1));
  await third.close();
});

test('a follower has what the owner has, and opening with it needs no other recovery', async () => {
  const owner = await open(1);
  await owner.append([{ type: 'destination-added', destination: queue, key: 'queue://A' }]);
  const follower = followJournal({ directory: () => Promise.resolve(directory), components });
  for (let round = 0; round < 20; round += 1) {
    for (let one = 1; one <= 50; one += 1) {
      await owner.append([added(round * 50 + one, 'y'.repeat(1000))]);
    }
    await follower.catchUp();
    expect(follower.messageCount).toBe((round + 1) * 50);
    expect(follower.lagBytes).toBe(0);
  }
  await owner.append([added(1001, 'last')]);
  const next = await openJournal({ directory, epoch: epoch(2), components, options, follower });
  expect((await texts(next)).at(-1)).toBe('last');
  expect(next.inspect().messageCount).toBe(1001);
  await next.close();
  await owner.close();
});
