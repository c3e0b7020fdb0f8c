import { nodeRuntime } from '@batonmq/runtime/node';
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { HeldLock, type HeldLockTimes } from './held-lock.ts';
import { kernelLocks, look, LockFile } from './lock-file.ts';
import { encodeLockRecord, type LockRecord } from './lock-record.ts';

const runtime = nodeRuntime();
const RECORD: LockRecord = { state: 'held', owner: 'a', holder: 'uuid-a', epoch: 3, count: 0 };
const OTHER: LockRecord = { state: 'held', owner: 'b', holder: 'uuid-b', epoch: 4, count: 1 };
/** No keep-alive comes between, so that what is seen was seen by the guard. */
const QUIET: HeldLockTimes = {
  keepAliveIntervalMs: 60_000,
  leaseDurationMs: 600_000,
  trustMs: 60_000,
};
const BUSY: HeldLockTimes = { keepAliveIntervalMs: 10, leaseDurationMs: 600_000, trustMs: 60_000 };

let directory: string;
let path: string;
let held: HeldLock | undefined;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'baton-held-'));
  path = join(directory, 'lock');
});

afterEach(async () => {
  await held?.release();
  held = undefined;
  await rm(directory, { recursive: true });
});

async function hold(times: HeldLockTimes): Promise<HeldLock> {
  const file = await LockFile.open(runtime.files, kernelLocks, path);
  expect(file.tryLock()).toBe(true);
  held = await HeldLock.take(runtime, file, path, RECORD, times);
  return held;
}

async function replaceFile(): Promise<void> {
  await writeFile(`${path}.other`, encodeLockRecord(OTHER));
  await rename(`${path}.other`, path);
}

describe('a held lock', () => {
  test('shows a keep-alive that grows', async () => {
    await hold(BUSY);
    const counts = new Set<number>();
    while (counts.size < 3) {
      const seen = await look(runtime.files, path);
      expect(seen?.record).toMatchObject({ owner: 'a', epoch: 3, state: 'held' });
      counts.add(seen?.record?.count ?? 0);
    }
    expect(held?.guard()).toBeUndefined();
  });

  test('the guard sees at once that another file is in place', async () => {
    const lock = await hold(QUIET);
    expect(lock.guard()).toBeUndefined();
    await replaceFile();
    expect(lock.guard()).toMatchObject({ code: 'BATON_FENCED' });
    expect(await lock.lost).toMatchObject({ reason: 'fenced' });
  });

  test('the guard sees at once that the file was deleted', async () => {
    const lock = await hold(QUIET);
    await rm(path);
    expect(lock.guard()).toMatchObject({ code: 'BATON_FENCED' });
  });

  test('a guard without trust sees another record in the same file', async () => {
    const lock = await hold({ ...QUIET, trustMs: 0 });
    expect(lock.guard()).toBeUndefined();
    await writeFile(path, encodeLockRecord(OTHER));
    expect(lock.guard()).toMatchObject({ code: 'BATON_FENCED' });
  });

  test('the keep-alive notices another record and leaves it as it is', async () => {
    const lock = await hold(BUSY);
    const other = encodeLockRecord(OTHER);
    await writeFile(path, other);
    expect(await lock.lost).toMatchObject({ reason: 'fenced' });
    expect(await readFile(path)).toEqual(Buffer.from(other));
  });

  test('a lost lock never passes the guard again, also when the file comes back', async () => {
    const lock = await hold(QUIET);
    await rename(path, `${path}.away`);
    expect(lock.guard()).toBeDefined();
    await rename(`${path}.away`, path);
    expect(lock.guard()).toMatchObject({ code: 'BATON_FENCED' });
  });

  test('is marked as released and free for the next', async () => {
    const lock = await hold(QUIET);
    await lock.release();
    expect((await look(runtime.files, path))?.record).toMatchObject({
      state: 'released',
      epoch: 3,
    });
    const next = await LockFile.open(runtime.files, kernelLocks, path);
    expect(next.tryLock()).toBe(true);
    await next.close();
  });

  test('given back during a quarantine it does not look settled', async () => {
    const file = await LockFile.open(runtime.files, kernelLocks, path);
    file.tryLock();
    const record = { ...RECORD, state: 'quarantine' } as const;
    const lock = await HeldLock.take(runtime, file, path, record, QUIET);
    await lock.release();
    expect((await look(runtime.files, path))?.record).toMatchObject({ state: 'quarantine' });
  });

  test('cannot be taken on a file that the path does not lead to', async () => {
    const file = await LockFile.open(runtime.files, kernelLocks, path);
    file.tryLock();
    await replaceFile();
    await expect(HeldLock.take(runtime, file, path, RECORD, QUIET)).rejects.toMatchObject({
      code: 'BATON_FENCED',
    });
    await file.close();
  });
});
