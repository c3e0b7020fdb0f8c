import fs from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { OpenFile } from '../files.ts';
import { nodeFiles } from './files.ts';

/** Stands for a disk: how long each sync of this machine's disk takes is not for a test to rely on. */
let diskMs = 0;
let syncs: ('blocking' | 'pool')[] = [];
let now = 0;
let directory: string;
let file: OpenFile;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'batonmq-datasync-'));
  file = await nodeFiles().open(join(directory, 'file'), 'create');
  [diskMs, now, syncs] = [0.1, 0, []];
  vi.spyOn(performance, 'now').mockImplementation(() => now);
  vi.spyOn(fs, 'fdatasyncSync').mockImplementation(() => {
    syncs.push('blocking');
    now += diskMs;
  });
  vi.spyOn(fs, 'fdatasync').mockImplementation((_descriptor, done) => {
    syncs.push('pool');
    now += diskMs;
    done(null);
  });
});

afterEach(async () => {
  vi.restoreAllMocks();
  await file.close();
  await rm(directory, { recursive: true });
});

async function writeAndSync(byteCount: number): Promise<void> {
  file.writeSync(new Uint8Array(byteCount), 0);
  await file.datasync();
}

test('the first sync, of a disk nobody knows yet, leaves the thread free', async () => {
  await writeAndSync(10);
  expect(syncs).toEqual(['pool']);
});

test('a little on a quick disk is synced without a hop to another thread', async () => {
  await writeAndSync(10);
  await writeAndSync(16 * 1024);
  expect(syncs).toEqual(['pool', 'blocking']);
});

test('one slow sync sends the next ones to the pool until they are quick again', async () => {
  await writeAndSync(10);
  diskMs = 30;
  await writeAndSync(10);
  await writeAndSync(10);
  diskMs = 0.1;
  await writeAndSync(10);
  await writeAndSync(10);
  expect(syncs).toEqual(['pool', 'blocking', 'pool', 'pool', 'blocking']);
});

test('much, or what was written off the main thread, is never synced on it', async () => {
  await writeAndSync(10);
  await writeAndSync(16 * 1024 + 1);
  await file.write(new Uint8Array(1), 0);
  await file.datasync();
  expect(syncs).toEqual(['pool', 'pool', 'pool']);
});

test('a sync on the main thread that fails rejects as one of the pool does', async () => {
  await writeAndSync(10);
  const error = Object.assign(new Error('EIO'), { code: 'EIO' });
  vi.mocked(fs.fdatasyncSync).mockImplementation(() => {
    throw error;
  });
  await expect(writeAndSync(10)).rejects.toBe(error);
});
