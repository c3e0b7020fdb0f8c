import type { Logger } from '@batonmq/runtime';
import { nodeRuntime } from '@batonmq/runtime/node';
import { SimDisk, simRandom } from '@batonmq/runtime/sim';
import { builtPlugin, StoreProcess, type StorePluginOfPackage } from '@batonmq/services';
import type { Store } from '@batonmq/store-spi';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { fsLockStoreWith } from '../src/fs-lock-store.ts';
import { fsLockStore } from '../src/index.ts';
import { SimLocks } from './fixtures/sim-locks.ts';

/** Any user that does not own the directory: root may write everywhere. */
const NOBODY = 65_534;

let plugin: StorePluginOfPackage;
let directory: string;
let store: Store;

beforeAll(async () => {
  plugin = await builtPlugin('store-fs-lock', 'fsLockStore');
}, 120_000);

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'baton-directory-'));
  store = fsLockStore({ directory, pollIntervalMs: 10 }).create(nodeRuntime());
});

afterEach(async () => {
  await store.close();
  await rm(directory, { recursive: true });
});

describe('a directory that is not to be written to', () => {
  test.each([
    ['a newer format', 'format', 'batonmq-store 2\n'],
    ['a format file that nobody can read', 'format', 'something else'],
    ['a KahaDB of ActiveMQ', 'db-1.log', ''],
  ])('%s is refused and nothing is touched', async (_what, name, text) => {
    await writeFile(join(directory, name), text);
    await expect(store.acquire({ owner: 'a' })).rejects.toMatchObject({
      code: 'BATON_STORE_FORMAT',
    });
    expect(await readdir(directory)).toEqual([name]);
  });

  test('a directory without permission is refused as read-only', async () => {
    await chmod(directory, 0o555);
    const asUser =
      process.getuid?.() === 0 ? ['setpriv', `--reuid=${NOBODY}`, '--clear-groups'] : [];
    const process_ = new StoreProcess({
      plugin,
      owner: 'a',
      options: { directory },
      wrapper: asUser,
    });
    expect(await process_.seen('failed')).toMatchObject({ code: 'BATON_STORE_READ_ONLY' });
    await process_.exited;
    await chmod(directory, 0o755);
    expect(await readdir(directory)).toEqual([]);
  });

  test('a parent that is missing is made', async () => {
    const deep = join(directory, 'not', 'yet', 'there');
    const other = fsLockStore({ directory: deep }).create(nodeRuntime());
    await other.acquire({ owner: 'a' });
    expect(await readFile(join(deep, 'format'), 'utf8')).toBe('batonmq-store 1\n');
    await other.close();
  });

  test('a full disk is waited for, and taken when there is room', async () => {
    const runtime = nodeRuntime();
    const disk = new SimDisk({ clock: runtime.clock, random: simRandom(1), capacityBytes: 512 });
    const plugin = fsLockStoreWith(
      { directory: '/data', keepAliveIntervalMs: 10, journal: { segmentBytes: 1 << 20 } },
      new SimLocks(),
    );
    let onRefused: () => void = () => undefined;
    const refused = new Promise<void>((resolve) => (onRefused = resolve));
    const logger: Logger = {
      log: (_level, message) => {
        if (message.includes('no room')) onRefused();
      },
      child: () => logger,
    };
    const full = plugin.create({ ...runtime, files: disk, logger });
    const acquiring = full.acquire({ owner: 'a' });
    await refused;
    disk.capacityBytes = 64 << 20;
    await acquiring;
    await full.close();
  });
});

describe('an old owner', () => {
  test('finds nothing at the paths it knows', async () => {
    const first = await store.acquire({ owner: 'a' });
    await rm(join(directory, 'lock'));
    const second = fsLockStore({
      directory,
      leaseDurationMs: 300,
      keepAliveIntervalMs: 10,
      pollIntervalMs: 10,
    }).create(nodeRuntime());
    const lease = await second.acquire({ owner: 'b' });
    expect(lease.epoch).toBeGreaterThan(first.epoch);
    const names = await readdir(directory);
    expect(names).not.toContain(`journal-${first.epoch}`);
    expect(names).toContain(`journal-${lease.epoch}`);
    await expect(first.append([])).rejects.toMatchObject({ code: 'BATON_FENCED' });
    expect(await first.lost).toMatchObject({ reason: 'fenced' });
    await second.close();
  });
});

describe('another program', () => {
  /** A POSIX lock of the first byte, as Java's FileLock and ActiveMQ take it: struct flock of 64-bit Linux. */
  const HOLD = `
    use Fcntl;
    $| = 1;
    sysopen(my $file, $ARGV[0], O_RDWR | O_CREAT) or die;
    my $lock = pack('ssx4qqix4', F_WRLCK, 0, 0, 1, 0);
    fcntl($file, F_SETLK, $lock) or do { print "refused\\n"; exit };
    syswrite($file, "\\0\\0\\1\\x8b\\xcf\\xe5\\x68\\0"); print "locked\\n"; <STDIN>;`;

  async function lockAsActiveMq(): Promise<{ said: string; end: () => Promise<void> }> {
    const child = spawn('perl', ['-e', HOLD, join(directory, 'lock')]);
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    return {
      said: line.toString().trim(),
      end: async () => {
        if (child.exitCode !== null) return;
        child.stdin.end();
        await once(child, 'exit');
      },
    };
  }

  test('that holds the lock is waited for', async () => {
    const other = await lockAsActiveMq();
    expect(other.said).toBe('locked');
    let isGranted = false;
    let onWaiting: () => void = () => undefined;
    const isWaiting = new Promise<void>((resolve) => (onWaiting = resolve));
    const acquiring = store
      .acquire({
        owner: 'a',
        onProgress: ({ type }) => {
          if (type === 'waiting') onWaiting();
        },
      })
      .then((lease) => {
        isGranted = true;
        return lease;
      });
    await isWaiting;
    expect(isGranted).toBe(false);
    await other.end();
    expect((await acquiring).epoch).toBe(1);
  });

  test('cannot take the lock from a broker', async () => {
    await store.acquire({ owner: 'a' });
    const other = await lockAsActiveMq();
    expect(other.said).toBe('refused');
    await other.end();
  });
});

describe('inspection from outside', () => {
  test('tells what is stored and who holds it, and changes nothing', async () => {
    await store.acquire({ owner: 'a' });
    await mkdir(join(directory, 'unrelated'));
    const before = await readdir(directory);
    const standby = fsLockStore({ directory }).create(nodeRuntime());
    expect(await standby.inspect()).toMatchObject({ epoch: 1, isHeldHere: false, messageCount: 0 });
    await standby.close();
    expect(await readdir(directory)).toEqual(before);
  });
});
