import fs, { constants } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import type { Files, FileStatus, OpenFile, OpenMode } from '../files.ts';

const OPEN_FLAGS: Readonly<Record<OpenMode, number>> = {
  read: constants.O_RDONLY,
  'read-write': constants.O_RDWR,
  create: constants.O_RDWR | constants.O_CREAT | constants.O_EXCL,
  'open-or-create': constants.O_RDWR | constants.O_CREAT,
};

/** New files are for their owner and group; what a message says is nobody else's business. */
const FILE_MODE = 0o640;

/** The machine's file system. Errors are Node's own, with their `code`. */
export function nodeFiles(): Files {
  return {
    async open(path: string, mode: OpenMode): Promise<OpenFile> {
      return new NodeFile(path, await openDescriptor(path, OPEN_FLAGS[mode]));
    },
    openSync(path: string, mode: OpenMode): OpenFile {
      return new NodeFile(path, fs.openSync(path, OPEN_FLAGS[mode], FILE_MODE));
    },
    async list(directory: string): Promise<readonly string[]> {
      return (await fs.promises.readdir(directory)).sort();
    },
    status: (path: string) => orUndefined(fs.promises.stat(path, { bigint: true })),
    statusSync(path: string): FileStatus | undefined {
      const stats = fs.statSync(path, { bigint: true, throwIfNoEntry: false });
      return stats && fileStatus(stats);
    },
    async makeDirectory(path: string): Promise<void> {
      await fs.promises.mkdir(path, { recursive: true });
    },
    rename: (from: string, to: string) => fs.promises.rename(from, to),
    remove: (path: string) => fs.promises.rm(path, { recursive: true, force: true }),
    syncDirectory,
    async freeBytes(path: string): Promise<number> {
      const { bavail, bsize } = await fs.promises.statfs(path);
      return bavail * bsize;
    },
  };
}

/**
 * A sync on this thread saves the way to a thread of the pool and back: measured with batches of
 * 1.4 KB, one at a time, 0.10 in place of 0.13 ms, and 42 in place of 67 µs of processor time.
 * But nothing else runs meanwhile, so it is only for little that was written, and only while syncs
 * are quick: one that took longer sends the next ones to the pool, until they are quick there.
 */
const BLOCKING_SYNC_BYTES_MAX = 16 * 1024;
const BLOCKING_SYNC_MS_MAX = 0.5;

class NodeFile implements OpenFile {
  readonly path: string;
  readonly descriptor: number;
  #isClosed = false;
  /** Written since the last sync. */
  #unsyncedBytes = 0;
  /** How long the last sync took; unknown before the first. */
  #lastSyncMs = Infinity;

  constructor(path: string, descriptor: number) {
    this.path = path;
    this.descriptor = descriptor;
  }

  writeSync(bytes: Uint8Array, position: number): void {
    this.#unsyncedBytes += bytes.length;
    let done = 0;
    while (done < bytes.length) {
      done += fs.writeSync(this.descriptor, bytes, done, bytes.length - done, position + done);
    }
  }

  async write(bytes: Uint8Array, position: number): Promise<void> {
    // Whoever writes off this thread does not want it to wait for the disk.
    this.#unsyncedBytes = Infinity;
    let done = 0;
    while (done < bytes.length) {
      done += await writeSome(this.descriptor, bytes, done, position + done);
    }
  }

  readSync(into: Uint8Array, position: number): number {
    let done = 0;
    while (done < into.length) {
      const count = fs.readSync(this.descriptor, into, done, into.length - done, position + done);
      if (count === 0) break;
      done += count;
    }
    return done;
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    let done = 0;
    while (done < into.length) {
      const count = await readSome(this.descriptor, into, done, position + done);
      if (count === 0) break;
      done += count;
    }
    return done;
  }

  async datasync(): Promise<void> {
    const unsyncedBytes = this.#unsyncedBytes;
    const isQuick = this.#lastSyncMs <= BLOCKING_SYNC_MS_MAX;
    this.#unsyncedBytes = 0;
    const startedAt = performance.now();
    if (isQuick && unsyncedBytes <= BLOCKING_SYNC_BYTES_MAX) this.datasyncSync();
    else await datasyncInPool(this.descriptor);
    this.#lastSyncMs = performance.now() - startedAt;
  }

  datasyncSync(): void {
    fs.fdatasyncSync(this.descriptor);
  }

  truncate(sizeBytes: number): Promise<void> {
    return new Promise((resolve, reject) => {
      fs.ftruncate(this.descriptor, sizeBytes, settle(resolve, reject));
    });
  }

  status(): Promise<FileStatus> {
    return new Promise((resolve, reject) => {
      fs.fstat(this.descriptor, { bigint: true }, (error, stats) => {
        if (error) reject(error);
        else resolve(fileStatus(stats));
      });
    });
  }

  statusSync(): FileStatus {
    return fileStatus(fs.fstatSync(this.descriptor, { bigint: true }));
  }

  close(): Promise<void> {
    // A second close of the same number could close somebody else's file.
    if (this.#isClosed) return Promise.resolve();
    this.#isClosed = true;
    return new Promise((resolve, reject) => {
      fs.close(this.descriptor, settle(resolve, reject));
    });
  }
}

/** Descriptors rather than `FileHandle`s: a handle cannot write synchronously, and closes itself when collected. */
function openDescriptor(path: string, flags: number): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.open(path, flags, FILE_MODE, (error, descriptor) => {
      if (error) reject(error);
      else resolve(descriptor);
    });
  });
}

function writeSome(fd: number, bytes: Uint8Array, from: number, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.write(fd, bytes, from, bytes.length - from, position, (error, count) => {
      if (error) reject(error);
      else resolve(count);
    });
  });
}

function readSome(fd: number, into: Uint8Array, from: number, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.read(fd, into, from, into.length - from, position, (error, count) => {
      if (error) reject(error);
      else resolve(count);
    });
  });
}

function datasyncInPool(descriptor: number): Promise<void> {
  return new Promise((resolve, reject) => {
    fs.fdatasync(descriptor, settle(resolve, reject));
  });
}

function settle(
  resolve: () => void,
  reject: (error: Error) => void,
): (error: NodeJS.ErrnoException | null) => void {
  return (error) => {
    if (error) reject(error);
    else resolve();
  };
}

/** From big integers: file numbers of 64 bits, as NFS servers give them, would be rounded and two files be one. */
function fileStatus(stats: fs.BigIntStats): FileStatus {
  return {
    sizeBytes: Number(stats.size),
    identity: `${stats.dev}:${stats.ino}`,
    isDirectory: stats.isDirectory(),
    modifiedAt: Number(stats.mtimeMs),
  };
}

async function orUndefined(stats: Promise<fs.BigIntStats>): Promise<FileStatus | undefined> {
  try {
    return fileStatus(await stats);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await fs.promises.open(join(directory, '.'), constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
