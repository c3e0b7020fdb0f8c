import { nodeRuntime } from '@batonmq/runtime/node';
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { directoryPaths, type DirectoryPaths } from './directory-layout.ts';
import { HeldLock, type HeldLockTimes } from './held-lock.ts';
import { kernelLocks, look, LockFile } from './lock-file.ts';
import { encodeLockRecord, type LockRecord } from './lock-record.ts';

const runtime = nodeRuntime();
const RECORD: LockRecord = { state: 'held', owner: 'a', holder: 'uuid-a', epoch: 3, count: 0 };
const OTHER: LockRecord = { state: 'held', owner: 'b', holder: 'uuid-b', epoch: 4, count: 1 };
/** No keep-alive comes between, so that what is seen was seen by the guard. */
const QUIET: HeldLockTimes = { keepAliveIntervalMs: 60_000, leaseDurationMs: 600_000 };
const BUSY: HeldLockTimes = { keepAliveIntervalMs: 10, leaseDurationMs: 600_000 };

let paths: DirectoryPaths;
let held: HeldLock | undefined;

beforeEach(async () => {
  paths = directoryPaths(await mkdtemp(join(tmpdir(), 'baton-held-')));
});

afterEach(async () => {
  await held?.release();
  held = undefined;
  await rm(paths.directory, { recursive: true });
});

async function hold(times: HeldLockTimes, record = RECORD): Promise<HeldLock> {
  const file = await LockFile.open(runtime.files, kernelLocks, paths.lock);
  expect(file.tryLock()).toBe(true);
  held = await HeldLock.take(runtime, paths, file, record, times);
  return held;
}

/** What a successor does first. */
async function replace(path: string): Promise<void> {
  await writeFile(`${path}.other`, encodeLockRecord(OTHER));
  await rename(`${path}.other`, path);
}

describe('a held lock', () => {
  test('shows a keep-alive that grows', async () => {
    const lock = await hold(BUSY);
    const counts = new Set<number>();
    while (counts.size < 3) {
      const seen = await look(runtime.files, paths.owner);
      expect(seen?.record).toMatchObject({ owner: 'a', epoch: 3, state: 'held' });
      counts.add(seen?.record?.count ?? 0);
    }
    expect(lock.guard()).toBeUndefined();
  });

  test.each(['replaced', 'deleted'])(
    'the guard sees at once that the owner was %s',
    async (how) => {
      const lock = await hold(QUIET);
      expect(lock.guard()).toBeUndefined();
      await (how === 'replaced' ? replace(paths.owner) : rm(paths.owner));
      expect(lock.guard()).toMatchObject({ code: 'BATON_FENCED' });
      expect(await lock.lost).toMatchObject({ reason: 'fenced' });
    },
  );

  test.each(['lock', 'owner'] as const)(
    'the keep-alive notices that %s was replaced and leaves the new one as it is',
    async (name) => {
      const lock = await hold(BUSY);
      await replace(paths[name]);
      expect(await lock.lost).toMatchObject({ reason: 'fenced' });
      await lock.release();
      expect(await readFile(paths[name])).toEqual(Buffer.from(encodeLockRecord(OTHER)));
    },
  );

  test('taking a lock fences whoever had it before', async () => {
    const former = await hold(QUIET);
    await rm(paths.lock);
    const successor = await hold(QUIET, { ...OTHER, count: 0 });
    expect(former.guard()).toMatchObject({ code: 'BATON_FENCED' });
    expect(successor.guard()).toBeUndefined();
    await former.release();
  });

  test('a lost lock never passes the guard again, also when the file comes back', async () => {
    const lock = await hold(QUIET);
    await rename(paths.owner, `${paths.owner}.away`);
    expect(lock.guard()).toBeDefined();
    await rename(`${paths.owner}.away`, paths.owner);
    expect(lock.guard()).toMatchObject({ code: 'BATON_FENCED' });
  });

  test('a failure above it is told from a loss that caused it', async () => {
    const cause = new Error('no such file');
    const failed = await hold(QUIET);
    failed.fail(cause);
    expect(await failed.lost).toEqual({ reason: 'failed', cause });
    await failed.release();
    const fenced = await hold(QUIET);
    await replace(paths.owner);
    fenced.fail(cause);
    expect(await fenced.lost).toMatchObject({ reason: 'fenced' });
  });

  test('is marked as released and free for the next', async () => {
    const lock = await hold(QUIET);
    await lock.release();
    const next = await LockFile.open(runtime.files, kernelLocks, paths.lock);
    expect(next.tryLock()).toBe(true);
    expect(next.readSync()).toMatchObject({ state: 'released', epoch: 3 });
    await next.close();
    expect((await look(runtime.files, paths.owner))?.record).toMatchObject({ state: 'released' });
  });

  test('given back during a quarantine it does not look settled', async () => {
    const lock = await hold(QUIET, { ...RECORD, state: 'quarantine' });
    await lock.release();
    expect((await look(runtime.files, paths.lock))?.record).toMatchObject({ state: 'quarantine' });
  });

  test('cannot be taken on a file that the name does not lead to', async () => {
    const file = await LockFile.open(runtime.files, kernelLocks, paths.lock);
    file.tryLock();
    await replace(paths.lock);
    await expect(HeldLock.take(runtime, paths, file, RECORD, QUIET)).rejects.toMatchObject({
      code: 'BATON_FENCED',
    });
    await file.close();
  });
});
