import { nodeRuntime } from '@batonmq/runtime/node';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { directoryPaths, type DirectoryPaths } from './directory-layout.ts';
import { HeldLock } from './held-lock.ts';
import { kernelLocks, LockFile } from './lock-file.ts';
import { LockLine, type LineRequest, type LineTimes, type Turn } from './lock-line.ts';
import { encodeLockRecord, type LockRecord } from './lock-record.ts';

const runtime = nodeRuntime();
const RECORD: LockRecord = { state: 'held', owner: 'a', holder: 'uuid-a', epoch: 3, count: 0 };
/** Deposes nobody while a test runs. */
const PATIENT: LineTimes = { pollIntervalMs: 5, silenceMs: 600_000, namesakeMs: 50 };
const HASTY: LineTimes = { pollIntervalMs: 5, silenceMs: 60, namesakeMs: 50 };

let paths: DirectoryPaths;
const closers: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  paths = directoryPaths(await mkdtemp(join(tmpdir(), 'baton-line-')));
});

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  await rm(paths.directory, { recursive: true });
});

function line(times: LineTimes): LockLine {
  return new LockLine(runtime, kernelLocks, paths, times);
}

function request(owner: string, signal = new AbortController().signal): LineRequest {
  return { owner, signal, onProgress: () => undefined };
}

/** Locks the file as another open file description, which is as good as another process. */
async function lockFile(record?: LockRecord): Promise<LockFile> {
  const file = await LockFile.open(runtime.files, kernelLocks, paths.lock);
  expect(file.tryLock()).toBe(true);
  if (record) {
    await file.write(record);
    await writeFile(paths.owner, encodeLockRecord(record));
  }
  closers.push(() => file.close());
  return file;
}

function closeAtEnd(turn: Turn, from: LockLine): Turn {
  closers.push(() => {
    if (turn.replaced) from.leave(turn.replaced);
    return turn.file.close();
  });
  return turn;
}

/** Resolves when the line reports that it waits. */
function waiting(owner: string): { request: LineRequest; isWaiting: Promise<string | undefined> } {
  let onWaiting: (holder: string | undefined) => void = () => undefined;
  const isWaiting = new Promise<string | undefined>((resolve) => (onWaiting = resolve));
  return {
    isWaiting,
    request: {
      ...request(owner),
      onProgress: (progress) => {
        if (progress.type === 'waiting') onWaiting(progress.holder);
      },
    },
  };
}

describe('the line for a lock', () => {
  test('lets the first one through', async () => {
    const first = line(PATIENT);
    const turn = closeAtEnd(await first.stand(request('a')), first);
    expect(turn).toMatchObject({ former: undefined, replaced: undefined });
  });

  test('waits for the holder, says who that is, and wakes when it lets go', async () => {
    const holder = await lockFile(RECORD);
    const second = line({ ...PATIENT, pollIntervalMs: 60_000 });
    const { request: asking, isWaiting } = waiting('b');
    const standing = second.stand(asking);
    expect(await isWaiting).toBe('a');
    await holder.close();
    const turn = closeAtEnd(await standing, second);
    expect(turn).toMatchObject({ former: RECORD, replaced: undefined });
  });

  test('an abort ends the wait, and the place left behind does not keep the lock', async () => {
    const holder = await lockFile(RECORD);
    const second = line(PATIENT);
    const abort = new AbortController();
    const { request: asking, isWaiting } = waiting('b');
    const standing = second.stand({ ...asking, signal: abort.signal });
    await isWaiting;
    abort.abort();
    await expect(standing).rejects.toMatchObject({ code: 'BATON_ABORTED' });
    await holder.close();
    const third = line(PATIENT);
    closeAtEnd(await third.stand(request('c')), third);
  });

  test('a place left behind is taken up again', async () => {
    const holder = await lockFile(RECORD);
    const second = line({ ...PATIENT, pollIntervalMs: 60_000 });
    for (let round = 0; round < 3; round += 1) {
      const abort = new AbortController();
      const { request: asking, isWaiting } = waiting('b');
      const standing = second.stand({ ...asking, signal: abort.signal });
      await isWaiting;
      abort.abort();
      await expect(standing).rejects.toMatchObject({ code: 'BATON_ABORTED' });
    }
    const { request: asking, isWaiting } = waiting('b');
    const standing = second.stand(asking);
    await isWaiting;
    await holder.close();
    closeAtEnd(await standing, second);
  });

  test('a lock on a file that was replaced is not taken for the lock', async () => {
    const holder = await lockFile(RECORD);
    const second = line({ ...PATIENT, pollIntervalMs: 60_000 });
    const { request: asking, isWaiting } = waiting('b');
    const standing = second.stand(asking);
    await isWaiting;
    await writeFile(
      `${paths.lock}.other`,
      encodeLockRecord({ ...RECORD, holder: 'uuid-x', epoch: 9 }),
    );
    await rename(`${paths.lock}.other`, paths.lock);
    await holder.close();
    const turn = closeAtEnd(await standing, second);
    expect(turn.former).toMatchObject({ holder: 'uuid-x', epoch: 9 });
  });

  test('a lock file that somebody deleted is noticed', async () => {
    await lockFile(RECORD);
    const second = line(PATIENT);
    const { request: asking, isWaiting } = waiting('b');
    const standing = second.stand(asking);
    await isWaiting;
    await rm(paths.lock);
    const turn = closeAtEnd(await standing, second);
    expect(turn.former).toBeUndefined();
  });

  test('a silent holder is deposed although the kernel still counts its lock', async () => {
    await lockFile(RECORD);
    const second = line(HASTY);
    const turn = closeAtEnd(await second.stand(request('b')), second);
    expect(turn.former).toEqual(RECORD);
    expect(turn.replaced?.state).toBe('waiting');
    expect((await runtime.files.status(paths.lock))?.identity).toBe(turn.file.identity);
  });

  test('of many that depose a silent holder one gets the lock', async () => {
    await lockFile(RECORD);
    const abort = new AbortController();
    const lines = Array.from({ length: 6 }, () => line(HASTY));
    const standing = lines.map((each, index) => each.stand(request(`b${index}`, abort.signal)));
    const winner = await Promise.race(standing.map((turn, index) => turn.then(() => index)));
    const held = await HeldLock.take(
      runtime,
      paths,
      (await present(standing[winner])).file,
      { ...RECORD, holder: 'winner' },
      { keepAliveIntervalMs: 10, leaseDurationMs: 600_000 },
    );
    // Long enough for each of the others to have looked a few times more.
    await expect.poll(() => held.record.count).toBeGreaterThan(10);
    expect(held.guard()).toBeUndefined();
    abort.abort();
    const outcomes = await Promise.allSettled(standing);
    expect(outcomes.map(({ status }) => status).sort()).toEqual([
      'fulfilled',
      ...Array.from({ length: 5 }, () => 'rejected'),
    ]);
    const turn = await present(standing[winner]);
    if (turn.replaced) lines[winner]?.leave(turn.replaced);
    await held.release();
  });

  test.each([
    ['a program that writes no record of ours', undefined],
    [
      'a program that locked the file after a broker had given it back',
      { ...RECORD, state: 'released' as const },
    ],
  ])('%s is never deposed', async (_who, record) => {
    const holder = await lockFile(record);
    const second = line(HASTY);
    const abort = new AbortController();
    const standing = second.stand(request('b', abort.signal));
    const patience = new Promise((resolve) =>
      runtime.clock.setTimer(HASTY.silenceMs * 4, () => {
        resolve('still waiting');
      }),
    );
    expect(await Promise.race([standing, patience])).toBe('still waiting');
    expect((await runtime.files.status(paths.lock))?.identity).toBe(holder.identity);
    abort.abort();
    await expect(standing).rejects.toMatchObject({ code: 'BATON_ABORTED' });
  });

  test('a live holder of our own name is an error before it is waited for', async () => {
    const file = await lockFile();
    const held = await HeldLock.take(runtime, paths, file, RECORD, {
      keepAliveIntervalMs: 10,
      leaseDurationMs: 600_000,
    });
    let hasWaited = false;
    const asking = { ...request('a'), onProgress: () => (hasWaited = true) };
    const standing = line({ ...PATIENT, namesakeMs: 600_000 }).stand(asking);
    await expect(standing).rejects.toMatchObject({ code: 'BATON_NAME_IN_USE' });
    expect(hasWaited).toBe(false);
    await held.release();
  });

  test('the record that our own former process left is not', async () => {
    const handover = await lockFile(RECORD);
    const second = line(PATIENT);
    const { request: asking, isWaiting } = waiting('a');
    const standing = second.stand(asking);
    await isWaiting;
    await handover.close();
    closeAtEnd(await standing, second);
  });
});

async function present<T>(value: Promise<T> | undefined): Promise<T> {
  if (!value) throw new Error('missing');
  return value;
}
